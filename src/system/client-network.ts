/** All real networks of Node.js, for a client. Loads no package but `ws`. */
import { createTransport, type Dialler } from "../../transport/index.ts";
import type { Request, Response } from "../requests.ts";
import { codecs } from "./codecs.ts";
import { credentialsIn, type NetworkCredentials } from "./network-credentials.ts";

export function clientNetwork(shown: NetworkCredentials | null): Dialler<Request, Response> {
  return createTransport({ ...codecs, ...credentialsIn(shown) });
}
