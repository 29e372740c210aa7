/**
 * Histories as files: JSON lines in Jepsen's convention (docs/history-format.md). Reads them as a
 * stream, names the line of what it refuses, and never guesses at what a damaged line meant.
 */
import {
  HistoryFormatError,
  Pairing,
  type EventType,
  type HistoryEvent,
  type Operation,
  type Process,
  type Strike,
} from "./operation.ts";

/** The optional first line, which says what the history is of. */
export interface HistoryHeader {
  readonly model: string | null;
  /** What the object held at first; absent where the model has its own. */
  readonly initial?: unknown;
}

export interface HistoryFile {
  readonly header: HistoryHeader;
  readonly operations: readonly Operation[];
  readonly events: number;
  /** What no client did, as Jepsen's nemesis does: of no account for the verdict. */
  readonly strikes: readonly Strike[];
  /** The last line was cut off, as by a crash of its writer; what it said is left out. */
  readonly truncated: boolean;
}

/** The process of events that are no client's. */
export const nemesis = "nemesis";

const historyVersion = 1;

/** One line; a larger one is no event of a client. */
const lineCharactersMax = 64 * 1024 * 1024;

/** @throws {HistoryFormatError} with the line at fault. */
export async function readHistory(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<HistoryFile> {
  const reader = new HistoryReader();
  const decoder = new TextDecoder("utf-8", { fatal: false });
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) reader.line(line);
    if (rest.length > lineCharactersMax) reader.refuse("longer than 64 Mi characters");
  }
  return reader.end(rest + decoder.decode());
}

type Fields = ReadonlyMap<string, unknown>;

class HistoryReader {
  readonly #pairing = new Pairing();
  #header: HistoryHeader = { model: null };
  #lines = 0;
  readonly #strikes: Strike[] = [];

  refuse(problem: string): never {
    throw new HistoryFormatError(this.#lines + 1, problem);
  }

  line(text: string): void {
    this.#lines += 1;
    if (text.trim() === "") return;
    this.#take(parseLine(text, this.#lines));
  }

  /** @param rest What follows the last newline. */
  end(rest: string): HistoryFile {
    let truncated = false;
    if (rest.trim() !== "") {
      this.#lines += 1;
      truncated = !isJson(rest);
      if (!truncated) this.#take(parseLine(rest, this.#lines));
    }
    const { events, operations } = this.#pairing;
    return { header: this.#header, operations, events, strikes: this.#strikes, truncated };
  }

  #take(fields: Fields): void {
    if (fields.has("history")) {
      this.#header = parseHeader(fields, this.#lines);
      if (this.#pairing.events + this.#strikes.length === 0) return;
      throw new HistoryFormatError(this.#lines, "a header comes before all events");
    }
    const event = parseEvent(fields, this.#lines);
    if (isStrike(event)) this.#strikes.push(strikeOf(event, this.#pairing.events));
    else this.#pairing.add(event, this.#lines);
  }
}

/** Whether it is no client's event, but something that was done to the system. */
export function isStrike({ process }: HistoryEvent): boolean {
  return process === nemesis;
}

/** @param before How many events of clients came before it. */
export function strikeOf({ f, value, time }: HistoryEvent, before: number): Strike {
  return { what: f, at: value, time, before };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parseLine(text: string, line: number): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HistoryFormatError(line, `wanted one JSON object, got ${excerpt(text)} (${reason})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HistoryFormatError(line, `wanted a JSON object, got ${excerpt(text)}`);
  }
  return new Map<string, unknown>(Object.entries(value));
}

function excerpt(text: string): string {
  return JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 40)}…`);
}

function parseHeader(fields: Fields, line: number): HistoryHeader {
  const version = fields.get("history");
  if (version !== historyVersion) {
    const found = JSON.stringify(version);
    throw new HistoryFormatError(line, `wanted a history of version 1, got version ${found}`);
  }
  const model = fields.get("model") ?? null;
  if (model !== null && typeof model !== "string") {
    throw new HistoryFormatError(line, `"model" names a model, got ${JSON.stringify(model)}`);
  }
  return fields.has("initial") ? { model, initial: fields.get("initial") } : { model };
}

function parseEvent(fields: Fields, line: number): HistoryEvent {
  const process = fields.get("process");
  const type = fields.get("type");
  const f = fields.get("f");
  const value = fields.get("value") ?? null;
  if (process === nemesis) {
    // Nothing is judged by it: it may look as it likes.
    const what = typeof f === "string" ? f : "";
    return { process, type: "info", f: what, value, time: timeOf(fields, line), key: null };
  }
  if (!isProcess(process)) {
    const found = JSON.stringify(process);
    const wanted = `"process" is a whole number from 0, or a name, got ${found}`;
    throw new HistoryFormatError(line, wanted);
  }
  if (!isEventType(type)) {
    const found = JSON.stringify(type);
    throw new HistoryFormatError(line, `"type" is invoke, ok, fail or info, got ${found}`);
  }
  if (typeof f !== "string" || f === "") {
    throw new HistoryFormatError(line, `"f" names the function, got ${JSON.stringify(f)}`);
  }
  return { process, type, f, value, time: timeOf(fields, line), key: keyOf(fields, line) };
}

function isProcess(value: unknown): value is Process {
  if (typeof value === "string") return value !== "";
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isEventType(value: unknown): value is EventType {
  return value === "invoke" || value === "ok" || value === "fail" || value === "info";
}

function timeOf(fields: Fields, line: number): number | null {
  const time = fields.get("time") ?? null;
  if (time === null || typeof time === "number") return time;
  throw new HistoryFormatError(line, `"time" is in nanoseconds, got ${JSON.stringify(time)}`);
}

function keyOf(fields: Fields, line: number): string | null {
  const key = fields.get("key") ?? null;
  if (key === null || typeof key === "string") return key;
  if (typeof key === "number") return String(key);
  throw new HistoryFormatError(line, `"key" is a string or a number, got ${JSON.stringify(key)}`);
}

/** The header as a line, newline included. */
export function headerLine(header: HistoryHeader): string {
  return `${JSON.stringify({ history: historyVersion, ...header })}\n`;
}

/** One event as a line, newline included. */
export function eventLine({ process, type, f, value, time, key }: HistoryEvent): string {
  const rest = { ...(time === null ? {} : { time }), ...(key === null ? {} : { key }) };
  return `${JSON.stringify({ process, type, f, value, ...rest })}\n`;
}
