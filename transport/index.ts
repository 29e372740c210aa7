/** The door of transport/. */
export type * from "./caller.ts";
export {
  MemoryNetwork,
  type MemoryNetworkOptions,
  type MemoryNodeOptions,
} from "./memory-transport.ts";
export type { Deliver, MemoryFrame } from "./memory-wire.ts";
export { createTransport, type NetworkOptions } from "./network.ts";
export { formatEndpoint, parseEndpoint, type Endpoint } from "./endpoint.ts";
export type { ProtocolRange } from "./protocol-range.ts";
export { systemTiming, type Timing, type TransportTimer } from "./timing.ts";
export {
  isTransportErrorCode,
  TransportError,
  type RemoteFailure,
  type TransportErrorCode,
} from "./transport-error.ts";
export { transportLimits, type TransportLimits } from "./transport-limits.ts";
export type { Traffic } from "./traffic.ts";
export type { TransportOptions } from "./transport-settings.ts";
