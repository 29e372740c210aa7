/** All real networks, for a node. Knows nothing of files. */
import { assert, limits } from "../../consensus/index.ts";
import { createTransport, transportLimits } from "../../transport/index.ts";
import type { Transport } from "../../transport/index.ts";
import type { Request, Response } from "../requests.ts";
import { codecs } from "./codecs.ts";
import { credentialsIn, type NetworkCredentials } from "./network-credentials.ts";
import { queuedTurns } from "./turns.ts";

const { nodeConnectionsMax, memberConnectionsMax, newcomerConnectionsMax } = transportLimits;
assert(
  limits.membersMax * memberConnectionsMax + newcomerConnectionsMax <= nodeConnectionsMax,
  "no member's places are taken by others",
);
assert(
  limits.membersMax * 2 <= newcomerConnectionsMax,
  "a node that knows nobody yet has room for both lanes of every member",
);

export function nodeNetwork(shown: NetworkCredentials | null = null): Transport<Request, Response> {
  return createTransport({ ...codecs, ...credentialsIn(shown), turns: queuedTurns });
}
