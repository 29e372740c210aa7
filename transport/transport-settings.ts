/** What every transport needs to know, and its defaults. */
import type { Checksum, Codec } from "./caller.ts";
import { isProtocolRange, untoldRange, type ProtocolRange } from "./protocol-range.ts";
import type { TlsSource } from "./tls-source.ts";
import type { Timing } from "./timing.ts";
import { transportLimits } from "./transport-limits.ts";
import type { TransportLimits } from "./transport-limits.ts";
import { TurnQueue, type Turns } from "./turns.ts";

export interface TransportOptions<Request, Response> {
  readonly requestCodec: Codec<Request>;
  readonly responseCodec: Codec<Response>;
  readonly checksum: Checksum;
  /** The versions of what the codecs carry; two sides take the highest in common. Default 1. */
  readonly protocol?: number | ProtocolRange;
  readonly limits?: Partial<TransportLimits>;
  readonly timing?: Timing;
  /** Makes what bounds the calls under way in one lane; default a queue of our own. */
  readonly turns?: (concurrency: number) => Turns;
  /** What whoever is called is given, to let this side in; asked for each connection. */
  readonly token?: () => string | null;
  /** Certificates, for `wss://` and `tls://`. Default: those who are called need a public one. */
  readonly tls?: TlsSource | null;
}

/** The options with every default written out. */
export interface TransportSettings<Request, Response> {
  readonly requestCodec: Codec<Request>;
  readonly responseCodec: Codec<Response>;
  readonly checksum: Checksum;
  readonly protocol: ProtocolRange;
  readonly limits: TransportLimits;
  readonly timing: Timing;
  readonly turns: (concurrency: number) => Turns;
  readonly token: () => string | null;
  readonly tls: TlsSource | null;
}

/** @throws {RangeError} when `protocol` does not fit into its byte, or is no range. */
export function settingsOf<Request, Response>(
  options: TransportOptions<Request, Response>,
  timing: Timing,
): TransportSettings<Request, Response> {
  const { requestCodec, responseCodec, checksum, protocol: told = untoldRange } = options;
  const protocol = typeof told === "number" ? { least: told, most: told } : { ...told };
  if (!isProtocolRange(protocol)) {
    const found = `${protocol.least} to ${protocol.most}`;
    throw new RangeError(`Wanted protocol versions within 0 … 255, got ${found}.`);
  }
  const limits = { ...transportLimits, ...options.limits };
  const codecs = { requestCodec, responseCodec, checksum };
  const turns = options.turns ?? ((concurrency) => new TurnQueue(concurrency));
  const { token = (): null => null, tls = null } = options;
  return { ...codecs, protocol, limits, timing: options.timing ?? timing, turns, token, tls };
}
