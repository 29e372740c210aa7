/**
 * Reads a log once, from a barrier or for ever, and prints what it reads. Never holds more than its
 * output takes.
 */
import type { EntriesOptions, Entry, Log } from "../api.ts";
import { entryDocument } from "../entry-document.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Output } from "./output.ts";
import { waitLimit, type ClusterOptions } from "./options.ts";

export interface TailOptions extends ClusterOptions {
  readonly from: number;
  readonly limit?: number;
  readonly follow?: boolean;
  readonly stale?: boolean;
}

const newline = Uint8Array.of(10);

/** Reads a log once and prints it. */
export class TailReader {
  readonly #options: TailOptions;
  readonly #output: Output;
  #indexNext: number;

  constructor(options: TailOptions, output: Output) {
    this.#options = options;
    this.#output = output;
    this.#indexNext = options.from;
  }

  /** The index after the last entry printed. */
  get indexNext(): number {
    return this.#indexNext;
  }

  async read(log: Log, signal: AbortSignal): Promise<void> {
    const last = await this.#lastIndex(log, signal);
    if (last < this.#options.from) return;
    const follow = this.#options.follow === true;
    const idle = new IdleLimit(follow ? null : this.#options.timeout, signal);
    const range: EntriesOptions = Number.isFinite(last)
      ? { from: this.#options.from, to: last, follow, signal: idle.signal }
      : { from: this.#options.from, follow, signal: idle.signal };
    try {
      for await (const entry of log.entries(range)) {
        this.#print(entry);
        if (entry.index >= last) break;
        if (this.#output.hasRoom) {
          idle.start();
        } else {
          idle.stop();
          await this.#output.room();
          idle.start();
        }
      }
    } finally {
      idle.stop();
    }
  }

  /** Up to where to read; infinite when nobody knows yet. */
  async #lastIndex(log: Log, signal: AbortSignal): Promise<number> {
    const { from, limit, follow, stale } = this.#options;
    const limited = limit === undefined ? Number.POSITIVE_INFINITY : from + limit - 1;
    if (stale === true) return limited;
    const barrier = await log.barrier({ signal: waitLimit(this.#options, signal) });
    return follow === true ? limited : Math.min(limited, barrier.index);
  }

  #print(entry: Entry): void {
    this.#indexNext = entry.index + 1;
    if (this.#options.json === true) {
      this.#output.json(entryDocument(entry));
    } else {
      this.#output.data(entry.bytes);
      this.#output.data(newline);
    }
  }
}

/** Ends a read that does not go on: no entry for `timeoutMs`, while somebody waits for one. */
class IdleLimit {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timeoutMs: number | null;
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number | null, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
    this.start();
  }

  /** Starts the wait, anew if it was under way. */
  start(): void {
    if (this.#timer !== null) this.#timer.refresh();
    else if (this.#timeoutMs !== null) {
      this.#timer = setTimeout(() => this.#expired(), this.#timeoutMs);
    }
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #expired(): void {
    const message = `The endpoint sent no entry for ${this.#timeoutMs} ms.`;
    this.#controller.abort(
      new KibitzerError("KBZ_UNREACHABLE", message, { retryable: true, outcome: "none" }),
    );
  }
}
