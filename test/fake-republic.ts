/**
 * A republic in one process without any consensus: one publisher table behind several endpoints
 * that can be killed, hung, and made to refuse or to lose answers. For tests of what calls one.
 */
import { PublisherTable } from "../simulations/core/publisher-table.ts";
import type { Status } from "../src/api.ts";
import type { EntriesBatch, Request, Response } from "../src/requests.ts";
import type { Callee, Hello, Listener, Transport } from "../transport/index.ts";

export type Mood =
  | "well"
  /** Does what it is asked, and never answers. */
  | "silent"
  /** Takes nothing in and never answers, as a paused process; its connections stay. */
  | "hung"
  /** Knows no leader. */
  | "leaderless";

export class FakeRepublic {
  readonly identity: string;
  readonly table = new PublisherTable();
  /** So many milliseconds of waiting pass in one. */
  speed = 1;
  /** Called after each new batch. */
  readonly #wakers = new Set<() => void>();
  readonly #batches: EntriesBatch[] = [];

  constructor(identity = "0123456789abcdef") {
    this.identity = identity;
  }

  get indexLast(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : last.index + last.count - 1;
  }

  register(nonce: string): Response {
    return { kind: "effect", effect: this.table.register(nonce), results: null };
  }

  enqueue({ batch, body }: Request & { method: "enqueue" }): Response {
    const effect = this.table.apply(batch);
    if (effect.kind !== "applied") return { kind: "effect", effect, results: null };
    const { publisher, sequence, count } = batch;
    const slot = this.#batches.length + 1;
    const { index } = effect;
    const copy = Uint8Array.from(body);
    const stored = { index, slot, government: 1, when: 1_700_000_000_000 + slot };
    this.#batches.push({ ...stored, publisher, sequence, count, body: copy });
    for (const wake of this.#wakers) wake();
    return { kind: "effect", effect, results: null };
  }

  /** At most about `bytesMax` bytes of whole batches, from the one that holds `index` on. */
  read(index: number, bytesMax: number): readonly EntriesBatch[] {
    const batches: EntriesBatch[] = [];
    let bytes = 0;
    for (const batch of this.#batches) {
      if (batch.index + batch.count <= index) continue;
      if (bytes >= bytesMax) break;
      batches.push(batch);
      bytes += batch.body.length;
    }
    return batches;
  }

  /** Resolves once `index` is there, after `ms`, or when `signal` aborts. */
  async reached(index: number, ms: number, signal: AbortSignal): Promise<void> {
    if (index <= this.indexLast || ms === 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      const wake = (): void => {
        if (index <= this.indexLast) done();
      };
      const timer = setTimeout(done, ms / this.speed);
      this.#wakers.add(wake);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

export class FakeNode implements Callee<Request, Response>, AsyncDisposable {
  readonly url: string;
  readonly republic: FakeRepublic;
  readonly #network: Transport<Request, Response>;
  #listener: Listener | null = null;
  mood: Mood = "well";
  /** Whether it is in the republic yet: it may answer before it has joined. */
  isIn = true;
  /** Connections that were refused. */
  refusals = 0;
  /** What is asked of it, in order. */
  readonly asked: Request[] = [];
  /** Decides about one submission: false loses its answer after its effect. */
  answers: () => boolean = () => true;
  /** Answers instead of the republic unless it gives null. */
  override: (request: Request) => Response | null = () => null;
  /** Bytes of one answer to `entries`. */
  readBytesMax = 1_048_576;

  constructor(url: string, republic: FakeRepublic, network: Transport<Request, Response>) {
    this.url = url;
    this.republic = republic;
    this.#network = network;
  }

  get isUp(): boolean {
    return this.#listener !== null;
  }

  /** @returns The real address. */
  async start(): Promise<string> {
    this.#listener ??= await this.#network.listen(this.url, this);
    return this.#listener.url;
  }

  async kill(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    await listener?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  hello(): Hello {
    const node = { id: "a", cookie: "00000000000000aa", starts: 1, url: "memory:a" };
    return { republic: this.isIn ? this.republic.identity : null, node, version: "0.0.0" };
  }

  refused(): void {
    this.refusals += 1;
  }

  hear(): void {
    throw new Error("clients tell nothing");
  }

  async answer(request: Request, _from: Hello, signal: AbortSignal): Promise<Response> {
    this.asked.push(request);
    if (this.mood === "hung") return await never();
    const response = this.override(request) ?? (await this.#answer(request, signal));
    if (this.mood === "silent") return await never();
    const isSubmission = request.method === "enqueue" || request.method === "register";
    if (isSubmission && !this.answers()) return await never();
    return response;
  }

  async #answer(request: Request, signal: AbortSignal): Promise<Response> {
    const { republic } = this;
    const needsLeader = ["enqueue", "register", "barrier"].includes(request.method);
    if (this.mood === "leaderless" && needsLeader) {
      return { kind: "refused", reason: "notLeading", leader: null };
    }
    if (request.method === "enqueue") return republic.enqueue(request);
    if (request.method === "register") return republic.register(request.nonce);
    if (request.method === "barrier") {
      return { kind: "barrier", slot: 1, index: republic.indexLast };
    }
    if (request.method === "entries") return await this.#read(request, signal);
    return { kind: "document", document: statusOf(republic.identity) };
  }

  async #read(
    { index, bytesMax, waitMs }: Request & { method: "entries" },
    signal: AbortSignal,
  ): Promise<Response> {
    const { republic } = this;
    await republic.reached(index, waitMs, signal);
    const batches = republic.read(index, Math.min(this.readBytesMax, bytesMax));
    return { kind: "entries", batches, indexLast: republic.indexLast };
  }
}

export function statusOf(identity: string): Status {
  const decided = { slot: 1, index: 1 };
  return {
    republic: { name: "fake", identity },
    government: { number: 1, leader: "a", parliament: ["a"], constituents: [], parliamentSize: 5 },
    ballot: { government: 1, round: 1, id: "a" },
    decided,
    members: [],
  };
}

async function never(): Promise<never> {
  return await new Promise<never>(() => undefined);
}
