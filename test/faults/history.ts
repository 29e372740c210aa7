/**
 * What clients asked and were told during one attack, in the order in which it happened, and what
 * was done to the nodes meanwhile. The same events and the same file as a simulation's, so that
 * `npm run check-history` reads it; judges nothing.
 */
import { writeFileSync } from "node:fs";
import {
  eventLine,
  headerLine,
  isStrike,
  nemesis,
  strikeOf,
} from "../../simulations/history/history-file.ts";
import {
  Pairing,
  type HistoryEvent,
  type Operation,
  type Strike,
} from "../../simulations/history/operation.ts";
import {
  HistoryRecorder,
  keepInMemory,
  type OpenOperation,
} from "../../simulations/history/recorder.ts";

export interface Recorded {
  readonly operations: readonly Operation[];
  readonly strikes: readonly Strike[];
}

export class History {
  readonly #begin = performance.now();
  readonly #kept = keepInMemory();
  readonly #recorder = new HistoryRecorder({ sink: this.#kept.sink, now: () => this.#now() });

  invoke(process: string, f: "publish" | "barrier" | "read", value: unknown): OpenOperation {
    return this.#recorder.invoke(process, f, value);
  }

  /** Something was done to a node, or to the network. */
  strike(what: string, at: unknown = null): void {
    const time = this.#now();
    this.#kept.sink({ process: nemesis, type: "info", f: what, value: at, time, key: null });
  }

  /** All of it, so far; operations that have not ended yet are of unknown outcome. */
  read(): Recorded {
    return recordedIn(this.#kept.events);
  }

  write(path: string): void {
    writeFileSync(
      path,
      [headerLine({ model: "log" }), ...this.#kept.events.map(eventLine)].join(""),
    );
  }

  #now(): number {
    return Math.round((performance.now() - this.#begin) * 1e6);
  }
}

/** The line of a file that holds the first event, behind the header. */
const lineFirst = 2;

/** The same that reading the file gives. */
export function recordedIn(events: readonly HistoryEvent[]): Recorded {
  const pairing = new Pairing();
  const strikes: Strike[] = [];
  for (const [place, event] of events.entries()) {
    if (isStrike(event)) strikes.push(strikeOf(event, pairing.events));
    else pairing.add(event, place + lineFirst);
  }
  return { operations: pairing.operations, strikes };
}
