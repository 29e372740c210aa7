/**
 * One legislator and its disk, thawed for a step. What it sends, writes and decides is carried out
 * by whoever steps it; nothing here loses, delays or repeats anything.
 */
import { Legislator, type Cookie, type NodeId, type Write } from "../../../consensus/index.ts";
import { VirtualDisk } from "../../core/virtual-disk.ts";
import { whole, type Fields } from "./plain-fields.ts";

/** The smallest that the core allows: two rounds without an answer are silence. */
export const clockwork = {
  pingTicks: 1,
  silenceTicks: 2,
  stallTicks: 4,
  replaceTicks: null,
} as const;

export const nodeIds: readonly [NodeId, NodeId, NodeId] = ["a", "b", "c"];

/** How long a member waits for whom the others chose before it stands up unchosen, by its seat. */
export function ticksToWait(node: number): number {
  return clockwork.silenceTicks / 2 + node * clockwork.pingTicks;
}

/** When a node in this state has waited long enough to stand up again, and unchosen. */
export function mayStandUpAt(state: Fields, node: number): number {
  const { freeSince = null } = state;
  const notBefore = whole(state["notBefore"]);
  return freeSince === null ? notBefore : Math.max(notBefore, whole(freeSince) + ticksToWait(node));
}

export function cookieOf(id: NodeId): Cookie {
  return id.padStart(16, "0");
}

export interface LiveNode {
  readonly id: NodeId;
  /** How often it was started. */
  readonly starts: number;
  readonly legislator: Legislator;
  readonly disk: VirtualDisk;
}

/** A life on what `disk` holds; what was written and not durable must be gone already. */
export function start(id: NodeId, starts: number, disk: VirtualDisk): LiveNode {
  const options = { id, cookie: cookieOf(id), starts, ...clockwork };
  // A disk that was put together from an image counts that as its first write.
  const recovered = disk.recover();
  const durable = { ...recovered, writeLast: Math.max(1, recovered.writeLast) };
  return { id, starts, legislator: new Legislator(options, durable), disk };
}

/** A disk that holds the image of `durable`, and `pending` writes that are under way. */
export function diskWith(durable: VirtualDisk, pending: readonly Write[]): VirtualDisk {
  const disk = new VirtualDisk();
  disk.rollBack(durable);
  for (const write of pending) disk.append(write);
  return disk;
}
