/**
 * Clients that publish and read without a rest while something is done to their cluster: which
 * calls failed, and how long none was answered. Never retries what its client gave up.
 */
import assert from "node:assert/strict";
import { KibitzerClient, type ClientOptions } from "../../src/client.ts";

/** How long each kind of call went unanswered, in the time that was looked at. */
export interface Pause {
  /** The longest between two acknowledged entries of one client. */
  readonly writeMs: number;
  /** The longest that a barrier took. */
  readonly readMs: number;
}

const restMs = 1;

export class SteadyLoad implements AsyncDisposable {
  readonly failures: unknown[] = [];
  acknowledged = 0;
  barriers = 0;
  readonly #clients: KibitzerClient[] = [];
  readonly #loops: Promise<void>[] = [];
  #isOver = false;
  #writeMs = 0;
  #readMs = 0;

  /** Each client begins at another endpoint: each node that stops takes one from somebody. */
  static async on(urls: readonly string[], options: ClientOptions = {}): Promise<SteadyLoad> {
    const load = new SteadyLoad();
    for (const at of urls.keys()) {
      const turned = [...urls.slice(at), ...urls.slice(0, at)];
      const client = await KibitzerClient.connect(turned, options);
      load.#clients.push(client);
      load.#loops.push(at === 0 ? load.#read(client) : load.#write(client, at));
    }
    return load;
  }

  /** The longest pauses since this was asked last. */
  takePause(): Pause {
    const pause = { writeMs: this.#writeMs, readMs: this.#readMs };
    this.#writeMs = 0;
    this.#readMs = 0;
    return pause;
  }

  /** Lets every call that is under way end. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Promise.all(this.#clients.map(async (client) => await client.close()));
  }

  async #write(client: KibitzerClient, writer: number): Promise<void> {
    let last = performance.now();
    for (let entry = 1; !this.#isOver; entry += 1) {
      try {
        await client.publish(`${writer}:${entry}`);
        this.acknowledged += 1;
      } catch (error) {
        this.failures.push(error);
      }
      const now = performance.now();
      this.#writeMs = Math.max(this.#writeMs, now - last);
      last = now;
      await rest();
    }
  }

  async #read(client: KibitzerClient): Promise<void> {
    let index = 0;
    while (!this.#isOver) {
      const asked = performance.now();
      try {
        const barrier = await client.barrier();
        assert.ok(barrier.index >= index, "what is readable is never taken back");
        ({ index } = barrier);
        this.barriers += 1;
      } catch (error) {
        this.failures.push(error);
      }
      this.#readMs = Math.max(this.#readMs, performance.now() - asked);
      await rest();
    }
  }
}

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, restMs));
}

/** `share` of the sorted values lie below it. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
