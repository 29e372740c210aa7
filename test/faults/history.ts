/**
 * What clients asked and were told, in the order in which it happened: one event when an operation
 * begins, one when it ends. Kept in memory, written as JSON lines in Jepsen's convention.
 */
import { writeFileSync } from "node:fs";

interface Happened<Type extends string, Name extends string, Value> {
  /** One thread of control: it begins nothing before what it began has ended. */
  readonly process: number;
  readonly type: Type;
  readonly f: Name;
  readonly value: Value;
  /** Nanoseconds since the history began. */
  readonly time: number;
}

/**
 * `ok` has happened, `fail` has not and never will, `info` may or may not happen, at any time; the
 * value of both is the error. `publish` gives an index, `barrier` the length of the log, and `read`
 * all entries from an index on.
 */
export type HistoryEvent =
  | Happened<"invoke", "publish", string>
  | Happened<"ok", "publish", number>
  | Happened<"invoke", "barrier", null>
  | Happened<"ok", "barrier", number>
  | Happened<"invoke", "read", { readonly from: number }>
  | Happened<"ok", "read", readonly string[]>
  | Happened<"fail" | "info", "publish" | "barrier" | "read", string>;

/** `Omit` for each member of a union apart. */
type Untimed<Event> = Event extends unknown ? Omit<Event, "time"> : never;

export class History {
  readonly #begin = performance.now();
  readonly #events: HistoryEvent[] = [];

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  record(event: Untimed<HistoryEvent>): void {
    const time = Math.round((performance.now() - this.#begin) * 1e6);
    this.#events.push({ ...event, time });
  }

  write(path: string): void {
    const header = { history: 1, model: "log" };
    const lines = [header, ...this.#events].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(path, lines.join(""));
  }
}
