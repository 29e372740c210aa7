/**
 * What an inspection makes of the segments of a journal: which slots stand in which of them, and
 * where the republic went on under another identity. Reads only what is handed in.
 */
import type { Refounding, RepublicState } from "../../consensus/index.ts";
import { applyRead, scanSegments, type OpenedFile } from "../storage/journal-segments.ts";
import type { LogState } from "../storage/log-state.ts";
import type { Manifest } from "../storage/manifest.ts";
import type { RecoveredGroup } from "../storage/recovery.ts";

export interface InspectedRefounding {
  readonly slot: number;
  readonly cause: Refounding["cause"];
  readonly when: number;
  readonly republic: { readonly name: string; readonly identity: string };
}

/** Applies all that recovery would keep to `log`; tells whether a torn group would be dropped. */
export async function scan(
  segments: readonly OpenedFile[],
  manifest: Manifest,
  log: LogState,
  refounded: Map<number, InspectedRefounding>,
): Promise<boolean> {
  const start = manifest.removed > 0 ? manifest.starts[0] : undefined;
  const take = (group: RecoveredGroup): void => {
    applyRead(segments, group, log);
    noteRefoundings(group, refounded);
  };
  const { unmarked, torn } = await scanSegments(segments, manifest, {
    synced: manifest.synced,
    before: start?.group ?? manifest.removed,
    onGroup: take,
  });
  if (unmarked !== null) take(unmarked);
  return torn;
}

/** By slot: recovery may write a slot again, but a decided one says the same then. */
function noteRefoundings(group: RecoveredGroup, found: Map<number, InspectedRefounding>): void {
  for (const { records } of group.writes) {
    for (const { framed } of records) {
      const { slot, when, value } = framed.decree;
      if (value.kind !== "refounding") continue;
      found.set(slot, { slot, cause: value.cause, when, republic: value.republic });
    }
  }
}

/** With which slot the log begins that can be read, as `JournalPast` reckons. */
export function firstSlot({ archives, segments }: Manifest, base: number): number {
  const generation = segments[0]?.generation ?? 0;
  const held = archives.flatMap((archive) => archive.segments);
  const last = held.filter((each) => each.generation < generation).at(-1)?.slotLast ?? 0;
  return Math.max(archives[0]?.slotFirst ?? base + 1, last + 1);
}

export function slotsByGeneration(
  { index }: LogState,
  { archives }: Manifest,
): ReadonlyMap<number, { first: number; last: number }> {
  const found = new Map<number, { first: number; last: number }>();
  const add = (generation: number, first: number, last: number): void => {
    const range = found.get(generation);
    if (range === undefined) found.set(generation, { first, last });
    else range.last = last;
  };
  for (const { slotFirst, segments } of archives) {
    let first = slotFirst;
    for (const { generation, slotLast } of segments) {
      if (first <= index.base) add(generation, first, Math.min(slotLast, index.base));
      first = slotLast + 1;
    }
  }
  for (let slot = index.base + 1; slot <= index.length; slot += 1) {
    add(index.get(slot).generation, slot, slot);
  }
  return found;
}

/** What a state says of the refoundings before it. */
export function refoundingsIn({
  refounded,
  republic,
}: RepublicState): Map<number, InspectedRefounding> {
  const found = new Map<number, InspectedRefounding>();
  for (const [at, { slot, cause, when }] of refounded.entries()) {
    const after = refounded[at + 1]?.before ?? republic;
    if (after !== null) found.set(slot, { slot, cause, when, republic: after });
  }
  return found;
}
