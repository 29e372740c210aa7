/**
 * Publishes a stream of entries with many unacknowledged at a time, and keeps account of each:
 * accepted, not accepted, or unknown. At the first failure it submits nothing more. Prints nothing.
 */
import type { Log } from "../api.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { setMaxListeners } from "node:events";

export interface PipelineOptions {
  /** Milliseconds that one entry may take, from its submission to its acknowledgement. */
  readonly timeoutMs: number;
  /** Stops everything; what is under way is accounted for. */
  readonly signal: AbortSignal;
  /** Entries without acknowledgement at a time. */
  readonly entriesMax: number;
  /** Bytes of such entries; a single larger entry goes alone. */
  readonly bytesMax: number;
  /** Called in the order of the entries. */
  accepted(index: number, bytes: number): void;
  /** Awaited before each group is submitted: where the acknowledgements go may be slow. */
  room(): Promise<void>;
}

/** The first and last entry of a run, counted from 1. */
export interface EntryRange {
  readonly first: number;
  readonly last: number;
}

export interface PipelineReport {
  /** Null when every entry was accepted. */
  readonly failure: Error | null;
  readonly accepted: readonly EntryRange[];
  /** Submitted; certainly not in the log and never will be. */
  readonly refused: readonly EntryRange[];
  /** Submitted; may or may not be in the log. */
  readonly unknown: readonly EntryRange[];
  readonly submitted: number;
}

/** What an entry was given up for that was not acknowledged in time. */
export class AcknowledgementTimeout extends Error {
  override readonly name = "TimeoutError";

  constructor(entry: number, timeoutMs: number) {
    super(
      `entry ${entry} was not acknowledged within ${timeoutMs} ms: no majority of the parliament ` +
        'has confirmed it. See "kibitz status" for who is up; --timeout allows more time.',
    );
  }
}

type Fate =
  | { readonly kind: "waiting" }
  | { readonly kind: "accepted"; readonly index: number }
  | { readonly kind: "refused" | "unknown" };

interface Pending {
  readonly entry: number;
  readonly bytes: number;
  readonly deadlineMs: number;
  fate: Fate;
}

const waiting: Fate = { kind: "waiting" };

/** Submits all `groups` in order. Never rejects for a failed entry: the report tells. */
export function publishAll(
  log: Pick<Log, "publish">,
  groups: AsyncIterable<readonly Uint8Array[]>,
  options: PipelineOptions,
): Promise<PipelineReport> {
  return new PublishPipeline(log, options).run(groups);
}

class PublishPipeline {
  readonly #log: Pick<Log, "publish">;
  readonly #options: PipelineOptions;
  readonly #giveUp = new AbortController();
  /** In the order of submission; those before `#head` are settled and told. */
  #pending: Pending[] = [];
  #head = 0;
  #pendingBytes = 0;
  #unsettled = 0;
  #submitted = 0;
  #failure: Error | null = null;
  /** The source failed, not an entry: what was submitted before goes its way. */
  #sourceFailure: Error | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Wakes the one place that waits: for a group, for room or for the last acknowledgements. */
  #wake: () => void = () => undefined;
  readonly #accepted: EntryRange[] = [];
  readonly #refused: EntryRange[] = [];
  readonly #unknown: EntryRange[] = [];

  constructor(log: Pick<Log, "publish">, options: PipelineOptions) {
    this.#log = log;
    this.#options = options;
    // One listener for each entry under way.
    setMaxListeners(0, this.#giveUp.signal);
  }

  async run(groups: AsyncIterable<readonly Uint8Array[]>): Promise<PipelineReport> {
    const { signal } = this.#options;
    const interrupted = (): void => this.#fail(reasonOf(signal));
    signal.addEventListener("abort", interrupted, { once: true });
    if (signal.aborted) interrupted();
    const iterator = groups[Symbol.asyncIterator]();
    while (this.#failure === null) {
      const group = await this.#next(iterator);
      if (group === null) break;
      await this.#submitGroup(group);
    }
    while (this.#unsettled > 0) await this.#woken();
    signal.removeEventListener("abort", interrupted);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#drain();
    return {
      failure: this.#failure ?? this.#sourceFailure,
      accepted: this.#accepted,
      refused: this.#refused,
      unknown: this.#unknown,
      submitted: this.#submitted,
    };
  }

  /** The next group; null at the end, and as soon as something failed. */
  #next(iterator: AsyncIterator<readonly Uint8Array[]>): Promise<readonly Uint8Array[] | null> {
    return new Promise((resolve) => {
      this.#wake = (): void => {
        if (this.#failure !== null) resolve(null);
      };
      iterator.next().then(
        (result) => resolve(result.done === true ? null : result.value),
        (error: unknown) => {
          this.#sourceFailure = asError(error);
          resolve(null);
        },
      );
    });
  }

  async #submitGroup(group: readonly Uint8Array[]): Promise<void> {
    await this.#options.room();
    for (const bytes of group) {
      while (this.#failure === null && !this.#hasRoom(bytes.length)) await this.#woken();
      if (this.#failure !== null) return;
      this.#submit(bytes);
    }
  }

  #hasRoom(bytes: number): boolean {
    if (this.#unsettled === 0) return true;
    const { entriesMax, bytesMax } = this.#options;
    return this.#unsettled < entriesMax && this.#pendingBytes + bytes <= bytesMax;
  }

  #submit(bytes: Uint8Array): void {
    this.#submitted += 1;
    const deadlineMs = performance.now() + this.#options.timeoutMs;
    const entry = this.#submitted;
    const pending: Pending = { entry, bytes: bytes.length, deadlineMs, fate: waiting };
    this.#pending.push(pending);
    this.#pendingBytes += bytes.length;
    this.#unsettled += 1;
    this.#timer ??= setTimeout(() => this.#checkDeadline(), this.#options.timeoutMs);
    this.#log.publish(bytes, { signal: this.#giveUp.signal }).then(
      ({ index }) => this.#settled(pending, { kind: "accepted", index }),
      (error: unknown) => {
        const outcome = error instanceof KibitzerError ? error.outcome : "unknown";
        this.#settled(pending, { kind: outcome === "none" ? "refused" : "unknown" });
        this.#fail(asError(error));
        this.#wake();
      },
    );
  }

  #settled(pending: Pending, fate: Fate): void {
    pending.fate = fate;
    this.#unsettled -= 1;
    this.#pendingBytes -= pending.bytes;
    this.#drain();
    this.#wake();
  }

  /** Tells what is settled at the head of the queue, so that it is told in order. */
  #drain(): void {
    for (;;) {
      const pending = this.#pending[this.#head];
      if (pending === undefined || pending.fate.kind === "waiting") break;
      this.#head += 1;
      if (pending.fate.kind === "accepted") {
        extend(this.#accepted, pending.entry);
        this.#options.accepted(pending.fate.index, pending.bytes);
      } else {
        extend(pending.fate.kind === "refused" ? this.#refused : this.#unknown, pending.entry);
      }
    }
    if (this.#head > 1024 && this.#head * 2 > this.#pending.length) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The oldest entry has the earliest deadline, so that one timer watches them all. */
  #checkDeadline(): void {
    this.#timer = null;
    const oldest = this.#pending[this.#head];
    if (oldest === undefined || this.#failure !== null) return;
    const remainingMs = oldest.deadlineMs - performance.now();
    if (remainingMs <= 0) {
      this.#fail(new AcknowledgementTimeout(oldest.entry, this.#options.timeoutMs));
    } else {
      this.#timer = setTimeout(() => this.#checkDeadline(), remainingMs);
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#giveUp.abort(error);
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function extend(ranges: EntryRange[], entry: number): void {
  const last = ranges.at(-1);
  if (last?.last === entry - 1) ranges[ranges.length - 1] = { first: last.first, last: entry };
  else ranges.push({ first: entry, last: entry });
}

function reasonOf(signal: AbortSignal): Error {
  return asError(signal.reason);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}
