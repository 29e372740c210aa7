/**
 * Where commands print: results to stdout, everything else to stderr. Many small writes leave as
 * one; who writes much waits for `room`. Never decides what to print.
 */
import type { Writable } from "node:stream";
import { styleText } from "node:util";

/** Bytes gathered before a write without waiting for the end of the turn. */
const gatheredBytesMax = 64 * 1024;

export interface OutputOptions {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Called once when the reader of stdout is gone. */
  closed?(): void;
}

export class Output {
  /** Called once when the reader of stdout is gone; a command may put its own in place. */
  closed: () => void;
  /** Called before each write to stdout, so that a progress line can make way. */
  writing: () => void = () => undefined;
  readonly #stdout: Writable;
  readonly #stderr: Writable;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #scheduled = false;
  #isClosed = false;

  constructor(options: OutputOptions) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.closed = (): void => options.closed?.();
    this.#stdout.on("error", () => this.#close());
    // Without a reader there is nobody to tell; the exit code still says how it ended.
    this.#stderr.on("error", () => undefined);
  }

  /** Whether stdout is a terminal. */
  get isTerminal(): boolean {
    return "isTTY" in this.#stdout && this.#stdout.isTTY === true;
  }

  get stderr(): Writable {
    return this.#stderr;
  }

  /** Writes raw bytes to stdout, in order with everything else written there. */
  data(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes >= gatheredBytesMax) {
      this.#write();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#write());
    }
  }

  /** Writes one line of text to stdout. */
  line(text: string): void {
    this.data(Buffer.from(`${text}\n`));
  }

  /** Writes one JSON value as a line to stdout. */
  json(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** Writes one line for people to stderr. */
  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** Whether stdout takes more without its reader catching up first. */
  get hasRoom(): boolean {
    return !this.#stdout.writableNeedDrain || this.#isClosed;
  }

  /** Resolves when stdout takes more; at once unless its reader is slow. */
  async room(): Promise<void> {
    if (this.hasRoom) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stdout.off("drain", done).off("close", done).off("error", done);
        resolve();
      };
      this.#stdout.on("drain", done).on("close", done).on("error", done);
    });
  }

  /** Resolves when everything written has left this process, or has nowhere to go. */
  async flush(): Promise<void> {
    this.#write();
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.#stdout.write("", () => resolve());
    });
  }

  #write(): void {
    this.#scheduled = false;
    if (this.#gathered.length === 0 || this.#isClosed) return;
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.writing();
    this.#stdout.write(bytes);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#gathered = [];
    this.closed();
  }
}

type Style = "bold" | "dim" | "green" | "red" | "yellow";

/** Colours `text` for stderr or stdout, unless that is not a terminal or `NO_COLOR` is set. */
export function coloured(style: Style, text: string, stream: NodeJS.WritableStream): string {
  return styleText(style, text, { stream, validateStream: true });
}
