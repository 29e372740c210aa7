/**
 * The door `kibitzer/kv`: a replicated key–value map, as a machine to attach and as a handle.
 *
 * @module kibitzer/kv
 */
export { KvMachine } from "./kv-machine.ts";
export {
  Kv,
  type Compared,
  type DeleteOptions,
  type KvLog,
  type KvOptions,
  type KvPage,
  type LeaseState,
  type ListOptions,
  type PutOptions,
  type ReadOptions,
  type WriteOptions,
} from "./kv.ts";
export { KvLock, type LockOptions } from "./kv-lock.ts";
export { KvRunCoordinator } from "./kv-runs.ts";
export type { KvEvent, KvRecord } from "./kv-question.ts";
export type { WatchOptions } from "./kv-watch.ts";
