/**
 * A data directory: who the node is, how it is reached, which republic it belongs to, and that
 * nobody else has it open. Holds no entry; the journal stands beside.
 */
import { isDeepStrictEqual } from "node:util";
import { assert, isNodeId, type Citizen, type RepublicIdentity } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Chance, FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import { Journal } from "./journal.ts";
import type { JournalOptions } from "./journal-options.ts";
import type { OpenedJournal } from "./opened-journal.ts";
import type { Finding } from "./recovered.ts";
import { readLatest, replaceBoth, type Copies } from "./sealed-copies.ts";
import { temporarySuffix } from "./sealed-file.ts";
import { isStaged, recordNames, settleStaging, type Staging } from "./staging.ts";
import {
  isFlag,
  isHexText,
  isIdText,
  isText,
  isWhole,
  listOf,
  matches,
  nullOr,
} from "../codec/shapes.ts";
import { isCitizen } from "../codec/value-check.ts";

/** What the file `node` keeps. */
export interface NodeRecord {
  readonly id: string;
  /** Drawn when the directory is made: the incarnation of this storage. */
  readonly cookie: string;
  /** Which life this is; see {@link nextLife}. */
  readonly starts: number;
  readonly republic: RepublicIdentity | null;
  /**
   * Whom a node that joined asks until the log shows it as a member. Null for one that founds its
   * republic: only then may an empty journal begin with a birth.
   */
  readonly contacts: readonly Citizen[] | null;
  /** The members, as the log named them last: whom to ask when the log itself is damaged. */
  readonly peers: readonly Citizen[];
  /** Whether a journal was made; then a missing one is damage. */
  readonly hasJournal: boolean;
  readonly listen: readonly string[];
  readonly advertise: string | null;
  /** Rises with each version; tells the later copy. */
  readonly counter: number;
}

export interface DirectoryOptions {
  readonly files: FileSystem;
  readonly path: string;
  readonly chance: Chance;
  /** Needed when the directory is made; later it must be the same. */
  readonly id?: string;
  /** These replace what the directory remembers. */
  readonly listen?: readonly string[];
  readonly advertise?: string | null;
  /** Whether a new node is written with its first change only: what fails before leaves none. */
  readonly isTentative?: boolean;
}

type JournalCallbacks = Pick<
  JournalOptions,
  | "onPersisted"
  | "onFailed"
  | "onRoom"
  | "mend"
  | "clock"
  | "meter"
  | "segmentBytesFirst"
  | "segmentBytesMax"
>;

const livesAStart = 2 ** 20;
const lockName = "lock";
const recordVersion = 2;

function copiesIn(directory: string): Copies {
  return { directory, names: recordNames, kind: "node", version: recordVersion };
}

export class DataDirectory implements AsyncDisposable {
  readonly path: string;
  readonly #files: FileSystem;
  readonly #lock: AsyncDisposable;
  /** What was wrong with the file that says who the node is. */
  readonly findings: readonly Finding[];
  #record: NodeRecord;
  /** Changes are written one after the other. */
  #changing: Promise<void> = Promise.resolve();

  private constructor(parts: {
    readonly files: FileSystem;
    readonly path: string;
    readonly lock: AsyncDisposable;
    readonly record: NodeRecord;
    readonly findings: readonly Finding[];
  }) {
    this.#files = parts.files;
    this.path = parts.path;
    this.#lock = parts.lock;
    this.#record = parts.record;
    this.findings = parts.findings;
  }

  /**
   * Locks the directory, makes it when an id is given and nothing is there, and counts the start.
   * @throws {KibitzerError} `KBZ_IN_USE`, `KBZ_ARGUMENT`, `KBZ_NOT_FOUND`, `KBZ_DAMAGED`,
   *   `KBZ_VERSION`.
   */
  static async open(options: DirectoryOptions): Promise<DataDirectory> {
    const { files, path, id } = options;
    if (id !== undefined && !isNodeId(id)) {
      throw refusal("KBZ_ARGUMENT", `A node id matches [a-z0-9][a-z0-9._-]{0,62}; found "${id}".`);
    }
    if (id === undefined && !(await hasRecord(files, path))) {
      throw noNode(path);
    }
    await files.makeDirectory(path);
    const lock = await files.lock(`${path}/${lockName}`);
    try {
      await settle(options);
      const { record, isNew, findings } = await nextRecord(options);
      // First: a half-made segment may have all the space that there is.
      for (const each of [path, `${path}/journal`, `${path}/snapshots`]) {
        await removeTemporary(files, each);
      }
      const isWritten = !isNew || options.isTentative !== true;
      if (isWritten) await replaceBoth(files, copiesIn(path), record);
      return new DataDirectory({ files, path, lock, record, findings });
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  get record(): NodeRecord {
    return this.#record;
  }

  /**
   * Makes the directory part of a republic, for good; durable when this resolves. Naming the same
   * one again is fine.
   * @param contacts Who admitted it; null when the republic is born here.
   * @throws {KibitzerError} `KBZ_BOOTSTRAPPED` when it belongs to another.
   */
  async belongTo(republic: RepublicIdentity, contacts: readonly Citizen[] | null): Promise<void> {
    const { republic: known, contacts: before } = this.#record;
    if (known?.identity === republic.identity && known.name === republic.name) {
      const isNews = before !== null && contacts !== null && !isDeepStrictEqual(before, contacts);
      if (isNews) await this.#change({ contacts });
      return;
    }
    if (known !== null) {
      const owner = `republic ${known.name} (${known.identity})`;
      const message = `${this.path} belongs to ${owner} already. `;
      throw refusal("KBZ_BOOTSTRAPPED", `${message}Start with an empty directory instead.`);
    }
    await this.#change({ republic, contacts });
  }

  /** Keeps whom to ask when the log is damaged; written only when they are others than before. */
  async rememberPeers(peers: readonly Citizen[]): Promise<void> {
    if (isDeepStrictEqual(peers, this.#record.peers)) return;
    await this.#change({ peers });
  }

  /**
   * Puts what was staged in the place of all that is here, at once: from now on this is the founder
   * of the staged republic. Nothing of the old content may be open.
   */
  async refound(
    staging: Staging,
    { republic, cookie }: { readonly republic: RepublicIdentity; readonly cookie: string },
  ): Promise<void> {
    assert(republic.identity === staging.identity, "what was staged is of this republic");
    await this.#change({
      republic,
      cookie,
      starts: 0,
      contacts: null,
      peers: [],
      hasJournal: true,
    });
    await staging.complete();
  }

  /**
   * Opens the journal of this node; its republic must be known.
   * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`, `KBZ_REPUBLIC`.
   */
  async openJournal(callbacks: JournalCallbacks): Promise<OpenedJournal> {
    const { republic, id, cookie, hasJournal } = this.#record;
    assert(republic !== null, "a journal belongs to a republic");
    const snapshots = new SnapshotFiles(this.#files, this.path);
    const { mend } = callbacks;
    const opened = await Journal.open({
      ...callbacks,
      onPersisted: (write) => callbacks.onPersisted(write),
      onFailed: (error) => callbacks.onFailed(error),
      onRoom: (hasRoom, lack) => callbacks.onRoom?.(hasRoom, lack),
      ...(mend === undefined ? {} : { mend }),
      files: this.#files,
      directory: this.path,
      identity: { republic: republic.identity, id, cookie },
      snapshot: async (slot) => await snapshots.wholeState(slot, republic.identity),
      expected: hasJournal,
    });
    try {
      // Nothing was appended yet, so a crash up to here loses nothing.
      if (!hasJournal) await this.#change({ hasJournal: true });
      return opened;
    } catch (error) {
      await opened.journal.close();
      throw error;
    }
  }

  /** Gives the lock back. What was opened through this must be closed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changing;
    await this.#lock[Symbol.asyncDispose]();
  }

  async #change(change: Partial<NodeRecord>): Promise<void> {
    const changing = this.#changing.then(async () => {
      const record = { ...this.#record, ...change, counter: this.#record.counter + 1 };
      await replaceBoth(this.#files, copiesIn(this.path), record);
      this.#record = record;
    });
    this.#changing = changing.catch(() => undefined);
    await changing;
  }
}

async function hasRecord(files: FileSystem, path: string): Promise<boolean> {
  for (const name of recordNames) if (await files.exists(`${path}/${name}`)) return true;
  return false;
}

interface NextRecord {
  readonly record: NodeRecord;
  /** No node was there before. */
  readonly isNew: boolean;
  readonly findings: readonly Finding[];
}

async function nextRecord(options: DirectoryOptions): Promise<NextRecord> {
  const { files, path } = options;
  const read = await readLatest(files, copiesIn(path), checkedRecord);
  if (read === null) return { record: await newRecord(options), isNew: true, findings: [] };
  const { document: known, findings } = read;
  if (options.id !== undefined && options.id !== known.id) {
    throw refusal(
      "KBZ_ARGUMENT",
      `The directory ${path} belongs to node ${known.id}, not to ${options.id}. ` +
        "Start it under its own id, or use another directory.",
    );
  }
  const record = {
    ...known,
    counter: known.counter + 1,
    starts: nextLife(known.starts, options.chance),
    listen: options.listen ?? known.listen,
    advertise: options.advertise === undefined ? known.advertise : options.advertise,
  };
  return { record, isNew: false, findings };
}

/**
 * The life that follows `life`: counts the starts in its upper bits, so that an older disk is told
 * by its peers. The others are drawn: two copies of one disk that start alike are two lives.
 */
function nextLife(life: number, chance: Chance): number {
  return (startsOf(life) + 1) * livesAStart + Math.floor(chance.fraction() * livesAStart);
}

/** How often a directory was opened that is in this life. */
export function startsOf(life: number): number {
  return Math.floor(life / livesAStart);
}

async function newRecord(options: DirectoryOptions): Promise<NodeRecord> {
  const { files, path, id } = options;
  const names = await files.list(path);
  if (names.some((name) => name === "journal" || name.startsWith("promise-"))) {
    throw damaged(`${path}/${recordNames[0]}`, 0, "the file that says who this node is is missing");
  }
  if (id === undefined) throw noNode(path);
  return {
    id,
    cookie: options.chance.hex16(),
    starts: nextLife(0, options.chance),
    republic: null,
    contacts: null,
    peers: [],
    hasJournal: false,
    listen: options.listen ?? [],
    advertise: options.advertise ?? null,
    counter: 1,
  };
}

/** Null when no node is there. @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`. */
export async function readRecord(files: FileSystem, path: string): Promise<NodeRecord | null> {
  return (await readLatest(files, copiesIn(path), checkedRecord))?.document ?? null;
}

function checkedRecord(path: string, document: unknown): NodeRecord {
  if (isNodeRecord(document)) return document;
  throw damaged(path, 0, "its fields are not those of a node");
}

/** Ends what was interrupted while other content was to take the old one's place. */
async function settle({ files, path }: DirectoryOptions): Promise<void> {
  if (!(await isStaged(files, path))) return;
  const record = await readRecord(files, path);
  // The later copy tells that it is in force: from now on not by itself alone.
  if (record !== null) await replaceBoth(files, copiesIn(path), record);
  await settleStaging(files, path, record?.republic?.identity ?? null);
}

async function removeTemporary(files: FileSystem, path: string): Promise<void> {
  if (!(await files.exists(path))) return;
  for (const name of await files.list(path)) {
    if (name.endsWith(temporarySuffix)) await files.remove(`${path}/${name}`);
  }
}

function noNode(path: string): Error {
  const message = `There is no node in ${path}. Name the directory of one, or give an id for it.`;
  return refusal("KBZ_NOT_FOUND", message);
}

function refusal(
  code: "KBZ_ARGUMENT" | "KBZ_NOT_FOUND" | "KBZ_BOOTSTRAPPED",
  message: string,
): Error {
  return new KibitzerError(code, message, { retryable: false, outcome: "none" });
}

/** The checksum has vouched for the rest: this tells a file of another make. */
function isNodeRecord(value: unknown): value is NodeRecord {
  return matches(value, {
    id: isIdText,
    cookie: isHexText,
    starts: isWhole,
    republic: nullOr((republic) => matches(republic, { name: isText, identity: isHexText })),
    contacts: nullOr(listOf(isCitizen)),
    peers: listOf(isCitizen),
    counter: isWhole,
    hasJournal: isFlag,
    listen: listOf(isText),
    advertise: nullOr(isText),
  });
}
