/**
 * What an inspection makes of the segments of a journal: which slots stand in which of them, and
 * where the republic went on under another identity. Reads only what is handed in.
 */
import type { Refounding, RepublicState } from "../../consensus/index.ts";
import {
  applyRead,
  countGroup,
  scanSegments,
  type OpenedFile,
  type Scanned,
} from "../storage/journal-segments.ts";
import type { LogState } from "../storage/log-state.ts";
import type { Manifest } from "../storage/manifest.ts";
import type { ReadStart } from "../storage/read-start.ts";
import type { LostGroups, RecoveredGroup } from "../storage/recovered.ts";
import { JournalScan } from "../storage/recovery.ts";

export interface InspectedRefounding {
  readonly slot: number;
  readonly cause: Refounding["cause"];
  readonly when: number;
  readonly republic: { readonly name: string; readonly identity: string };
}

/** What a scan tells of the log, and from where on. */
export interface Told {
  readonly log: LogState;
  readonly refounded: Map<number, InspectedRefounding>;
  readonly start: ReadStart | null;
}

/** Applies all that recovery would keep to `log`. */
export async function scan(
  segments: readonly OpenedFile[],
  manifest: Manifest,
  { log, refounded, start }: Told,
): Promise<Scanned> {
  const onGroup = (group: RecoveredGroup): void => noteRefoundings(group, refounded);
  const before = start?.group ?? manifest.removed;
  const scanned = await scanSegments(segments, manifest, { log, before, onGroup });
  if (scanned.unmarked !== null) {
    applyRead(segments, scanned.unmarked, log);
    onGroup(scanned.unmarked);
  }
  return scanned;
}

/** What is whole of segments that no start reads any more; they are all closed. */
export async function scanBefore(
  segments: readonly OpenedFile[],
  { republic, removed, starts }: Manifest,
): Promise<Pick<Scanned, "findings" | "counts">> {
  const findings = segments.flatMap((segment) => segment.findings);
  const counts = new Map<number, { groups: number; records: number }>();
  const [start] = starts;
  if (segments.length === 0 || start === undefined) return { findings, counts };
  const known = { synced: start.group, before: removed, extent: start };
  const onGroup = (group: RecoveredGroup): void => countGroup(counts, segments, group);
  const onLost = async ({ finding }: LostGroups): Promise<void> => {
    findings.push(finding);
  };
  const { unmarked } = await new JournalScan(segments, republic, known, { onGroup, onLost }).run();
  if (unmarked !== null) onGroup(unmarked);
  return { findings, counts };
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
    const { generation, size } = index.get(slot);
    if (size > 0) add(generation, slot, slot);
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
