/**
 * Publishes lines through `kibitz publish --file -`, never more than a window ahead of what is
 * acknowledged, so that a test can strike at a known place in the stream.
 */
import assert from "node:assert/strict";
import { patienceMs, type Child } from "./child.ts";
import type { Kit } from "./kit.ts";

export interface FeedOptions {
  /** Lines handed over before they are acknowledged; 256 unless told. */
  readonly windowLines?: number;
  /**
   * After which acknowledgements the test strikes, see {@link Feed.strike}. The feed waits for each
   * of them a window behind it, and before its last line, so that every one is in the midst.
   */
  readonly strikes?: readonly number[];
}

export class Feed {
  readonly child: Child;
  readonly #lines: readonly string[];
  readonly #windowLines: number;
  readonly #strikes: number[];
  #woken = Promise.withResolvers<void>();
  #written = 0;
  /** How many lines are handed over in all. */
  #end: number;
  #isWatching = true;

  /** @param lines What is published; none contains a newline. */
  constructor(
    kit: Kit,
    endpoints: string,
    lines: readonly string[],
    { windowLines = 256, strikes = [] }: FeedOptions = {},
  ) {
    this.#lines = lines;
    this.#end = lines.length;
    this.#windowLines = windowLines;
    this.#strikes = [...strikes];
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

  /** Does `deed` after the acknowledgement of the next strike, in the midst of the lines. */
  async strike(deed: () => Promise<unknown>): Promise<void> {
    const [at] = this.#strikes;
    assert.ok(at !== undefined, "this strike was announced");
    await this.untilAcknowledged(at);
    await deed();
    assert.ok(this.acknowledged.length < this.#lines.length, "it struck in the midst of the lines");
    this.#strikes.shift();
    this.#wake();
  }

  /** Hands over no more lines, and tells how many there were. */
  stop(): number {
    this.#end = this.#written;
    this.#wake();
    return this.#end;
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
      while (this.#written < this.#end && this.#isWatching) {
        const end = Math.min(this.#limit(), child.lines.length + this.#windowLines);
        if (end > this.#written) {
          const part = this.#lines.slice(this.#written, end);
          this.#written = end;
          child.write(part.map((line) => `${line}\n`).join(""));
        }
        if (end === this.#end) break;
        await this.#more(child.lines.length);
      }
      if (this.#isWatching) child.endInput();
    } catch {
      // It ended, or is stuck: who waits for its end sees that, too.
    }
  }

  /** Up to where lines may be handed over now. */
  #limit(): number {
    const [at] = this.#strikes;
    if (at === undefined) return this.#end;
    return Math.min(at + this.#windowLines, this.#end - 1);
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  /** Waits for more acknowledgements than `count`, or the end of a strike, or the stop. */
  async #more(count: number): Promise<void> {
    const more = (): true | null => (this.child.lines.length > count ? true : null);
    await Promise.race([this.#woken.promise, this.child.until("more acknowledgements", more)]);
  }
}

/** The numbers from 1 to `count`. */
export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, position) => position + 1);
}
