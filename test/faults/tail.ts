/**
 * Follows the log at one node for as long as an attack lasts, and puts down in the history what it
 * was shown, as reads that may be stale but never wrong. Never asks another node.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/index.ts";
import type { OpenOperation } from "../../simulations/history/recorder.ts";
import { eventually } from "../processes/kit.ts";
import type { History } from "./history.ts";

export interface TailOptions {
  readonly id: string;
  readonly url: string;
  readonly history: History;
  /** Told what ended it, though nobody stopped it: no node may make that happen. */
  readonly surprised: (error: unknown) => void;
}

const connectMs = 30_000;
const askAgainMs = 200;

export class Tail implements AsyncDisposable {
  readonly #client: KibitzerClient;
  readonly #history: History;
  readonly #process: string;
  readonly #stopped = new AbortController();
  readonly #following: Promise<void>;
  #reached = 0;

  private constructor(client: KibitzerClient, { id, history, surprised }: TailOptions) {
    this.#client = client;
    this.#history = history;
    this.#process = `tail of ${id}`;
    this.#following = this.#follow().catch(surprised);
  }

  static async open(options: TailOptions): Promise<Tail> {
    const client = await KibitzerClient.connect([options.url], { timeoutMs: connectMs });
    return new Tail(client, options);
  }

  /** Waits until the node has shown its entries up to this one. */
  async untilReached(index: number): Promise<void> {
    const isReached = (): true | null => (this.#reached >= index ? true : null);
    await eventually(`the ${this.#process} at index ${index}`, async () => isReached());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#following;
    await this.#client.close();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof KibitzerError)) throw error;
        await pause(askAgainMs);
      }
    }
  }

  /** Goes on behind the last entry; what comes in one turn is one read. */
  async #read(signal: AbortSignal): Promise<void> {
    let texts: string[] = [];
    const begin = (): OpenOperation => {
      const input = { from: this.#reached + 1, stale: true };
      return this.#history.invoke(this.#process, "read", input);
    };
    let open = begin();
    const endTurn = (): void => {
      if (texts.length === 0) return;
      open.ok(texts);
      texts = [];
      open = begin();
    };
    try {
      for await (const entry of this.#client.entries({ from: this.#reached + 1, signal })) {
        assert.equal(entry.index, this.#reached + 1, `the ${this.#process} has no gap`);
        if (texts.length === 0) setImmediate(endTurn);
        this.#reached = entry.index;
        texts.push(entry.text());
      }
    } finally {
      endTurn();
      open.info("ended");
    }
  }
}
