/**
 * What clients asked and were told during one attack, in the order in which it happened, and what
 * was done to the nodes meanwhile. The same events and the same file as a simulation's, so that
 * `npm run check-history` reads it; judges nothing.
 */
import { writeFileSync } from "node:fs";
import { eventLine, headerLine } from "../../simulations/history/history-file.ts";
import { Pairing, type HistoryEvent, type Operation } from "../../simulations/history/operation.ts";
import {
  HistoryRecorder,
  keepInMemory,
  type OpenOperation,
} from "../../simulations/history/recorder.ts";

/** Who does to nodes what no client can; readers of the file know that it is none (Jepsen). */
const nemesis = "nemesis";

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

  get events(): readonly HistoryEvent[] {
    return this.#kept.events;
  }

  /** Of clients; those that have not ended yet are of unknown outcome. */
  get operations(): readonly Operation[] {
    return operationsOf(this.events);
  }

  write(path: string): void {
    writeFileSync(path, [headerLine({ model: "log" }), ...this.events.map(eventLine)].join(""));
  }

  #now(): number {
    return Math.round((performance.now() - this.#begin) * 1e6);
  }
}

/** The line of a file that holds the first event, behind the header. */
const lineFirst = 2;

export function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const pairing = new Pairing();
  for (const [place, event] of events.entries()) {
    if (event.process !== nemesis) pairing.add(event, place + lineFirst);
  }
  return pairing.operations;
}
