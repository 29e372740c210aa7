/** All real networks, carrying the requests of this software. Knows nothing of files. */
import { assert, limits } from "../../consensus/index.ts";
import { createTransport, transportLimits } from "../../transport/index.ts";
import type { Transport } from "../../transport/index.ts";
import { checksumOf } from "../codec/known-checksums.ts";
import { requestCodec } from "../codec/request-codec.ts";
import type { Request, Response } from "../requests.ts";
import { responseCodec } from "../codec/response-codec.ts";
import { protocol } from "../version.ts";

const { nodeConnectionsMax, memberConnectionsMax, newcomerConnectionsMax } = transportLimits;
assert(
  limits.membersMax * memberConnectionsMax + newcomerConnectionsMax <= nodeConnectionsMax,
  "no member's places are taken by others",
);
assert(
  limits.membersMax * 2 <= newcomerConnectionsMax,
  "a node that knows nobody yet has room for both lanes of every member",
);

export function nodeNetwork(): Transport<Request, Response> {
  const codecs = { requestCodec, responseCodec, checksum: checksumOf };
  return createTransport({ ...codecs, protocol });
}
