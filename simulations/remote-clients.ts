/**
 * Clients in processes of their own: they publish, ask for barriers and read over the network, go
 * to another node when theirs does not help, and hand every answer to the checkers. Their own
 * process never ends before the run does.
 */
import type { Published } from "../src/api.ts";
import { KibitzerClient } from "../src/client.ts";
import { KibitzerError } from "../src/kibitzer-error.ts";
import type { Agreement } from "./checkers/agreement.ts";
import type { Durability } from "./checkers/durability.ts";
import type { Cluster } from "./cluster.ts";
import { endpointsOf } from "./place.ts";
import { demand } from "./core/violation.ts";
import type { HistoryRecorder } from "./history/recorder.ts";
import type { MapClients } from "./machine/map-clients.ts";
import { nameOf, type Publish } from "./published.ts";
import type { Prng } from "./prng.ts";
import { millisecond, second, type Life, type Simulator } from "./simulator.ts";

export interface RemoteClientsParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly cluster: Cluster;
  readonly agreement: Agreement;
  readonly durability: Durability;
  /** Of every operation, with the names of the values in place of their texts. */
  readonly history: HistoryRecorder;
  readonly map: MapClients;
  /** How many there are. */
  readonly count: number;
}

interface Remote {
  readonly name: string;
  readonly life: Life;
  client: KibitzerClient | null;
}

const pauseMax = 400 * millisecond;
const patience = 5 * second;
const readLength = 20;

export class RemoteClients {
  readonly #parts: RemoteClientsParts;
  readonly #remotes: Remote[] = [];
  #values = 0;
  #isOver = false;

  constructor(parts: RemoteClientsParts) {
    this.#parts = parts;
  }

  /** Their names on the network. */
  get names(): readonly string[] {
    return Array.from({ length: this.#parts.count }, (_, at) => `k${at + 1}`);
  }

  start(): void {
    for (const name of this.names) {
      const remote = { name, life: this.#parts.simulator.begin(name), client: null };
      this.#remotes.push(remote);
      this.#connect(remote).catch((error: unknown) => this.#parts.simulator.fail(error));
    }
  }

  /** Nothing more is asked; what was, is waited for. */
  stop(): void {
    this.#isOver = true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#remotes.map(async ({ client }) => await client?.close()));
    for (const { life } of this.#remotes) life.end();
  }

  async #connect(remote: Remote): Promise<void> {
    const { cluster, prng } = this.#parts;
    const { name, life } = remote;
    const urls = prng.shuffle(cluster.nodes).flatMap(endpointsOf);
    const network = cluster.network.join(name, life);
    const world = { clock: life.clock, chance: prng.fork(name), network };
    while (remote.client === null && !this.#isOver) {
      remote.client = await KibitzerClient.connect(urls, { world }).catch((error: unknown) => {
        if (!(error instanceof KibitzerError && error.retryable)) throw error;
        return null;
      });
    }
    if (remote.client !== null) this.#goOn(remote, remote.client);
  }

  #goOn(remote: Remote, client: KibitzerClient): void {
    const { prng, simulator } = this.#parts;
    if (this.#isOver) return;
    if (prng.chance(0.7)) this.#publish(remote, client);
    else this.#guard(this.#read(remote, client));
    simulator.after(prng.integer(0, pauseMax), () => this.#goOn(remote, client));
  }

  #publish({ name }: Remote, client: KibitzerClient): void {
    const { durability, simulator, history } = this.#parts;
    this.#values += 1;
    const value = `${name}.${this.#values}`;
    const submission = durability.submit(`${value} by a client`, name);
    const operation = history.invoke(null, "publish", value);
    const publish = { submission, operation, change: null };
    client
      .publish(submission.text)
      .then(
        (published) => this.#acknowledged(publish, published),
        (error: unknown) => this.#refused(publish, error),
      )
      .catch((error: unknown) => simulator.fail(error));
  }

  #acknowledged({ submission, operation }: Publish, published: Published): void {
    const { index } = published;
    this.#parts.map.acknowledged(null, nameOf(submission.text), published);
    operation.ok(index);
    this.#parts.simulator.trace.note(`acknowledged ${submission.text} at ${index}`);
    this.#parts.durability.acknowledge(submission, index);
  }

  #refused({ submission, operation }: Publish, error: unknown): void {
    demand(error instanceof KibitzerError, "C7", () => `publish rejected with ${String(error)}`);
    if (error.outcome === "none") operation.fail(error.code);
    else operation.info(error.code);
    this.#parts.simulator.trace.note(`refused ${submission.text}: ${error.code}`);
    this.#parts.durability.refuse(submission, error.outcome);
  }

  /** C5, W4: a barrier, then what must be there, at whichever node answers. */
  async #read({ name }: Remote, client: KibitzerClient): Promise<void> {
    const { durability, simulator, history } = this.#parts;
    const least = durability.indexAcknowledged;
    const controller = new AbortController();
    const timer = simulator.after(patience, () => controller.abort());
    const { signal } = controller;
    const barrier = history.invoke(null, "barrier", null);
    try {
      const { index } = await client.barrier({ signal });
      barrier.ok(index);
      demand(index >= least, "C5", () => {
        return `a barrier of ${name} gave ${index}, though ${least} was acknowledged`;
      });
      await this.#readUpTo(name, client, { index, signal });
    } finally {
      timer.cancel();
    }
  }

  async #readUpTo(
    name: string,
    client: KibitzerClient,
    { index, signal }: { readonly index: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { agreement, history } = this.#parts;
    const from = Math.max(1, index - readLength);
    if (index < from) return;
    const operation = history.invoke(null, "read", { from, to: index });
    const values: string[] = [];
    let expected = from;
    for await (const entry of client.entries({ from, to: index, signal })) {
      demand(entry.index === expected, "W4", () => {
        return `${name} reads index ${entry.index} where ${expected} was due`;
      });
      expected += 1;
      values.push(nameOf(agreement.show(name, entry).text));
    }
    operation.ok(values);
  }

  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      const isAbort = error instanceof DOMException && error.name === "AbortError";
      if (isAbort || error instanceof KibitzerError) return;
      this.#parts.simulator.fail(error);
    });
  }
}
