/**
 * Has a stopped node go on alone with a log, as the founder of a new republic: the log is copied
 * under the new identity, whole or from its oldest snapshot on, ends in a refounding, and takes the
 * old one's place at once. What was there before is kept beside. Never asks anybody.
 */
import {
  assert,
  ballotZero,
  hashDecree,
  type Citizen,
  type Decree,
  type LogBase,
  type Refounding,
  type RepublicIdentity,
  type RepublicState,
  type Slot,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import { writeSnapshot, type NamedPieces } from "../snapshots/snapshot-writer.ts";
import { Bodies } from "../storage/bodies.ts";
import { damaged } from "../storage/damage.ts";
import type { DataDirectory } from "../storage/directory.ts";
import { Journal } from "../storage/journal.ts";
import { Staging } from "../storage/staging.ts";
import type { FileSystem } from "../world.ts";

/** Bytes of one write of the copy, and of those that may be under way. */
const writeBytesMax = 1024 * 1024;
const queuedBytesMax = 8 * writeBytesMax;
/** What a decree takes in memory besides its body, about. */
const decreeBytes = 512;

export interface RefoundingPlan {
  readonly files: FileSystem;
  /** Locked, and nothing of it open. */
  readonly directory: DataDirectory;
  readonly cause: Refounding["cause"];
  /** The new republic's: 16 hex digits that nobody has ever heard. */
  readonly identity: string;
  /** Under a cookie that nobody has ever heard. */
  readonly founder: Citizen;
  /** The wall clock, milliseconds since 1970. */
  readonly when: number;
  readonly storage?: { readonly segmentBytesFirst?: number; readonly segmentBytesMax?: number };
}

/** What stands in place of the beginning of a log, where that was removed. */
export interface LogBeginning {
  readonly state: RepublicState;
  /** What state machines have in the same snapshot; read one after the other, before decrees. */
  readonly parts: readonly NamedPieces[];
}

/** The end of the log that is copied: what the refounding follows. */
export interface LogEnd {
  readonly slot: Slot;
  readonly hash: string;
  readonly time: number;
  /** Higher than that of any government or promise before. */
  readonly governmentNext: number;
  /** What the new republic is called. */
  readonly name: string;
}

/** What goes on under the new identity. */
export interface OldLog {
  /** Null when the log is there from slot 1 on. */
  readonly beginning: LogBeginning | null;
  /** All decrees from there on. */
  readonly decrees: AsyncIterable<FramedDecree>;
  /** Asked once the decrees have all been taken. */
  readonly end: () => LogEnd;
}

/** @returns Where the old content is now. */
export async function refound(
  plan: RefoundingPlan,
  log: OldLog,
): Promise<{ readonly aside: string; readonly republic: RepublicIdentity }> {
  const { files, directory, identity, founder } = plan;
  const before = directory.record.republic?.identity ?? null;
  const staging = await Staging.begin(files, directory.path, identity, before);
  const republic = await stage(plan, staging, log).catch(async (error: unknown) => {
    // What cannot be undone now the next opening undoes.
    await staging.abandon().catch(() => undefined);
    throw error;
  });
  // From here on only the file `node` knows whether it happened: the next opening asks it.
  await directory.refound(staging, { republic, cookie: founder.cookie });
  return { aside: staging.aside, republic };
}

/** Makes the whole new content, durably. */
async function stage(
  plan: RefoundingPlan,
  staging: Staging,
  { beginning, decrees, end }: OldLog,
): Promise<RepublicIdentity> {
  if (beginning !== null) await keepBeginning(plan, staging, beginning);
  const copy = await LogCopy.open(plan, staging, beginning?.state ?? null);
  try {
    for await (const framed of decrees) await copy.append(framed);
    const { name, ...last } = end();
    const republic = { name, identity: plan.identity };
    await copy.append({ decree: refoundingAfter(plan, last, republic), body: null });
    await copy.flush();
    return republic;
  } finally {
    await copy.close();
  }
}

/** The snapshot that the copied log goes on from, durably. */
async function keepBeginning(
  { files, identity }: RefoundingPlan,
  { directory }: Staging,
  { state, parts }: LogBeginning,
): Promise<void> {
  const snapshots = new SnapshotFiles(files, directory);
  await files.makeDirectory(snapshots.directory);
  const path = snapshots.temporary(state.slot);
  const nobodyWaits = { pause: async () => {}, signal: new AbortController().signal };
  await writeSnapshot({ files, path, republic: identity, state, parts, ...nobodyWaits });
  const read = await snapshots.adopt(state.slot, identity);
  if (read === null) throw damaged(path, 0, "it is not what was written");
  await files.syncDirectory(directory);
}

function refoundingAfter(
  plan: RefoundingPlan,
  end: Omit<LogEnd, "name">,
  republic: RepublicIdentity,
): Decree {
  const { cause, founder, when } = plan;
  const government = end.governmentNext;
  const value: Refounding = { kind: "refounding", cause, republic, founder, government };
  const unhashed = { slot: end.slot + 1, time: end.time, when, value };
  return { ...unhashed, hash: hashDecree(end.hash, unhashed) };
}

/** Writes decrees, all of them decided, to a journal of its own; durable once it is flushed. */
class LogCopy {
  readonly #journal: Journal;
  readonly #bodies = new Bodies();
  readonly #writes: { readonly number: number; readonly bytes: number }[] = [];
  #part: Decree[] = [];
  #partBytes = 0;
  #queuedBytes = 0;
  #writeLast: number;
  /** Of the first write, if the log does not begin with slot 1. */
  #base: LogBase | null;
  #failure: KibitzerError | null = null;
  #advanced = Promise.withResolvers<void>();

  private constructor(
    opened: { readonly journal: Journal; readonly writeLast: number },
    events: { persisted: (write: number) => void; failed: (error: KibitzerError) => void },
    base: LogBase | null,
  ) {
    this.#base = base;
    this.#journal = opened.journal;
    this.#writeLast = opened.writeLast;
    events.persisted = (write): void => this.#onPersisted(write);
    events.failed = (error): void => {
      this.#failure = error;
      this.#advance();
    };
  }

  static async open(
    plan: RefoundingPlan,
    staging: Staging,
    base: LogBase | null,
  ): Promise<LogCopy> {
    const { files, identity, founder, storage } = plan;
    const events = {
      persisted: (_write: number): void => undefined,
      failed: (_error: KibitzerError): void => undefined,
    };
    const { journal, recovered } = await Journal.open({
      files,
      directory: staging.directory,
      identity: { republic: identity, id: founder.id, cookie: founder.cookie },
      expected: false,
      onPersisted: (write) => events.persisted(write),
      onFailed: (error) => events.failed(error),
      ...storage,
    });
    const after = base === null ? null : { slot: base.slot, hash: base.hash };
    return new LogCopy({ journal, writeLast: recovered.writeLast }, events, after);
  }

  async append({ decree, body }: FramedDecree): Promise<void> {
    if (decree.value.kind === "batch") {
      assert(body !== null, "a batch is copied with its bytes");
      this.#bodies.set(decree.value, body);
    }
    this.#part.push(decree);
    this.#partBytes += decreeBytes + (body?.length ?? 0);
    if (this.#partBytes >= writeBytesMax) await this.#write(queuedBytesMax);
  }

  /** Waits until everything is durable. */
  async flush(): Promise<void> {
    await this.#write(0);
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  /** Writes what was gathered; waits until no more than `bytesMax` are under way. */
  async #write(bytesMax: number): Promise<void> {
    const [first] = this.#part;
    if (first !== undefined) {
      const decrees = this.#part;
      const number = (this.#writeLast += 1);
      this.#writes.push({ number, bytes: this.#partBytes });
      this.#queuedBytes += this.#partBytes;
      this.#part = [];
      this.#partBytes = 0;
      const slots = { slotFirst: first.slot, decided: first.slot + decrees.length - 1, decrees };
      const rest = { promised: null, accepted: ballotZero, heard: null, lostUpTo: 0 };
      const base = this.#base;
      this.#base = null;
      this.#journal.append({ number, ...rest, base, ...slots }, this.#bodies);
    }
    while (this.#queuedBytes > bytesMax && this.#failure === null) await this.#advanced.promise;
    if (this.#failure !== null) throw this.#failure;
  }

  #onPersisted(write: number): void {
    for (let next = this.#writes[0]; next !== undefined; next = this.#writes[0]) {
      if (next.number > write) break;
      this.#queuedBytes -= next.bytes;
      this.#writes.shift();
    }
    this.#advance();
  }

  #advance(): void {
    this.#advanced.resolve();
    this.#advanced = Promise.withResolvers<void>();
  }
}
