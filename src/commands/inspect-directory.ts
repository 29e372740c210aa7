/**
 * Looks at a node's data directory without changing a byte: whose it is, what was promised, what
 * the journal holds and in which files. What is damaged is told beside what is not.
 */
import type { Ballot } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { damaged, textOf } from "../storage/damage.ts";
import { recordNames } from "../storage/staging.ts";
import { amnesia, copyNames } from "../storage/hard-state.ts";
import { openSegment, type OpenedFile, type Scanned } from "../storage/journal-segments.ts";
import type { SlotRange } from "../storage/holes.ts";
import { LogState } from "../storage/log-state.ts";
import { readManifest, type Manifest, type SegmentEntry } from "../storage/manifest.ts";
import type { Finding } from "../storage/recovered.ts";
import { readWhole, unseal } from "../storage/sealed-file.ts";
import { SlotArchive } from "../storage/slot-archive.ts";
import { segmentName } from "../storage/segment.ts";
import { isBallot, isFields, isFlag, isHexText, isIdText, isText } from "../codec/shapes.ts";
import { isWhole, matches, nullOr, type Check } from "../codec/shapes.ts";
import type { FileSystem } from "../world.ts";
import { startsOf } from "../storage/directory.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import {
  firstSlot,
  refoundingsIn,
  scan,
  scanBefore,
  slotsByGeneration,
  type InspectedRefounding,
  type Told,
} from "./inspected-log.ts";
import { archiveFindings, snapshotFindings } from "./inspected-past.ts";

/** What the file `node` says, as far as it matters here. */
export interface InspectedNode {
  readonly id: string;
  readonly cookie: string;
  /** How often the directory was opened. */
  readonly starts: number;
  readonly republic: { readonly name: string; readonly identity: string } | null;
  /** Whether a journal was made; then a missing one is damage. */
  readonly hasJournal: boolean;
}

export interface Inspection {
  readonly node: InspectedNode | null;
  /** Each file of the hard state: a ballot, or what is wrong with it. */
  readonly promises: readonly { readonly file: string; readonly promised: Ballot | null }[];
  readonly log: InspectedLog | null;
  readonly segments: readonly InspectedSegment[];
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** What is wrong, in words; empty when everything read is what was written. */
  readonly damage: readonly string[];
  /** The same by file and place, as far as it was found in reading the journal. */
  readonly findings: readonly Finding[];
}

export interface InspectedLog {
  readonly accepted: Ballot;
  /** The last slot in the journal. */
  readonly length: number;
  /** The last slot that the journal knows to be decided. */
  readonly decided: number;
  readonly writeLast: number;
  /** The first slot and index that can be read from here. */
  readonly slotFirst: number;
  readonly indexFirst: number;
  /** The slots of the snapshots that the next start relies on, oldest first. */
  readonly snapshots: readonly number[];
  /** Whether the last group was never synced, and will be dropped at the next start. */
  readonly torn: boolean;
  /** Slots of which no intact record is here: other members have them. */
  readonly damaged: readonly SlotRange[];
  /** Where the republic went on under another identity, and under which. */
  readonly refounded: readonly InspectedRefounding[];
}

export interface InspectedSegment {
  readonly file: string;
  readonly generation: number;
  readonly bytes: number;
  readonly closed: boolean;
  /** The slots that are read from this file; null when later files replaced them all. */
  readonly slots: { readonly first: number; readonly last: number } | null;
  /** Whole ones, those included that later ones have replaced. */
  readonly groups: number;
  readonly records: number;
}

/** @throws {KibitzerError} `KBZ_NOT_FOUND` when there is no node's data there. */
export async function inspectDirectory(directory: string, files: FileSystem): Promise<Inspection> {
  return await new Inspector(directory, files).run();
}

/** An inspection shows what it can of files that a later version wrote. */
const versionMax = Number.MAX_SAFE_INTEGER;

interface Journaled {
  readonly log: InspectedLog | null;
  readonly segments: readonly InspectedSegment[];
}

class Inspector {
  readonly #directory: string;
  readonly #files: FileSystem;
  readonly #damage: string[] = [];
  readonly #findings: Finding[] = [];

  constructor(directory: string, files: FileSystem) {
    this.#directory = directory;
    this.#files = files;
  }

  async run(): Promise<Inspection> {
    if (!(await this.#hasNode())) {
      throw new KibitzerError(
        "KBZ_NOT_FOUND",
        `Wanted the data directory of a node, but there is no file "${recordNames[0]}" in ` +
          `${this.#directory}. Name the directory that was given to --data.`,
        { retryable: false, outcome: "none" },
      );
    }
    const node = await this.#tried(() => this.#node());
    const scanned = node === null ? null : await this.#journalOf(node);
    const files = await this.#list(this.#directory);
    const hasPromised = files.some(({ path }) => path.startsWith("promise-"));
    const isPromised = hasPromised || node?.hasJournal === true;
    const promises = isPromised ? await this.#promises() : [];
    const { log, segments } = scanned ?? { log: null, segments: [] };
    const found = { damage: this.#damage, findings: this.#findings };
    return { node, promises, log, segments, files, ...found };
  }

  /** Null before the node belonged to a republic, and when the journal cannot be read. */
  async #journalOf({ id, cookie, republic, hasJournal }: InspectedNode): Promise<Journaled | null> {
    if (republic === null) return null;
    const path = `${this.#directory}/journal`;
    const identity = { republic: republic.identity, id, cookie };
    const manifest = await this.#tried(async () => {
      const read = await readManifest(this.#files, path, identity, hasJournal);
      if (read === null && hasJournal) throw damaged(path, 0, "the list of segments is missing");
      this.#note(read?.findings ?? []);
      return read?.manifest ?? null;
    });
    return manifest === null ? null : await this.#journal(path, manifest);
  }

  /** Notes a damage and goes on with null. */
  async #tried<Value>(read: () => Promise<Value>): Promise<Value | null> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      this.#damage.push(error.message);
      return null;
    }
  }

  async #hasNode(): Promise<boolean> {
    for (const name of recordNames) {
      if (await this.#files.exists(`${this.#directory}/${name}`)) return true;
    }
    return false;
  }

  /** The first intact copy; what is wrong with the other one the next start mends. */
  async #node(): Promise<InspectedNode> {
    const [first, second] = recordNames;
    const copy = await this.#tried(async () => await this.#nodeIn(first));
    if (copy === null) return await this.#nodeIn(second);
    await this.#tried(async () => await this.#nodeIn(second));
    return copy;
  }

  async #nodeIn(name: string): Promise<InspectedNode> {
    const path = `${this.#directory}/${name}`;
    const bytes = (await readWhole(this.#files, path)) ?? new Uint8Array(0);
    const document = unseal(path, "node", versionMax, bytes);
    if (!isInspectedNode(document)) throw damaged(path, 0, "its fields are not those of a node");
    const { id, cookie, starts, republic, hasJournal } = document;
    return { id, cookie, starts: startsOf(starts), republic, hasJournal };
  }

  /** One lost copy is damage that the next start mends; two are a promise forgotten. */
  async #promises(): Promise<Inspection["promises"]> {
    const copies: Inspection["promises"][number][] = [];
    for (const file of copyNames) copies.push({ file, promised: await this.#promised(file) });
    const intact = copies.find(({ promised }) => promised !== null);
    const lost = copies.filter(({ promised }) => promised === null);
    if (intact === undefined) this.#damage.push(amnesia(this.#directory).message);
    else {
      for (const { file } of lost) {
        this.#damage.push(
          `The file ${this.#directory}/${file}, one of two copies of the promise, is damaged or ` +
            `missing. ${intact.file} is intact: the next start of the node repairs this one.`,
        );
      }
    }
    return copies;
  }

  async #promised(file: string): Promise<Ballot | null> {
    const path = `${this.#directory}/${file}`;
    try {
      const bytes = await readWhole(this.#files, path);
      return bytes === null ? null : promisedIn(unseal(path, "promise", versionMax, bytes));
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      return null;
    }
  }

  async #journal(path: string, manifest: Manifest): Promise<Journaled> {
    const opened: { readonly entry: SegmentEntry; readonly segment: OpenedFile }[] = [];
    try {
      for (const entry of manifest.segments) {
        const open = async (): Promise<OpenedFile> =>
          await openSegment(this.#files, path, manifest, entry);
        const segment = await this.#tried(open);
        if (segment !== null) opened.push({ entry, segment });
      }
      // What is before the first start is not known from the beginning, unless nothing was removed.
      const start = manifest.removed > 0 ? (manifest.starts[0] ?? null) : null;
      const log = new LogState(start);
      const refounded = await this.#refoundedBefore(start?.slot ?? 0, manifest.republic);
      const scanned = await this.#scan(opened, manifest, { log, refounded, start });
      const slots = slotsByGeneration(log, manifest);
      const segments = await segmentsOf(opened, slots, scanned?.counts ?? new Map());
      this.#note(await snapshotFindings(this.#files, this.#directory, manifest));
      this.#note(await archiveFindings(this.#files, path, manifest));
      if (scanned === null) return { log: null, segments };
      const { accepted, decided, writeLast, index, holes } = log;
      const { torn } = scanned;
      const past = await this.#past(path, manifest, index.base);
      const found = { accepted, length: index.length, decided, writeLast, torn };
      const rest = { damaged: holes.ranges(), refounded: [...refounded.values()] };
      return { log: { ...found, ...past, ...rest }, segments };
    } finally {
      for (const { segment } of opened) await segment.file?.close();
    }
  }

  async #scan(
    opened: readonly { readonly segment: OpenedFile }[],
    manifest: Manifest,
    into: Told,
  ): Promise<Scanned | null> {
    if (opened.length !== manifest.segments.length) return null;
    const files = opened.map(({ segment }) => segment);
    const first = into.start?.generation ?? 0;
    const isBefore = ({ header }: OpenedFile): boolean => header.generation < first;
    const before = await this.#tried(() => scanBefore(files.filter(isBefore), manifest));
    this.#note(before?.findings ?? []);
    const tail = files.filter((file) => !isBefore(file));
    const scanned = await this.#tried(() => scan(tail, manifest, into));
    this.#note(scanned?.findings ?? []);
    if (scanned === null || before === null) return scanned;
    return { ...scanned, counts: new Map([...before.counts, ...scanned.counts]) };
  }

  #note(findings: readonly Finding[]): void {
    for (const finding of findings) this.#damage.push(textOf(finding));
    this.#findings.push(...findings);
  }

  /** Of what was removed only the snapshot that stands for it can tell. */
  async #refoundedBefore(
    slot: number,
    republic: string,
  ): Promise<Map<number, InspectedRefounding>> {
    const snapshots = new SnapshotFiles(this.#files, this.#directory);
    const state = slot === 0 ? null : await snapshots.state(slot, republic);
    return state === null ? new Map() : refoundingsIn(state);
  }

  async #past(
    path: string,
    manifest: Manifest,
    base: number,
  ): Promise<Pick<InspectedLog, "slotFirst" | "indexFirst" | "snapshots">> {
    const { archives, starts } = manifest;
    const snapshots = starts.map(({ slot }) => slot);
    const slotFirst = firstSlot(manifest, base);
    const first = archives.find(({ slotLast }) => slotLast >= slotFirst);
    if (first === undefined) {
      return { slotFirst, indexFirst: (archives.at(-1)?.indexLast ?? 0) + 1, snapshots };
    }
    const options = { files: this.#files, directory: path, rebuild: async () => null };
    const row = await this.#tried(async () => new SlotArchive(archives, options).row(slotFirst));
    return { slotFirst, indexFirst: first.indexBefore + (row?.taken ?? 0) + 1, snapshots };
  }

  async #list(directory: string): Promise<Inspection["files"]> {
    const found: { path: string; bytes: number }[] = [];
    for (const name of await this.#files.list(directory)) {
      const path = `${directory}/${name}`;
      const size = await this.#sizeOf(path);
      if (size === null) found.push(...(await this.#list(path)));
      else found.push({ path: path.slice(this.#directory.length + 1), bytes: size });
    }
    return found;
  }

  /** Null for a directory. */
  async #sizeOf(path: string): Promise<number | null> {
    try {
      await this.#files.list(path);
      return null;
    } catch (error) {
      if (!isNoDirectory(error)) throw error;
    }
    const file = await this.#files.open(path, "read");
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }
}

async function segmentsOf(
  opened: readonly { readonly entry: SegmentEntry; readonly segment: OpenedFile }[],
  slots: ReturnType<typeof slotsByGeneration>,
  counts: Scanned["counts"],
): Promise<readonly InspectedSegment[]> {
  const segments: InspectedSegment[] = [];
  for (const { entry, segment } of opened) {
    segments.push({
      file: segmentName(entry.generation),
      generation: entry.generation,
      bytes: segment.file === null ? 0 : await segment.file.size(),
      closed: entry.closed !== null,
      slots: slots.get(entry.generation) ?? null,
      ...(counts.get(entry.generation) ?? { groups: 0, records: 0 }),
    });
  }
  return segments;
}

/** How the system refuses to list a file. */
function isNoDirectory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOTDIR";
}

function promisedIn(document: unknown): Ballot | null {
  return isFields(document) && isBallot(document["promised"]) ? document["promised"] : null;
}

const nodeShape: Readonly<Record<string, Check>> = {
  id: isIdText,
  cookie: isHexText,
  starts: isWhole,
  republic: nullOr((found) => matches(found, { name: isText, identity: isHexText })),
  hasJournal: isFlag,
};

function isInspectedNode(value: unknown): value is InspectedNode {
  return matches(value, nodeShape);
}
