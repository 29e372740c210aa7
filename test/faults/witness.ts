/**
 * Asks one node, and only that, for as long as an attack lasts: follows the log there, and asks for
 * barriers and reads. What it is shown is in the history: of following, reads that may be stale but
 * never wrong; all others must show what anybody was told before.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/index.ts";
import type { OpenOperation } from "../../simulations/history/recorder.ts";
import type { Prng } from "../../simulations/prng.ts";
import { eventually } from "../processes/kit.ts";
import type { History } from "./history.ts";
import { textsFrom, unanswered } from "./readings.ts";

export interface WitnessOptions {
  readonly id: string;
  readonly url: string;
  readonly history: History;
  readonly chance: Prng;
  /** Told what ended it, though nobody stopped it: no node may make that happen. */
  readonly surprised: (error: unknown) => void;
}

const connectMs = 30_000;
const askAgainMs = 200;
const pauseMsMax = 100;
const readShare = 0.3;
/**
 * Short, so that a node that was out of the world is asked by a question that began while it was:
 * an answer to an older one may well be old.
 */
const patienceMs = 400;

export class Witness implements AsyncDisposable {
  readonly #client: KibitzerClient;
  readonly #options: WitnessOptions;
  readonly #stopped = new AbortController();
  readonly #working: Promise<unknown>;
  /** Up to where it has followed, and up to where it has read. */
  #followed = 0;
  #read = 0;

  private constructor(client: KibitzerClient, options: WitnessOptions) {
    this.#client = client;
    this.#options = options;
    this.#working = Promise.all([this.#follow(), this.#ask()]).catch(options.surprised);
  }

  static async open(options: WitnessOptions): Promise<Witness> {
    const client = await KibitzerClient.connect([options.url], { timeoutMs: connectMs });
    return new Witness(client, options);
  }

  /** Waits until the node has shown its entries up to this one. */
  async untilShown(index: number): Promise<void> {
    const isShown = (): true | null => (this.#followed >= index ? true : null);
    await eventually(`${this.#options.id} shows index ${index}`, async () => isShown());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#working;
    await this.#client.close();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#followOn(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof KibitzerError)) throw error;
        await pause(askAgainMs);
      }
    }
  }

  /** Goes on behind the last entry; what comes in one turn is one read. */
  async #followOn(signal: AbortSignal): Promise<void> {
    const { id, history } = this.#options;
    let texts: string[] = [];
    const begin = (): OpenOperation =>
      history.invoke(`tail of ${id}`, "read", { from: this.#followed + 1, stale: true });
    let open = begin();
    const endTurn = (): void => {
      if (texts.length === 0) return;
      open.ok(texts);
      texts = [];
      open = begin();
    };
    try {
      for await (const entry of this.#client.entries({ from: this.#followed + 1, signal })) {
        assert.equal(entry.index, this.#followed + 1, `what ${id} shows has no gap`);
        if (texts.length === 0) setImmediate(endTurn);
        this.#followed = entry.index;
        texts.push(entry.text());
      }
    } finally {
      endTurn();
      open.info("ended");
    }
  }

  async #ask(): Promise<void> {
    const { chance } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
      if (chance.chance(readShare)) await this.#readOn(patience);
      else await this.#askBarrier(patience);
      await pause(chance.between(0, pauseMsMax));
    }
  }

  async #askBarrier(signal: AbortSignal): Promise<void> {
    const { id, history } = this.#options;
    const operation = history.invoke(`asks ${id}`, "barrier", null);
    await unanswered(operation, async () => {
      operation.ok((await this.#client.barrier({ signal })).index);
    });
  }

  async #readOn(signal: AbortSignal): Promise<void> {
    const { id, history } = this.#options;
    const from = this.#read + 1;
    const operation = history.invoke(`asks ${id}`, "read", { from });
    await unanswered(operation, async () => {
      const texts = await textsFrom(this.#client, from, signal);
      operation.ok(texts);
      this.#read += texts.length;
    });
  }
}
