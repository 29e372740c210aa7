/**
 * Has a stopped node go on alone with a log, as the founder of a new republic: the log is copied
 * whole under the new identity, ends in a refounding, and takes the old one's place at once. What
 * was there before is kept beside. Never asks anybody.
 */
import {
  assert,
  ballotZero,
  hashDecree,
  type Citizen,
  type Decree,
  type Refounding,
  type RepublicIdentity,
  type Slot,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import { Bodies } from "../storage/bodies.ts";
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

/**
 * @param log All decrees from slot 1 on; `end` is asked once they have all been taken.
 * @returns Where the old content is now.
 */
export async function refound(
  plan: RefoundingPlan,
  log: AsyncIterable<FramedDecree>,
  end: () => LogEnd,
): Promise<{ readonly aside: string; readonly republic: RepublicIdentity }> {
  const { files, directory, identity, founder } = plan;
  const before = directory.record.republic?.identity ?? null;
  const staging = await Staging.begin(files, directory.path, identity, before);
  const republic = await stage(plan, staging, { log, end }).catch(async (error: unknown) => {
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
  { log, end }: { readonly log: AsyncIterable<FramedDecree>; readonly end: () => LogEnd },
): Promise<RepublicIdentity> {
  const copy = await LogCopy.open(plan, staging);
  try {
    for await (const framed of log) await copy.append(framed);
    const { name, ...last } = end();
    const republic = { name, identity: plan.identity };
    await copy.append({ decree: refoundingAfter(plan, last, republic), body: null });
    await copy.flush();
    return republic;
  } finally {
    await copy.close();
  }
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
  #failure: KibitzerError | null = null;
  #advanced = Promise.withResolvers<void>();

  private constructor(
    opened: { readonly journal: Journal; readonly writeLast: number },
    events: { persisted: (write: number) => void; failed: (error: KibitzerError) => void },
  ) {
    this.#journal = opened.journal;
    this.#writeLast = opened.writeLast;
    events.persisted = (write): void => this.#onPersisted(write);
    events.failed = (error): void => {
      this.#failure = error;
      this.#advance();
    };
  }

  static async open(plan: RefoundingPlan, staging: Staging): Promise<LogCopy> {
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
    return new LogCopy({ journal, writeLast: recovered.writeLast }, events);
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
      const nothing = { promised: null, accepted: ballotZero, heard: null, lostUpTo: 0 };
      this.#journal.append({ number, ...nothing, ...slots }, this.#bodies);
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
