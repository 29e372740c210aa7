/**
 * What a node tells whoever watches it through `node:diagnostics_channel`: what it does, with its
 * beginning and end, and what changes. Costs a look at whether anybody is there; changes nothing.
 */
import {
  channel,
  tracingChannel,
  type Channel,
  type TracingChannel,
} from "node:diagnostics_channel";

/** Its `error` or `result` is added by Node; the rest is documented in docs/logs.md. */
export type Traced = Readonly<Record<string, unknown>>;

type Tracing = TracingChannel<string, object>;

export const propose: Tracing = tracingChannel("kibitzer.propose");
export const replicate: Tracing = tracingChannel("kibitzer.replicate");
export const fsync: Tracing = tracingChannel("kibitzer.fsync");
export const apply: Tracing = tracingChannel("kibitzer.apply");
export const snapshot: Tracing = tracingChannel("kibitzer.snapshot");
export const peerSend: Tracing = tracingChannel("kibitzer.peer.send");

export const role: Channel = channel("kibitzer.role");
export const membership: Channel = channel("kibitzer.membership");
export const degraded: Channel = channel("kibitzer.degraded");

/** The same promise as without anybody there, unless somebody is. */
export function traced<Result>(
  tracing: Tracing,
  context: () => Traced,
  work: () => Promise<Result>,
): Promise<Result> {
  return tracing.hasSubscribers ? tracing.tracePromise(work, context()) : work();
}

export function tell(to: Channel, message: () => Traced): void {
  if (to.hasSubscribers) to.publish(message());
}
