/**
 * Reads a journal back at start, group by group. Tells what was synced, what never was (torn, and
 * dropped) and what is damaged. Never writes, and never guesses: what cannot be told is damage.
 */
import { DecodeError, isZero } from "../codec/bytes.ts";
import { damaged } from "./damage.ts";
import { countTailZeros, encodeMark, groupHeaderBytes } from "./group.ts";
import { readGroup, readGroupHeader, type GroupHeader, type ReadWrite } from "./group-reader.ts";
import { sectorBytes, type SegmentHeader, type SegmentWindow } from "./segment.ts";

/** A segment as recovery sees it. */
export interface OpenedSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly window: SegmentWindow;
  readonly closed: { readonly end: number; readonly group: number } | null;
}

export interface RecoveredGroup {
  readonly number: number;
  readonly writes: readonly ReadWrite[];
  /** The position of its segment in the list. */
  readonly segment: number;
  readonly offset: number;
}

export interface ScanResult {
  /** The last intact group, when nothing says that it was synced. */
  readonly unmarked: RecoveredGroup | null;
  /** Groups up to this one were synced, and were handed to `onGroup`. */
  readonly synced: number;
  /** Where each segment ends, and the last synced group up to there. */
  readonly ends: readonly { readonly end: number; readonly group: number }[];
  /** Whether a torn group was dropped. */
  readonly torn: boolean;
}

interface Finding {
  readonly offset: number;
  readonly text: string;
}

/** Reads all segments in order and hands every synced group to `onGroup`. */
export class JournalScan {
  readonly #segments: readonly OpenedSegment[];
  readonly #republic: string;
  readonly #onGroup: (group: RecoveredGroup) => void;
  readonly #ends: { end: number; group: number }[] = [];
  /** The number of the next group. */
  #next: number;
  #synced: number;
  /** The last intact group: handed on once it is known to be synced. */
  #held: RecoveredGroup | null = null;
  #torn = false;

  /**
   * @param known Groups up to `synced` were synced, says the manifest; those up to `before` are not
   *   in `segments`.
   */
  constructor(
    segments: readonly OpenedSegment[],
    republic: string,
    known: { readonly synced: number; readonly before: number },
    onGroup: (group: RecoveredGroup) => void,
  ) {
    this.#segments = segments;
    this.#republic = republic;
    this.#next = known.before + 1;
    this.#synced = known.synced;
    this.#onGroup = onGroup;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED`. */
  async run(): Promise<ScanResult> {
    for (const [position, segment] of this.#segments.entries()) {
      const end =
        segment.closed === null
          ? await this.#readOpen(segment, position)
          : await this.#readClosed(segment, position, segment.closed);
      this.#ends.push({ end, group: this.#next - 1 });
    }
    if (this.#next - 1 < this.#synced) {
      const last = this.#segments.at(-1);
      const finding = `expected groups up to ${this.#synced}, found ${this.#next - 1}`;
      throw damaged(last?.path ?? "journal", this.#ends.at(-1)?.end ?? 0, finding);
    }
    const unmarked = this.#held;
    if (unmarked === null || unmarked.number <= this.#synced) {
      this.#hand();
      return { unmarked: null, synced: this.#next - 1, ends: this.#ends, torn: this.#torn };
    }
    const synced = unmarked.number - 1;
    const ends = this.#ends.map(({ end, group }, position) => {
      if (position < unmarked.segment) return { end, group };
      return { end: position === unmarked.segment ? unmarked.offset : sectorBytes, group: synced };
    });
    return { unmarked, synced, ends, torn: this.#torn };
  }

  /** What was closed was synced whole: anything wrong in it is damage. */
  async #readClosed(
    segment: OpenedSegment,
    position: number,
    closed: { readonly end: number; readonly group: number },
  ): Promise<number> {
    let offset = sectorBytes;
    while (offset < closed.end) {
      const size = await this.#readGood(segment, position, offset);
      if (typeof size !== "number") throw damaged(segment.path, size.offset, size.text);
      offset += size;
    }
    if (offset !== closed.end || this.#next - 1 !== closed.group) {
      const expected = `expected group ${closed.group} to end at ${closed.end}`;
      throw damaged(
        segment.path,
        offset,
        `${expected}, found group ${this.#next - 1} at ${offset}`,
      );
    }
    return offset;
  }

  async #readOpen(segment: OpenedSegment, position: number): Promise<number> {
    let offset = sectorBytes;
    while (!this.#torn && offset < segment.header.size) {
      const sector = await segment.window.at(offset, sectorBytes);
      if (this.#isUnwritten(segment, offset, sector)) break;
      const size = await this.#readGood(segment, position, offset);
      if (typeof size !== "number") {
        await this.#judge(segment, position, offset, size);
        return offset;
      }
      offset += size;
    }
    await this.#checkRest(segment, position, offset);
    return offset;
  }

  /** The size of the group at `offset`, or what is wrong with it. */
  async #readGood(
    segment: OpenedSegment,
    position: number,
    offset: number,
  ): Promise<number | Finding> {
    const place = this.#place(segment, offset);
    const header = readGroupHeader(await segment.window.at(offset, sectorBytes), place);
    if (header === null || header.kind !== "group" || header.number !== this.#next) {
      return { offset, text: `expected the header of group ${this.#next}, found none intact` };
    }
    const bytes = await segment.window.at(offset, header.size);
    try {
      const writes = readGroup(bytes, header, { ...place, number: this.#next });
      // A group is written only once the one before it was synced.
      this.#hand();
      this.#held = { number: this.#next, writes, segment: position, offset };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { offset: error.offset, text: error.message };
    }
    this.#synced = Math.max(this.#synced, this.#next - 1);
    this.#next += 1;
    return header.size;
  }

  #hand(): void {
    if (this.#held !== null) this.#onGroup(this.#held);
    this.#held = null;
  }

  /**
   * Zeros, or the mark of the last group, which the next one would have overwritten. A mark is not
   * synced itself: of one whose end never arrived nothing follows, but that no group is here.
   */
  #isUnwritten(segment: OpenedSegment, offset: number, sector: Uint8Array): boolean {
    if (isZero(sector)) return true;
    if (this.#next === 1) return false;
    const place = this.#place(segment, offset);
    const mark = encodeMark({ ...place, number: this.#next - 1 });
    const arrived = sector.findLastIndex((byte) => byte !== 0) + 1;
    if (!mark.subarray(0, arrived).every((byte, at) => byte === sector[at])) return false;
    if (isZero(mark, arrived)) this.#synced = Math.max(this.#synced, this.#next - 1);
    return true;
  }

  /**
   * Group `#next` is at `offset`, and bad. It is damage when it was synced, as anything later
   * proves; torn when some of its sectors were never written; damage when that cannot be told.
   */
  async #judge(
    segment: OpenedSegment,
    position: number,
    offset: number,
    finding: Finding,
  ): Promise<void> {
    const sector = await segment.window.at(offset, sectorBytes);
    const header = readGroupHeader(sector, this.#place(segment, offset));
    const isReadable = header?.kind === "group" && header.number === this.#next;
    const isLater = isReadable
      ? await this.#isWritten(segment, position, offset + header.size)
      : await this.#hasLater(position, offset + sectorBytes);
    if (isLater || this.#next <= this.#synced) {
      throw damaged(segment.path, finding.offset, `${finding.text}, though it was synced`);
    }
    const isTorn = isReadable ? await isTornGroup(segment, offset, header) : isTornHeader(sector);
    if (!isTorn) {
      throw damaged(segment.path, finding.offset, `${finding.text}, though all of it was written`);
    }
    this.#torn = true;
  }

  /** After the last group nothing may be written, but for a torn group that lost its header. */
  async #checkRest(segment: OpenedSegment, position: number, offset: number): Promise<void> {
    // The sector at `offset` was looked at, unless reading had ended before.
    const from = this.#torn ? offset : offset + sectorBytes;
    const at = await segment.window.firstNonZero(from, segment.header.size);
    if (at === null) return;
    if (this.#torn || this.#next <= this.#synced || (await this.#hasLater(position, from))) {
      throw damaged(segment.path, at, `expected group ${this.#next} before what is written here`);
    }
    this.#torn = true;
  }

  /** Whether anything is written after `offset`, in this segment or a later one. */
  async #isWritten(segment: OpenedSegment, position: number, offset: number): Promise<boolean> {
    if ((await segment.window.firstNonZero(offset, segment.header.size)) !== null) return true;
    for (const later of this.#segments.slice(position + 1)) {
      if (later.closed !== null) return true;
      if ((await later.window.firstNonZero(sectorBytes, later.header.size)) !== null) return true;
    }
    return false;
  }

  /** Whether an intact header says that group `#next` was synced, from `offset` of a segment on. */
  async #hasLater(position: number, offset: number): Promise<boolean> {
    let from = offset;
    for (const segment of this.#segments.slice(position)) {
      if (segment.closed !== null) return true;
      for (let at = from; at < segment.header.size; at += sectorBytes) {
        const sector = await segment.window.at(at, sectorBytes);
        if (sector[0] === 0) continue;
        const header = readGroupHeader(sector, this.#place(segment, at));
        if (header !== null && header.number >= this.#next) return true;
      }
      from = sectorBytes;
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

/** The sectors end in more zeros than the writer counted: not all of it reached the disk. */
async function isTornGroup(
  segment: OpenedSegment,
  offset: number,
  header: GroupHeader,
): Promise<boolean> {
  const bytes = await segment.window.at(offset, header.size);
  // The trailer is the last that is written: one without its last byte was cut within.
  return bytes.at(-1) === 0 || countTailZeros([bytes]) > header.tailZeros;
}

/** Nothing follows a header that never arrived whole; a whole group's first sector goes on. */
function isTornHeader(sector: Uint8Array): boolean {
  return isZero(sector, groupHeaderBytes);
}
