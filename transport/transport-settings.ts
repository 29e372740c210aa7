/** What every transport needs to know, and its defaults. */
import type { Checksum, Codec } from "./caller.ts";
import type { Timing } from "./timing.ts";
import { transportLimits } from "./transport-limits.ts";
import type { TransportLimits } from "./transport-limits.ts";

export interface TransportOptions<Request, Response> {
  readonly requestCodec: Codec<Request>;
  readonly responseCodec: Codec<Response>;
  readonly checksum: Checksum;
  /** The version of what the codecs carry, 0 … 255: both sides must name the same. Default 1. */
  readonly protocol?: number;
  readonly limits?: Partial<TransportLimits>;
  readonly timing?: Timing;
}

/** The options with every default written out. */
export interface TransportSettings<Request, Response> {
  readonly requestCodec: Codec<Request>;
  readonly responseCodec: Codec<Response>;
  readonly checksum: Checksum;
  readonly protocol: number;
  readonly limits: TransportLimits;
  readonly timing: Timing;
}

/** @throws {RangeError} when `protocol` does not fit into its byte. */
export function settingsOf<Request, Response>(
  options: TransportOptions<Request, Response>,
  timing: Timing,
): TransportSettings<Request, Response> {
  const { requestCodec, responseCodec, checksum, protocol = 1 } = options;
  if (!Number.isInteger(protocol) || protocol < 0 || protocol > 255) {
    throw new RangeError(`Wanted a protocol version of 0 … 255, got ${protocol}.`);
  }
  const limits = { ...transportLimits, ...options.limits };
  const codecs = { requestCodec, responseCodec, checksum };
  return { ...codecs, protocol, limits, timing: options.timing ?? timing };
}
