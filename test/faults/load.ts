/**
 * Clients at work while an attack runs: they publish values that are there only once, ask for
 * barriers, and read; each node has a witness. What they ask and are told is in the history; no
 * error ends them.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/index.ts";
import type { Prng } from "../../simulations/prng.ts";
import { patienceMs } from "../processes/child.ts";
import { eventually } from "../processes/kit.ts";
import type { History } from "./history.ts";
import { gathered, textsFrom, unanswered } from "./readings.ts";
import { Witness } from "./witness.ts";

const clientCount = 3;
const threadsPerClient = 2;
/** Further threads of each client in a flood. */
const floodThreads = 100;
const pauseMsMax = 12;
const readShare = 0.05;
const staleReadShare = 0.03;
const barrierShare = 0.04;
/** The most that a stale read asks for. */
const staleReadEntries = 20;
/** So long the first client waits for an entry; the others wait for as long as it takes. */
const impatienceMs = 1200;
const readMs = 5000;
const connectMs = 30_000;

export interface LoadOptions {
  readonly endpoints: readonly string[];
  /** Of the attack, from its beginning on. */
  readonly history: History;
  readonly chance: Prng;
}

export class Load implements AsyncDisposable {
  readonly history: History;
  readonly #clients: readonly Publisher[];
  readonly #stopped = new AbortController();
  readonly #threads: Promise<void>[] = [];
  readonly #witnesses = new Map<string, Witness>();
  readonly #chance: Prng;
  #acknowledged = 0;
  /** What a client reported that no client should: it ends the attack as broken. */
  #surprise: unknown = null;

  private constructor(clients: readonly KibitzerClient[], { history, chance }: LoadOptions) {
    this.history = history;
    this.#chance = chance;
    this.#clients = clients.map((client, position) => ({
      client,
      numbers: { next: 1 },
      name: `c${position}`,
      patienceMs: position === 0 ? impatienceMs : patienceMs,
    }));
    for (const client of this.#clients) {
      for (let thread = 0; thread < threadsPerClient; thread += 1) {
        const process = `${client.name}.${thread}`;
        this.#begin(this.#work({ ...client, process, chance: chance.fork(process) }));
      }
    }
  }

  /** Each client knows all endpoints, and begins at another one. */
  static async start(options: LoadOptions): Promise<Load> {
    const { endpoints } = options;
    const clients = await Promise.all(
      Array.from({ length: clientCount }, async (_, position) => {
        const first = position % endpoints.length;
        const turned = [...endpoints.slice(first), ...endpoints.slice(0, first)];
        return await KibitzerClient.connect(turned, { timeoutMs: connectMs });
      }),
    );
    return new Load(clients, options);
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

  /** From now on this node is asked by somebody who asks no other, whatever becomes of it. */
  async watch(id: string, url: string): Promise<void> {
    const surprised = (error: unknown): void => this.#surprised(error);
    const parts = { history: this.history, chance: this.#chance.fork(`witness ${id}`), surprised };
    this.#witnesses.set(id, await Witness.open({ id, url, ...parts }));
  }

  /** Waits until each of these nodes has shown all its entries up to this one. */
  async untilShown(ids: readonly string[], index: number): Promise<void> {
    await Promise.all(ids.map(async (id) => await this.#witnesses.get(id)?.untilShown(index)));
    if (this.#surprise !== null) throw this.#surprise;
  }

  /** From now on each client publishes as much as it may, too, until all is stopped. */
  flood(): void {
    for (const client of this.#clients) {
      for (let thread = 0; thread < floodThreads; thread += 1) {
        const process = `${client.name}.flood ${thread}`;
        this.#begin(this.#publishOn({ ...client, process, chance: this.#chance, patienceMs }));
      }
    }
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
    const witnesses = [...this.#witnesses.values()];
    await Promise.all(witnesses.map(async (witness) => await witness[Symbol.asyncDispose]()));
    await Promise.all(this.#clients.map(async ({ client }) => await client.close()));
    await Promise.allSettled(this.#threads);
  }

  #surprised(error: unknown): void {
    this.#surprise ??= error;
  }

  #begin(thread: Promise<void>): void {
    this.#threads.push(thread);
    thread.catch((error: unknown) => this.#surprised(error));
  }

  async #work(thread: Thread): Promise<void> {
    const { chance } = thread;
    let lives = 1;
    let reached = 0;
    while (!this.#stopped.signal.aborted) {
      const process = nameOf(thread, lives);
      const draw = chance.fraction();
      if (draw < barrierShare) await this.#barrier(process, thread);
      else if (draw < barrierShare + readShare) {
        reached = await this.#read(process, thread, reached);
      } else if (draw < barrierShare + readShare + staleReadShare) {
        await this.#readStale(process, thread);
      } else if (!(await this.#publish(process, thread))) lives += 1;
      await pause(chance.between(0, pauseMsMax));
    }
  }

  async #publishOn(thread: Thread): Promise<void> {
    let lives = 1;
    while (!this.#stopped.signal.aborted) {
      if (!(await this.#publish(nameOf(thread, lives), thread))) lives += 1;
    }
  }

  /** Whether it is known what became of it. */
  async #publish(process: string, { client, numbers, name, patienceMs }: Thread): Promise<boolean> {
    const value = `${name}-${numbers.next++}`;
    const operation = this.history.invoke(process, "publish", value);
    try {
      const signal = AbortSignal.timeout(patienceMs);
      const { index } = await client.publish(value, { signal });
      operation.ok(index);
      this.#acknowledged += 1;
      return true;
    } catch (error) {
      if (!(error instanceof KibitzerError)) throw error;
      assert.notEqual(error.code, "KBZ_INVARIANT", error.message);
      if (error.outcome === "none") operation.fail(error.code);
      else operation.info(error.code);
      return error.outcome === "none";
    }
  }

  async #barrier(process: string, { client }: Thread): Promise<void> {
    const operation = this.history.invoke(process, "barrier", null);
    await unanswered(operation, async () => {
      const { index } = await client.barrier({ signal: AbortSignal.timeout(readMs) });
      operation.ok(index);
    });
  }

  /** A linearizable read of what is new; returns up to where is read now. */
  async #read(process: string, { client }: Thread, reached: number): Promise<number> {
    const from = reached + 1;
    const operation = this.history.invoke(process, "read", { from });
    let count = 0;
    await unanswered(operation, async () => {
      const texts = await textsFrom(client, from, AbortSignal.timeout(readMs));
      operation.ok(texts);
      count = texts.length;
    });
    return reached + count;
  }

  /** Whatever the endpoint in use has of some part of the log. */
  async #readStale(process: string, { client, chance }: Thread): Promise<void> {
    const from = chance.integer(1, this.#acknowledged + 1);
    const to = from + chance.integer(0, staleReadEntries - 1);
    const operation = this.history.invoke(process, "read", { from, to, stale: true });
    await unanswered(operation, async () => {
      const signal = AbortSignal.timeout(readMs);
      operation.ok(await gathered(client.entries({ from, to, follow: false, signal }), from));
    });
  }
}

interface Publisher {
  readonly client: KibitzerClient;
  /** Shared by the threads of a client, which publishes in the order of the calls. */
  readonly numbers: { next: number };
  readonly name: string;
  readonly patienceMs: number;
}

interface Thread extends Publisher {
  readonly process: string;
  readonly chance: Prng;
}

/** What is unknown may still happen: the thread goes on under another name, as Jepsen's do. */
function nameOf({ process }: Thread, lives: number): string {
  return lives === 1 ? process : `${process}, life ${lives}`;
}
