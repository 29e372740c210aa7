/**
 * Writes down what clients ask and are told, while they do: the same in a simulation and in tests
 * of real processes. Reads no clock of its own, and judges nothing.
 */
import { assert } from "../../consensus/assert.ts";
import { eventLine, headerLine, type HistoryHeader } from "./history-file.ts";
import type { EventType, HistoryEvent, Process } from "./operation.ts";

/** Takes each event in order. */
export type HistorySink = (event: HistoryEvent) => void;

/** One operation that was begun; exactly one of its methods is called, at most once. */
export interface OpenOperation {
  ok(value: unknown): void;
  /** It did not take effect, and never will. */
  fail(error?: unknown): void;
  /** Nobody knows whether it takes effect, or when. */
  info(error?: unknown): void;
}

export interface RecorderOptions {
  /** Nanoseconds; without it the events carry no time. */
  readonly now?: () => number;
  readonly sink: HistorySink;
}

export class HistoryRecorder {
  readonly #sink: HistorySink;
  readonly #now: (() => number) | null;
  readonly #busy = new Set<Process>();
  readonly #idle: number[] = [];
  #processes = 0;

  constructor({ sink, now }: RecorderOptions) {
    this.#sink = sink;
    this.#now = now ?? null;
  }

  /**
   * Begins an operation. A client that does several things at once is several processes; with null
   * for `process` one is lent that has nothing open.
   */
  invoke(
    process: Process | null,
    f: string,
    value: unknown,
    key: string | null = null,
  ): OpenOperation {
    const lent = process === null ? this.#lend() : null;
    const chosen = lent ?? process ?? 0;
    assert(!this.#busy.has(chosen), "a process does one thing at a time");
    this.#busy.add(chosen);
    const write = (type: EventType, content: unknown): void => {
      const time = this.#now === null ? null : this.#now();
      this.#sink({ process: chosen, type, f, value: content, time, key });
    };
    write("invoke", value);
    let isOpen = true;
    const complete = (type: EventType, result: unknown): void => {
      assert(isOpen, "an operation ends once");
      isOpen = false;
      this.#busy.delete(chosen);
      write(type, result);
      // As with Jepsen, a process whose outcome is unknown does nothing more.
      if (lent !== null && type !== "info") this.#idle.push(lent);
    };
    return {
      ok: (result) => complete("ok", result),
      fail: (error = null) => complete("fail", error),
      info: (error = null) => complete("info", error),
    };
  }

  #lend(): number {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const process = this.#processes;
    this.#processes += 1;
    return process;
  }
}

/** A sink that keeps all events, and what it has kept. */
export function keepInMemory(): { readonly sink: HistorySink; readonly events: HistoryEvent[] } {
  const events: HistoryEvent[] = [];
  return { events, sink: (event) => void events.push(event) };
}

/**
 * A sink that hands each event on as a line of a history file, the header first. `write` may be
 * that of a stream, or a `writeSync` to a descriptor; its errors are the caller's.
 */
export function writeLines(write: (line: string) => void, header: HistoryHeader): HistorySink {
  write(headerLine(header));
  return (event) => write(eventLine(event));
}
