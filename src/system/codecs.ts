/** How the requests of this software become bytes, on any network. */
import type { TransportOptions } from "../../transport/portable.ts";
import { checksumOf } from "../codec/known-checksums.ts";
import { requestCodec } from "../codec/request-codec.ts";
import { responseCodec } from "../codec/response-codec.ts";
import type { Request, Response } from "../requests.ts";
import { protocol } from "../version.ts";

export const codecs: TransportOptions<Request, Response> = {
  requestCodec,
  responseCodec,
  checksum: checksumOf,
  protocol,
};
