/**
 * A cluster of `kibitz start` processes, on 127.0.0.1 unless told: starts, kills, restarts and asks
 * them. The nodes also stop when this process is gone, however it ends.
 */
import assert from "node:assert/strict";
import type { Status } from "../../src/api.ts";
import { KibitzerClient, type ClientOptions } from "../../src/client.ts";
import { patienceMs, type Child, type ChildOptions, type Exit } from "./child.ts";
import { eventually, freePorts, type Kit } from "./kit.ts";

export interface ClusterNode {
  readonly id: string;
  /** Where it listens. */
  readonly url: string;
  readonly data: string;
  /** Where the others reach it; default `url`. */
  readonly advertise?: string;
  /** How its process is started, each time. */
  readonly process?: Omit<ChildOptions, "log">;
}

type StartOptions = Omit<ChildOptions, "log"> & { readonly args?: readonly string[] };

export interface ClusterOptions {
  /** How many nodes there can be; default 3. */
  readonly count?: number;
  /** How many of them are started at once; default all. */
  readonly started?: number;
  readonly name?: string;
  /** Where each of them is, in place of neighbouring ports of 127.0.0.1. */
  readonly nodes?: readonly ClusterNode[];
  /** How the process of each of them is started; not with `nodes`, which say so themselves. */
  readonly process?: (id: string) => Omit<ChildOptions, "log">;
  /** What whoever asks the nodes shows them. */
  readonly client?: ClientOptions;
}

const idFirst = "a".charCodeAt(0);
const statusMs = 3_000;
const nameDefault = "town";

export class Cluster {
  readonly kit: Kit;
  readonly nodes: readonly ClusterNode[];
  readonly #client: ClientOptions;
  readonly #children = new Map<string, Child>();

  private constructor(kit: Kit, nodes: readonly ClusterNode[], client: ClientOptions = {}) {
    this.kit = kit;
    this.nodes = nodes;
    this.#client = client;
  }

  /**
   * A fresh cluster of `started` nodes, whole and ready; more of `count` may join later.
   * The nodes' directories lie in one that is named as the republic.
   */
  static async start(kit: Kit, options: ClusterOptions = {}): Promise<Cluster> {
    const nodes = options.nodes ?? (await nodesHere(kit, options));
    const { started = nodes.length, name = nameDefault } = options;
    const cluster = new Cluster(kit, nodes, options.client);
    const [founder, ...others] = nodes.slice(0, started);
    assert(founder !== undefined);
    const first = [...introduction(founder), "--bootstrap", name];
    await cluster.startNode(founder.id, { args: first }).untilEvent("ready");
    await Promise.all(others.map(async ({ id }) => await cluster.join(id).untilEvent("ready")));
    await cluster.whole();
    return cluster;
  }

  get endpoints(): string {
    return this.nodes
      .filter(({ id }) => this.#children.has(id))
      .map(({ url }) => url)
      .join(",");
  }

  get ids(): readonly string[] {
    return [...this.#children.keys()].toSorted();
  }

  node(id: string): ClusterNode {
    const node = this.nodes.find((node) => node.id === id);
    assert(node !== undefined, `there is no node ${id}`);
    return node;
  }

  /** The last process of this node. */
  child(id: string): Child {
    const child = this.#children.get(id);
    assert(child !== undefined, `node ${id} was never started`);
    return child;
  }

  isRunning(id: string): boolean {
    return this.#children.get(id)?.exit === null;
  }

  /** Starts a node on its directory: a restart, unless `args` say more. */
  startNode(id: string, { args = [], ...options }: StartOptions = {}): Child {
    assert(!this.isRunning(id), `node ${id} runs already`);
    const { data, url, process } = this.node(id);
    const insisting = isElsewhere(url) ? ["--allow-insecure"] : [];
    const always = ["start", "--data", data, "--json", "--until-stdin-ends", ...insisting];
    const child = this.kit.start([...always, ...args], { ...process, ...options });
    this.#children.set(id, child);
    return child;
  }

  /** Starts a node that joins at a running one. */
  join(id: string): Child {
    const peer = this.nodes.find((other) => this.isRunning(other.id));
    assert(peer !== undefined, "there is nobody to join");
    return this.startNode(id, { args: [...introduction(this.node(id)), "--join", peer.url] });
  }

  async restart(id: string): Promise<void> {
    await this.startNode(id).untilEvent("ready");
  }

  async kill(id: string, signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    return await this.child(id).kill(signal);
  }

  /** Asks the node itself. */
  async status(id: string): Promise<Status> {
    const options = { ...this.#client, timeoutMs: statusMs };
    await using client = await KibitzerClient.connect([this.node(id).url], options);
    return await client.status();
  }

  /** Who leads, as a running node knows; waits until one does. */
  async leader(): Promise<string> {
    return await eventually("a leader", async () => {
      const id = this.ids.find((id) => this.isRunning(id));
      assert(id !== undefined, "no node runs");
      const { members } = await this.status(id);
      return members.find(({ role, reachable }) => role === "leader" && reachable)?.id ?? null;
    });
  }

  /**
   * Waits until every node started runs, knows the same leader, is seated (up to five) and has
   * applied all that is decided; returns what the first one says.
   */
  async whole(ms: number = patienceMs): Promise<Status> {
    const { ids } = this;
    return await eventually(
      `${ids.join(", ")} whole`,
      async () => {
        const all = await Promise.all(ids.map(async (id) => await this.status(id)));
        const [first] = all;
        assert(first !== undefined);
        return all.every((status) => isWhole(status, first, ids)) ? first : null;
      },
      ms,
    );
  }
}

async function nodesHere(
  kit: Kit,
  { count = 3, name = nameDefault, process }: ClusterOptions,
): Promise<readonly ClusterNode[]> {
  const port = await freePorts(count);
  return Array.from({ length: count }, (_, position) => {
    const id = String.fromCharCode(idFirst + position);
    const node = { id, url: `ws://127.0.0.1:${port + position}`, data: kit.path(name, id) };
    return process === undefined ? node : { ...node, process: process(id) };
  });
}

/** Whether it may be reached from other computers, as far as the node knows. */
function isElsewhere(url: string): boolean {
  return !url.includes("//127.0.0.1:");
}

/** What a node's first start says of itself. */
function introduction({ id, url, advertise }: ClusterNode): readonly string[] {
  return [
    "--id",
    id,
    "--listen",
    url,
    ...(advertise === undefined ? [] : ["--advertise", advertise]),
  ];
}

/** Whether every node is reached and seated, and agrees with what `first` says. */
function isWhole(status: Status, first: Status, ids: readonly string[]): boolean {
  const { government, members } = status;
  const slot = first.decided.slot;
  const seats = Math.min(5, ids.length % 2 === 1 ? ids.length : ids.length - 1);
  return (
    government.leader !== null &&
    government.leader === first.government.leader &&
    government.number === first.government.number &&
    government.parliament.length >= seats &&
    members.length === ids.length &&
    members.every(({ reachable, applied }) => reachable && applied.slot === slot)
  );
}
