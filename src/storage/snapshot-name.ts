/** The names of snapshot files: `snapshot-` and the slot after which the state is that one. */
import type { Slot } from "../../consensus/index.ts";

const pattern = /^snapshot-(\d{16})$/;

export function snapshotName(slot: Slot): string {
  return `snapshot-${String(slot).padStart(16, "0")}`;
}

/** The slot of a snapshot by the name of its file; null for any other file. */
export function snapshotSlot(name: string): Slot | null {
  const digits = pattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
