/**
 * The door of transport/ that loads nothing of one platform: what a client is made of, in Node.js
 * and in a browser.
 */
export { backOffMs } from "./back-off.ts";
export type * from "./caller.ts";
export { formatEndpoint, isSecure, parseEndpoint, type Endpoint } from "./endpoint.ts";
export { soon } from "./platform.ts";
export type { ProtocolRange } from "./protocol-range.ts";
export { systemTiming, type Timing, type TransportTimer } from "./timing.ts";
export type { TlsMaterial, TlsSource } from "./tls-source.ts";
export {
  isTransportErrorCode,
  TransportError,
  type RemoteFailure,
  type TransportErrorCode,
} from "./transport-error.ts";
export { transportLimits, type TransportLimits } from "./transport-limits.ts";
export type { TransportOptions } from "./transport-settings.ts";
export type { Turns } from "./turns.ts";
