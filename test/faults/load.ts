/**
 * Clients at work while an attack runs: they publish values that are there only once, ask for
 * barriers, and read. What they ask and are told is in the history; no error ends them.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/index.ts";
import type { Prng } from "../../simulations/prng.ts";
import { patienceMs } from "../processes/child.ts";
import { eventually } from "../processes/kit.ts";
import { History } from "./history.ts";

const clientCount = 3;
const threadsPerClient = 2;
const pauseMsMax = 12;
const readShare = 0.06;
const barrierShare = 0.04;
/** So long the first client waits for an entry; the others wait for as long as it takes. */
const impatienceMs = 1200;
const readMs = 5000;
const connectMs = 30_000;

export class Load implements AsyncDisposable {
  readonly history: History = new History();
  readonly #clients: readonly KibitzerClient[];
  readonly #stopped = new AbortController();
  readonly #threads: readonly Promise<void>[];
  #processNext = 1;
  #acknowledged = 0;
  /** What a client reported that no client should: it ends the attack as broken. */
  #surprise: unknown = null;

  private constructor(clients: readonly KibitzerClient[], chance: Prng) {
    this.#clients = clients;
    this.#threads = clients.flatMap((client, position) => {
      const numbers = { next: 1 };
      return Array.from({ length: threadsPerClient }, async (_, thread) => {
        const fork = chance.fork(`${position}.${thread}`);
        const options = { client, numbers, name: `c${position}`, chance: fork };
        await this.#work({ ...options, patienceMs: position === 0 ? impatienceMs : patienceMs });
      });
    });
    for (const thread of this.#threads) thread.catch((error) => (this.#surprise = error));
  }

  /** Each client knows all endpoints, and begins at another one. */
  static async start(endpoints: readonly string[], chance: Prng): Promise<Load> {
    const clients = await Promise.all(
      Array.from({ length: clientCount }, async (_, position) => {
        const first = position % endpoints.length;
        const turned = [...endpoints.slice(first), ...endpoints.slice(0, first)];
        return await KibitzerClient.connect(turned, { timeoutMs: connectMs });
      }),
    );
    return new Load(clients, chance);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Waits until `count` more entries are acknowledged. */
  async more(count: number, ms: number = patienceMs): Promise<void> {
    const wanted = this.#acknowledged + count;
    const isReached = (): true | null => {
      if (this.#surprise !== null) throw this.#surprise;
      return this.#acknowledged >= wanted ? true : null;
    };
    await eventually(`${count} more entries acknowledged`, async () => isReached(), ms);
  }

  /** No more is begun; waits until what has begun has ended. */
  async stop(): Promise<void> {
    this.abandon();
    await Promise.all(this.#threads);
  }

  /** No more is begun; what has begun stays unknown. */
  abandon(): void {
    this.#stopped.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abandon();
    await Promise.all(this.#clients.map(async (client) => await client.close()));
    await Promise.allSettled(this.#threads);
  }

  async #work(thread: Thread): Promise<void> {
    const { chance } = thread;
    let process = this.#processNext++;
    let reached = 0;
    while (!this.#stopped.signal.aborted) {
      const draw = chance.fraction();
      if (draw < barrierShare) await this.#barrier(process, thread);
      else if (draw < barrierShare + readShare)
        reached = await this.#read(process, thread, reached);
      // What is unknown may still happen: the thread goes on under another name, as Jepsen's do.
      else if (!(await this.#publish(process, thread))) process = this.#processNext++;
      await pause(chance.between(0, pauseMsMax));
    }
  }

  /** Whether it is known what became of it. */
  async #publish(process: number, { client, numbers, name, patienceMs }: Thread): Promise<boolean> {
    const value = `${name}-${numbers.next++}`;
    const { history } = this;
    history.record({ process, type: "invoke", f: "publish", value });
    try {
      const signal = AbortSignal.timeout(patienceMs);
      const { index } = await client.publish(value, { signal });
      history.record({ process, type: "ok", f: "publish", value: index });
      this.#acknowledged += 1;
      return true;
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      assert.notEqual(error.code, "KBZ_INVARIANT", error.message);
      const type = error.outcome === "none" ? "fail" : "info";
      history.record({ process, type, f: "publish", value: error.code });
      return type === "fail";
    }
  }

  async #barrier(process: number, { client }: Thread): Promise<void> {
    const { history } = this;
    const f = "barrier";
    history.record({ process, type: "invoke", f, value: null });
    try {
      const { index } = await client.barrier({ signal: AbortSignal.timeout(readMs) });
      history.record({ process, type: "ok", f, value: index });
    } catch (error) {
      history.record({ process, type: "fail", f, value: String(error) });
    }
  }

  /** A linearizable read of what is new; returns up to where is read now. */
  async #read(process: number, { client }: Thread, reached: number): Promise<number> {
    const { history } = this;
    const f = "read";
    const from = reached + 1;
    history.record({ process, type: "invoke", f, value: { from } });
    try {
      const value = await textsFrom(client, from, AbortSignal.timeout(readMs));
      history.record({ process, type: "ok", f, value });
      return reached + value.length;
    } catch (error) {
      history.record({ process, type: "fail", f, value: String(error) });
      return reached;
    }
  }
}

interface Thread {
  readonly client: KibitzerClient;
  /** Shared by the threads of a client, which publishes in the order of the calls. */
  readonly numbers: { next: number };
  readonly name: string;
  readonly chance: Prng;
  readonly patienceMs: number;
}

/** A barrier, and all there is after it at the same endpoint: anywhere else it proves nothing. */
async function textsFrom(
  client: KibitzerClient,
  from: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { endpoint } = client;
  await client.barrier({ signal });
  const texts: string[] = [];
  for await (const entry of client.entries({ from, follow: false, signal })) {
    assert.equal(entry.index, from + texts.length, "a reading has no gap");
    texts.push(entry.text());
  }
  if (client.endpoint !== endpoint) throw new Error("the endpoint changed meanwhile");
  return texts;
}
