/**
 * Where a journal can be read from without what is before: what its groups up to the end of some
 * segment amount to. Plain data of the manifest.
 */
import type { Ballot, Heard, Slot } from "../../consensus/index.ts";
import type { Extent } from "./extents.ts";
import {
  isBallot,
  isHexText,
  isIdText,
  isWhole,
  listOf,
  matches,
  nullOr,
  type Check,
} from "../codec/shapes.ts";

/** What the groups up to `group` amount to. */
export interface LogEnd extends Extent {
  readonly group: number;
  readonly promised: Ballot;
  readonly writeLast: number;
  readonly heard: readonly Heard[];
}

/** With the snapshot after `slot`, nothing before the segment `generation` is needed. */
export interface ReadStart extends LogEnd {
  readonly slot: Slot;
  readonly generation: number;
}

export const heardShape: Readonly<Record<string, Check>> = {
  id: isIdText,
  cookie: isHexText,
  starts: isWhole,
  promised: isBallot,
  accepted: isBallot,
  length: isWhole,
};

export const extentShape: Readonly<Record<string, Check>> = {
  accepted: isBallot,
  length: isWhole,
  decided: isWhole,
  hash: nullOr(isHexText),
};

const startShape: Readonly<Record<string, Check>> = {
  ...extentShape,
  slot: isWhole,
  generation: isWhole,
  group: isWhole,
  promised: isBallot,
  writeLast: isWhole,
  heard: listOf((note) => matches(note, heardShape)),
};

export function isReadStart(value: unknown): boolean {
  return matches(value, startShape);
}
