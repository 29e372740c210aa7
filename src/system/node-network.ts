/** All real networks, carrying the requests of this software. Knows nothing of files. */
import { createTransport } from "../../transport/index.ts";
import type { Transport } from "../../transport/index.ts";
import { checksumOf } from "../codec/known-checksums.ts";
import { requestCodec } from "../codec/request-codec.ts";
import type { Request, Response } from "../requests.ts";
import { responseCodec } from "../codec/response-codec.ts";
import { protocol } from "../version.ts";

export function nodeNetwork(): Transport<Request, Response> {
  const codecs = { requestCodec, responseCodec, checksum: checksumOf };
  return createTransport({ ...codecs, protocol });
}
