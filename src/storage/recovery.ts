/**
 * Reads a journal back at start, group by group. Tells what was synced, what never was (torn, and
 * dropped) and which groups are damaged, with where the log ended after them. Never writes, and
 * never guesses: where that cannot be told, nothing is.
 */
import type { Slot } from "../../consensus/index.ts";
import { DecodeError, LaterVersionError } from "../codec/bytes.ts";
import { isZero } from "../codec/zeros.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import { damaged, laterDecree } from "./damage.ts";
import type { Extent } from "./extents.ts";
import { countTailZeros, groupHeaderBytes } from "./group.ts";
import { readGroup, readGroupHeader, type GroupHeader } from "./group-reader.ts";
import type {
  Finding,
  KnownSynced,
  OpenedSegment,
  RecoveredGroup,
  ScanHandlers,
  ScanResult,
} from "./recovered.ts";
import { ballotAfter, type Region } from "./salvage.ts";
import { sectorBytes, type SegmentHeader } from "./segment.ts";

/** Lost groups of which it is not known yet how many there are, or where the log ended. */
interface Pending {
  readonly first: number;
  readonly last: number | null;
  readonly slotLow: Slot | null;
  readonly after: Extent | null;
  readonly regions: readonly Region[];
  readonly finding: Finding;
}

/** An intact header of a group that was not read yet, or of a mark that proves one. */
interface Later {
  readonly offset: number;
  readonly header: GroupHeader;
}

/** Reads all segments in order and hands on every synced group, and what is lost between them. */
export class JournalScan {
  readonly #segments: readonly OpenedSegment[];
  readonly #republic: string;
  readonly #handlers: ScanHandlers;
  readonly #known: KnownSynced;
  /** Open ones end with groups whose number is not known yet. */
  readonly #ends: { end: number; group: number; isOpen: boolean }[] = [];
  /** The number of the next group. */
  #next: number;
  #synced: number;
  /** The last intact group: handed on once it is known to be synced. */
  #held: RecoveredGroup | null = null;
  #pending: Pending | null = null;
  #torn = false;

  constructor(
    segments: readonly OpenedSegment[],
    republic: string,
    known: KnownSynced,
    handlers: ScanHandlers,
  ) {
    this.#segments = segments;
    this.#republic = republic;
    this.#known = known;
    this.#next = known.before + 1;
    this.#synced = known.synced;
    this.#handlers = handlers;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED` when it cannot be told what was lost, `KBZ_VERSION`. */
  async run(): Promise<ScanResult> {
    for (const [position, segment] of this.#segments.entries()) {
      const end = await this.#readSegment(segment, position);
      const isOpen = this.#pending?.last === null;
      this.#ends.push({ end, group: this.#next - 1, isOpen });
    }
    await this.#settleEnd();
    const unmarked = this.#held;
    if (unmarked === null || unmarked.number <= this.#synced) {
      this.#hand();
      const ends = this.#ends.map(({ end, group }) => ({ end, group }));
      return { unmarked: null, synced: this.#next - 1, ends, torn: this.#torn };
    }
    const synced = unmarked.number - 1;
    const ends = this.#ends.map(({ end, group }, position) => {
      if (position < unmarked.segment) return { end, group };
      return { end: position === unmarked.segment ? unmarked.offset : sectorBytes, group: synced };
    });
    return { unmarked, synced, ends, torn: this.#torn };
  }

  async #readSegment(segment: OpenedSegment, position: number): Promise<number> {
    const limit = segment.closed?.end ?? segment.header.size;
    let offset = sectorBytes;
    while (offset < limit && !this.#torn) {
      const sector = await segment.window.at(offset, sectorBytes);
      const header = readGroupHeader(sector, this.#place(segment, offset));
      if (header !== null && header.kind !== "mark" && header.number >= this.#next) {
        if (!(await this.#readOne(segment, { position, offset, header }))) return offset;
        offset += header.size;
        continue;
      }
      const later = await this.#findLater(segment, offset, limit);
      if (later === null) return await this.#endOf(segment, { position, offset, limit, sector });
      this.#skip(segment, { position, offset, later });
      offset = later.offset;
      if (later.header.kind === "mark") return offset;
    }
    return this.#checkClosed(segment, offset);
  }

  /** What lies between `offset` and a later header is lost; the header tells what it was. */
  #skip(
    segment: OpenedSegment,
    at: { readonly position: number; readonly offset: number; readonly later: Later },
  ): void {
    const { position, offset, later } = at;
    const { kind, number, extent } = later.header;
    const last = kind === "mark" ? number : number - 1;
    if (last < this.#next) return;
    this.#lose({
      last,
      slotLow: null,
      after: extent,
      regions: [{ segment: position, from: offset, to: later.offset }],
      finding: this.#missing(segment, offset),
    });
  }

  /** Reads the group whose header is intact; false when it was never written whole. */
  async #readOne(
    segment: OpenedSegment,
    at: { readonly position: number; readonly offset: number; readonly header: GroupHeader },
  ): Promise<boolean> {
    const { position, offset, header } = at;
    const { number } = header;
    await this.#reach(segment, offset, header);
    const finding = await this.#readGood(segment, at);
    if (finding === null) return true;
    // What a file lacks was there: it was made with all its bytes.
    const isProved =
      segment.closed !== null ||
      !segment.isWhole ||
      number <= this.#synced ||
      (await this.#isWritten(segment, position, offset + header.size));
    const bytes = await segment.window.at(offset, header.size);
    if (!isProved && isTornGroup(bytes, header)) {
      this.#torn = true;
      return false;
    }
    const { extent, slotLow, length, decided, hash, kind } = header;
    const place = { ...this.#place(segment, offset), number };
    const accepted = header.changesBallot ? ballotAfter(bytes, header, place) : extent.accepted;
    this.#lose({
      last: number,
      // A mend touches nothing but what was lost before it.
      slotLow: kind === "mend" ? length + 1 : slotLow,
      after: accepted === null ? null : { accepted, length, decided, hash },
      regions: [{ segment: position, from: offset, to: offset + header.size }],
      finding,
    });
    return true;
  }

  /** Null when the group is what was written. */
  async #readGood(
    segment: OpenedSegment,
    at: { readonly position: number; readonly offset: number; readonly header: GroupHeader },
  ): Promise<Finding | null> {
    const { position, offset, header } = at;
    const bytes = await segment.window.at(offset, header.size);
    const { number, kind } = header;
    try {
      const writes = readGroup(bytes, header, { ...this.#place(segment, offset), number });
      // A group is written only once the one before it was synced.
      this.#hand();
      this.#held = {
        kind: kind === "mend" ? "mend" : "group",
        number,
        writes,
        segment: position,
        offset,
      };
    } catch (error) {
      if (error instanceof LaterVersionError) throw laterDecree(segment.path, error);
      if (!(error instanceof DecodeError)) throw error;
      return { path: segment.path, offset: error.offset, text: error.message };
    }
    this.#synced = Math.max(this.#synced, number - 1);
    this.#next = number + 1;
    return null;
  }

  /** An intact header says where the log ended before it, and so what was lost before it. */
  async #reach(segment: OpenedSegment, offset: number, header: GroupHeader): Promise<void> {
    if (header.number > this.#next) {
      this.#lose({
        last: header.number - 1,
        slotLow: null,
        after: header.extent,
        regions: [],
        finding: this.#missing(segment, offset),
      });
    }
    await this.#settle(header.number - 1, header.extent);
  }

  #missing(segment: OpenedSegment, offset: number): Finding {
    const text = `expected the header of group ${this.#next}, found none intact`;
    return { path: segment.path, offset, text };
  }

  /** Adds to what is lost; groups go on after `last`, when that is known. */
  #lose(lost: Omit<Pending, "first">): void {
    this.#hand();
    const before = this.#pending;
    this.#pending =
      before === null
        ? { ...lost, first: this.#next }
        : {
            ...lost,
            first: before.first,
            slotLow: lowest(before.slotLow, lost.slotLow),
            regions: [...before.regions, ...lost.regions],
            finding: before.finding,
          };
    if (lost.last !== null) {
      this.#next = lost.last + 1;
      this.#synced = Math.max(this.#synced, lost.last);
    }
  }

  /** All groups up to `last` are accounted for, and the log ended at `after`. */
  async #settle(last: number, after: Extent): Promise<void> {
    const pending = this.#pending;
    this.#next = last + 1;
    for (const end of this.#ends.filter(({ isOpen }) => isOpen)) {
      end.group = last;
      end.isOpen = false;
    }
    if (pending === null) return;
    this.#pending = null;
    if (pending.first > last) return;
    await this.#handlers.onLost({ ...pending, last, after });
  }

  /** After the last segment: what was lost at the end is known by itself, or by the manifest. */
  async #settleEnd(): Promise<void> {
    const { synced, extent } = this.#known;
    if (this.#pending?.last === null) throw unknowable(this.#pending.finding);
    if (this.#next - 1 < synced) {
      // The manifest knows of more than is there.
      const path = this.#segments.at(-1)?.path ?? "journal";
      const text = `expected groups up to ${synced}, found ${this.#next - 1}`;
      const finding = { path, offset: this.#ends.at(-1)?.end ?? 0, text };
      this.#lose({ last: synced, slotLow: null, after: extent, regions: [], finding });
    }
    if (this.#pending === null) return;
    const last = this.#next - 1;
    const after = last === synced ? extent : this.#pending.after;
    if (after === null) throw unknowable(this.#pending.finding);
    await this.#settle(last, after);
  }

  #hand(): void {
    if (this.#held !== null) this.#handlers.onGroup(this.#held);
    this.#held = null;
  }

  /** No group and no mark of a later one is intact from `offset` on. */
  async #endOf(
    segment: OpenedSegment,
    at: {
      readonly position: number;
      readonly offset: number;
      readonly limit: number;
      readonly sector: Uint8Array;
    },
  ): Promise<number> {
    const { position, offset, limit, sector } = at;
    const { closed } = segment;
    const regions = [{ segment: position, from: offset, to: limit }];
    const finding = this.#missing(segment, offset);
    if (closed !== null) {
      if (closed.group >= this.#next) {
        this.#lose({ last: closed.group, slotLow: null, after: null, regions, finding });
      }
      return limit;
    }
    if (this.#isMarkOfLast(segment, offset, sector)) return offset;
    const more = await segment.window.firstNonZero(offset, limit);
    if (more === null && segment.isWhole) return offset;
    if (await this.#hasLaterSegment(position)) {
      if (await isTornMark(segment, offset, sector)) return offset;
      // What comes there tells how many groups there were here, if any; what is left of them stays.
      this.#lose({ last: null, slotLow: null, after: null, regions, finding });
      return limit;
    }
    if (!segment.isWhole || this.#next <= this.#synced) throw unknowable(finding);
    checkTorn(sector, finding);
    this.#torn = true;
    return offset;
  }

  /**
   * The mark of the last group, which the next one would have overwritten. A mark is not synced
   * itself: of one whose end never arrived nothing follows, but that no group is here.
   */
  #isMarkOfLast(segment: OpenedSegment, offset: number, sector: Uint8Array): boolean {
    if (this.#next === this.#known.before + 1 || isZero(sector)) return false;
    const header = readGroupHeader(sector, this.#place(segment, offset));
    if (header?.kind !== "mark" || header.number !== this.#next - 1) return false;
    this.#synced = Math.max(this.#synced, header.number);
    return true;
  }

  /** What was closed ends with the group that the manifest names. */
  #checkClosed({ path, closed }: OpenedSegment, offset: number): number {
    if (
      closed === null ||
      this.#torn ||
      (offset === closed.end && this.#next - 1 === closed.group)
    ) {
      return offset;
    }
    const expected = `expected group ${closed.group} to end at ${closed.end}`;
    throw damaged(path, offset, `${expected}, found group ${this.#next - 1} at ${offset}`);
  }

  /** The next intact header of a group that is not read yet, or of a mark that proves one. */
  async #findLater(segment: OpenedSegment, offset: number, limit: number): Promise<Later | null> {
    for (let at = offset; at < limit; at += sectorBytes) {
      const next = await segment.window.firstNonZero(at, limit);
      if (next === null) return null;
      at = next - (next % sectorBytes);
      const sector = await segment.window.at(at, sectorBytes);
      const header = readGroupHeader(sector, this.#place(segment, at));
      if (header !== null && header.number >= this.#next) return { offset: at, header };
    }
    return null;
  }

  /** Whether anything is written from `offset` on, in this segment or a later one. */
  async #isWritten(segment: OpenedSegment, position: number, offset: number): Promise<boolean> {
    if ((await segment.window.firstNonZero(offset, segment.header.size)) !== null) return true;
    return await this.#hasLaterSegment(position);
  }

  async #hasLaterSegment(position: number): Promise<boolean> {
    for (const later of this.#segments.slice(position + 1)) {
      if (later.closed !== null) return true;
      if ((await later.window.firstNonZero(sectorBytes, later.header.size)) !== null) return true;
    }
    return false;
  }

  #place(
    segment: OpenedSegment,
    offset: number,
  ): { readonly segment: SegmentHeader; readonly republic: string; readonly offset: number } {
    return { segment: segment.header, republic: this.#republic, offset };
  }
}

/** What is left of a mark that never arrived whole; the log went on in a later segment. */
async function isTornMark(
  { window, header, isWhole }: OpenedSegment,
  offset: number,
  sector: Uint8Array,
): Promise<boolean> {
  if (!isWhole || !isTornHeader(sector)) return false;
  return (await window.firstNonZero(offset + sectorBytes, header.size)) === null;
}

/** @throws {KibitzerError} `KBZ_DAMAGED` when the group that began here was written whole. */
function checkTorn(sector: Uint8Array, { path, offset, text }: Finding): void {
  if (isZero(sector) || isTornHeader(sector)) return;
  throw damaged(path, offset, `${text}, though all of it was written`);
}

/** Null where either is not known. */
function lowest(left: Slot | null, right: Slot | null): Slot | null {
  return left === null || right === null ? null : Math.min(left, right);
}

function unknowable({ path, offset, text }: Finding): KibitzerError {
  return damaged(path, offset, `${text}, and nothing tells where the log ended after it`);
}

/** The sectors end in more zeros than the writer counted: not all of it reached the disk. */
function isTornGroup(bytes: Uint8Array, header: GroupHeader): boolean {
  // The trailer is the last that is written: one without its last byte was cut within.
  return bytes.at(-1) === 0 || countTailZeros([bytes]) > header.tailZeros;
}

/** Nothing follows a header that never arrived whole; a whole group's first sector goes on. */
function isTornHeader(sector: Uint8Array): boolean {
  return isZero(sector, groupHeaderBytes);
}
