/**
 * The door of transport/, in Node.js.
 *
 * @module kibitzer/transport
 */
export * from "./portable.ts";
export {
  MemoryNetwork,
  type MemoryNetworkOptions,
  type MemoryNodeOptions,
} from "./memory-transport.ts";
export type { Deliver, MemoryFrame } from "./memory-wire.ts";
export { createTransport, type NetworkOptions } from "./network.ts";
export { certificateOf } from "./tls.ts";
export type { Traffic } from "./traffic.ts";
