/**
 * The promise, kept twice: both copies are written and synced, one after the other, before anybody
 * is told. Never repairs a promise that both copies have lost: such a node must not vote.
 */
import { assert, ballotZero, compareBallots, type Ballot } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { FileSystem } from "../world.ts";
import { damaged, foreign } from "./damage.ts";
import { isStorageIdentity } from "./manifest.ts";
import type { Finding } from "./recovered.ts";
import { overwriteFile, readWhole, replaceFiles, seal, unseal } from "./sealed-file.ts";
import { describe, type StorageIdentity } from "./segment.ts";
import { isBallot, isWhole, matches } from "../codec/shapes.ts";

interface PromiseRecord extends StorageIdentity {
  /** Rises with each write; tells the later copy. */
  readonly counter: number;
  readonly promised: Ballot;
}

/** The files of the two copies. */
export const copyNames = ["promise-1", "promise-2"] as const;
const promiseVersion = 1;
/** More than any record takes: a copy never changes its size, and is written where it stands. */
const recordBytes = 800;

export class HardState {
  readonly #files: FileSystem;
  readonly #directory: string;
  readonly #identity: StorageIdentity;
  /** What was wrong with a copy; both are whole again. */
  readonly findings: readonly Finding[];
  /** Names of copies that can be written where they stand: the others are damaged, or missing. */
  readonly #intact: Set<string>;
  #counter: number;
  #promised: Ballot;

  private constructor(
    files: FileSystem,
    directory: string,
    identity: StorageIdentity,
    found: {
      readonly intact: ReadonlySet<string>;
      readonly latest: Pick<PromiseRecord, "counter" | "promised">;
      readonly findings: readonly Finding[];
    },
  ) {
    this.#files = files;
    this.#directory = directory;
    this.#identity = identity;
    this.findings = found.findings;
    this.#intact = new Set(found.intact);
    this.#counter = found.latest.counter;
    this.#promised = found.latest.promised;
  }

  /**
   * Reads both copies, and makes them equal again. Makes both when there is none.
   * @param expected Whether a journal exists: then a promise must exist, too.
   * @throws {KibitzerError} `KBZ_DAMAGED` when neither copy is intact.
   */
  static async open(
    files: FileSystem,
    directory: string,
    identity: StorageIdentity,
    expected: boolean,
  ): Promise<HardState> {
    const { copies, failures, findings } = await readCopies(files, directory, identity, expected);
    const intact = [...copies.values()];
    const first = intact[0];
    if (first === undefined && (expected || failures.length > 0)) {
      throw amnesia(directory, failures[0]);
    }
    const latest = intact.reduce(
      (left, right) => (right.counter > left.counter ? right : left),
      first ?? { ...identity, counter: 0, promised: ballotZero },
    );
    const state = new HardState(files, directory, identity, {
      intact: new Set(copies.keys()),
      latest,
      findings,
    });
    const areEqual = intact.length === 2 && intact.every((copy) => copy.counter === latest.counter);
    if (!areEqual) await state.write(latest.promised);
    return state;
  }

  get promised(): Ballot {
    return this.#promised;
  }

  /**
   * Durable twice when this resolves. A failure is final: the caller attests nothing more. While
   * one copy is written the other is whole: it holds the promise before, or already this one.
   */
  async write(promised: Ballot): Promise<void> {
    assert(compareBallots(promised, this.#promised) >= 0, "a promise never falls");
    this.#counter += 1;
    const record: PromiseRecord = { ...this.#identity, counter: this.#counter, promised };
    const bytes = seal("promise", promiseVersion, record, recordBytes);
    const missing = copyNames.filter((name) => !this.#intact.has(name));
    if (missing.length > 0) await replaceFiles(this.#files, this.#directory, missing, bytes);
    for (const name of this.#intact) {
      await overwriteFile(this.#files, `${this.#directory}/${name}`, bytes);
    }
    for (const name of missing) this.#intact.add(name);
    this.#promised = promised;
  }
}

interface Copies {
  /** Those that are intact, by their names. */
  readonly copies: ReadonlyMap<string, PromiseRecord>;
  readonly failures: readonly KibitzerError[];
  readonly findings: readonly Finding[];
}

async function readCopies(
  files: FileSystem,
  directory: string,
  identity: StorageIdentity,
  expected: boolean,
): Promise<Copies> {
  const copies = new Map<string, PromiseRecord>();
  const failures: KibitzerError[] = [];
  const findings: Finding[] = [];
  for (const name of copyNames) {
    const path = `${directory}/${name}`;
    try {
      const copy = await readCopy(files, path, identity);
      if (copy !== null) copies.set(name, copy);
      else if (expected) findings.push({ path, offset: 0, text: "the file is missing" });
    } catch (error) {
      // Another's file, or a later version, is not damage to be repaired from the other copy.
      if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
      failures.push(error);
      // It is written where it stands.
      findings.push({ path, offset: 0, text: error.message, mayBeTorn: true });
    }
  }
  return { copies, failures, findings };
}

async function readCopy(
  files: FileSystem,
  path: string,
  identity: StorageIdentity,
): Promise<PromiseRecord | null> {
  const bytes = await readWhole(files, path);
  if (bytes === null) return null;
  const record = unseal(path, "promise", promiseVersion, bytes);
  if (!isPromiseRecord(record)) throw damaged(path, 0, "its fields are not those of a promise");
  if (describe(record) !== describe(identity)) {
    throw foreign(path, describe(identity), describe(record));
  }
  return record;
}

function isPromiseRecord(value: unknown): value is PromiseRecord {
  return isStorageIdentity(value) && matches(value, { counter: isWhole, promised: isBallot });
}

/** Both copies are lost, and with them what the node may not contradict. */
export function amnesia(directory: string, cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_DAMAGED",
    `Neither ${directory}/${copyNames[0]} nor ${copyNames[1]} is intact: this node has forgotten ` +
      "what it promised and must never vote again under its identity. Exile its id from another " +
      "member and start it again with an empty directory.",
    { retryable: false, outcome: "none", cause },
  );
}
