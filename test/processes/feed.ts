/**
 * Publishes lines through `kibitz publish --file -`, never more than a window ahead of what is
 * acknowledged, so that a test can strike at a known place in the stream.
 */
import assert from "node:assert/strict";
import { patienceMs, type Child } from "./child.ts";
import type { Kit } from "./kit.ts";

const windowLinesDefault = 256;

export class Feed {
  readonly child: Child;
  readonly #lines: readonly string[];
  readonly #windowLines: number;
  #written = 0;
  #isWatching = true;

  /** @param lines What is published; none contains a newline. */
  constructor(
    kit: Kit,
    endpoints: string,
    lines: readonly string[],
    windowLines: number = windowLinesDefault,
  ) {
    this.#lines = lines;
    this.#windowLines = windowLines;
    const always = ["publish", "--file", "-", "--json", "--timeout", `${patienceMs}ms`];
    this.child = kit.start([...always, "--endpoints", endpoints]);
    void this.#pump();
  }

  /** The indexes acknowledged so far, in the order they were told. */
  get acknowledged(): readonly number[] {
    return this.child.lines.flatMap((line) => {
      const document: unknown = JSON.parse(line);
      const isIndex = typeof document === "object" && document !== null && "index" in document;
      return isIndex && typeof document.index === "number" ? [document.index] : [];
    });
  }

  /** Lines handed to the command so far. */
  get written(): number {
    return this.#written;
  }

  async untilAcknowledged(count: number): Promise<void> {
    await this.child.untilLines(count);
  }

  /** All lines published; the command must have ended well. */
  async ended(): Promise<readonly number[]> {
    const { code, signal } = await this.child.ended();
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, this.child.stderr);
    return this.acknowledged;
  }

  /** Ends the command in the midst of its work. */
  async kill(): Promise<readonly number[]> {
    this.#isWatching = false;
    await this.child.kill();
    return this.acknowledged;
  }

  async #pump(): Promise<void> {
    const { child } = this;
    try {
      while (this.#written < this.#lines.length && this.#isWatching) {
        const end = Math.min(this.#lines.length, child.lines.length + this.#windowLines);
        if (end > this.#written) {
          const part = this.#lines.slice(this.#written, end);
          this.#written = end;
          child.write(part.map((line) => `${line}\n`).join(""));
        }
        const before = child.lines.length;
        if (end === this.#lines.length) break;
        await child.until("more acknowledgements", () =>
          child.lines.length > before ? true : null,
        );
      }
      if (this.#isWatching) child.endInput();
    } catch {
      // It ended, or is stuck: who waits for its end sees that, too.
    }
  }
}

/** The numbers from 1 to `count`. */
export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, position) => position + 1);
}
