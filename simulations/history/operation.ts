/**
 * What clients did and were told: the events of a history, and the operations that they pair up to.
 * Knows no model: whether an answer makes sense is judged elsewhere.
 */

/** A client, or one of its threads: at most one operation of it is open at any time. */
export type Process = number | string;

/** `info`: the outcome is unknown, it may take effect at any later time or never. */
export type EventType = "invoke" | "ok" | "fail" | "info";

export interface HistoryEvent {
  readonly process: Process;
  readonly type: EventType;
  /** The function, as `publish` or `read`. */
  readonly f: string;
  /** What it was called with; of `ok` what it gave back; of `fail` and `info` the error. */
  readonly value: unknown;
  /** Nanoseconds from any origin. For drawing only: real time is the order of the events. */
  readonly time: number | null;
  /** The object, where a history is of several that are independent of each other. */
  readonly key: string | null;
}

/** Both orders count events from 0; one operation precedes another if it returned before. */
export interface Operation {
  /** Its place in the order of invocation. */
  readonly id: number;
  readonly process: Process;
  readonly f: string;
  readonly key: string | null;
  readonly input: unknown;
  readonly output: unknown;
  readonly outcome: "ok" | "failed" | "unknown";
  readonly invoked: number;
  /** Infinity while the outcome is unknown. */
  readonly returned: number;
  readonly invokedTime: number | null;
  readonly returnedTime: number | null;
  /** The line of its invocation, from 1; in a history that was never a file, the event. */
  readonly line: number;
}

/** Something that was done to the system meanwhile, as a node that was killed. */
export interface Strike {
  readonly what: string;
  /** To what it was done, or how; null where `what` says all. */
  readonly at: unknown;
  readonly time: number | null;
  /** The first event of clients that came after it. */
  readonly before: number;
}

/** The input is no history: somebody else's mistake, never the verdict about a system. */
export class HistoryFormatError extends Error {
  override readonly name = "HistoryFormatError";
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

type Draft = { -readonly [Field in keyof Operation]: Operation[Field] };

/** Pairs each completion with the invocation of the same process, one event at a time. */
export class Pairing {
  readonly #operations: Draft[] = [];
  readonly #open = new Map<Process, Draft>();
  #events = 0;

  get events(): number {
    return this.#events;
  }

  /** Complete once all events were added; those that nothing completed stay unknown. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** @throws {HistoryFormatError} when the event cannot follow what came before. */
  add(event: HistoryEvent, line: number): void {
    const position = this.#events;
    this.#events += 1;
    const open = this.#open.get(event.process);
    if (event.type === "invoke") {
      if (open !== undefined) {
        const problem = `process ${event.process} invokes ${event.f} while its ${open.f}`;
        throw new HistoryFormatError(line, `${problem} of line ${open.line} is still open`);
      }
      this.#begin(event, position, line);
      return;
    }
    if (open === undefined) {
      const problem = `process ${event.process} completes ${event.f}, but has nothing open`;
      throw new HistoryFormatError(line, problem);
    }
    if (open.f !== event.f || (event.key !== null && open.key !== event.key)) {
      const problem = `process ${event.process} completes ${named(event)}, but line ${open.line}`;
      throw new HistoryFormatError(line, `${problem} began ${named(open)}`);
    }
    this.#open.delete(event.process);
    if (event.type === "info") return;
    open.outcome = event.type === "ok" ? "ok" : "failed";
    open.output = event.value;
    open.returned = position;
    open.returnedTime = event.time;
  }

  #begin({ process, f, key, value, time }: HistoryEvent, position: number, line: number): void {
    const operation: Draft = {
      id: this.#operations.length,
      process,
      f,
      key,
      input: value,
      output: null,
      outcome: "unknown",
      invoked: position,
      returned: Infinity,
      invokedTime: time,
      returnedTime: null,
      line,
    };
    this.#operations.push(operation);
    this.#open.set(process, operation);
  }
}

function named({ f, key }: { readonly f: string; readonly key: string | null }): string {
  return key === null ? f : `${f} of key ${key}`;
}

/** For people: `publish "a" → 3`. */
export function describeOperation({ f, key, input, output, outcome }: Operation): string {
  const object = key === null ? "" : ` ${key}`;
  const call = input === null || input === undefined ? f : `${f} ${brief(input)}`;
  if (outcome === "failed") return `${call}${object} failed`;
  if (outcome === "unknown") return `${call}${object} → ?`;
  return `${call}${object} → ${brief(output)}`;
}

const briefMax = 60;

/** A value for people, shortened. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= briefMax ? text : `${text.slice(0, briefMax - 1)}…`;
}
