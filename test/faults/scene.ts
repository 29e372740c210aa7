/**
 * Where one attack takes place: a cluster of real processes, each at a host of its own, clients at
 * work, and what the attack may do to them. Judges nothing; closing it ends all that it started.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Status } from "../../src/api.ts";
import { Prng } from "../../simulations/prng.ts";
import type { Child } from "../processes/child.ts";
import { Cluster, type ClusterNode } from "../processes/cluster.ts";
import { eventually, type Kit } from "../processes/kit.ts";
import { ImageDisk, mountSmall, type Disk } from "./disks.ts";
import { History } from "./history.ts";
import { Load } from "./load.ts";
import { Hosts, inside, ownAddress, type Host } from "./network.ts";
import { FaultyProxy, type ProxyOptions } from "./proxy.ts";
import { Strace, type Injection } from "../processes/strace.ts";
import { clockLibrary } from "./system.ts";
import { FakedClock } from "./faked-clock.ts";

export interface Layout {
  /** Nodes at the start; default 3. */
  readonly count?: number;
  /** Whether everybody, clients too, reaches the nodes through the faulty proxy. */
  readonly isProxied?: boolean;
  /** What the data is on; default a plain directory. */
  readonly disk?: "image" | "small";
  /** Each node has a wall clock of its own, or also another idea of how time passes. */
  readonly clocks?: "wall" | "all";
  /** One thread makes all calls on files: strace counts them for each thread. */
  readonly hasOneFileThread?: boolean;
}

export interface SceneOptions extends Layout {
  /** Tells scenes at the same time apart; from 1. */
  readonly number: number;
  readonly seed: string;
}

/** More hosts than nodes at the start: for those that join later. */
const sparesCount = 2;
const port = 7700;
const smallKiB = 40 * 1024;
const warmUpEntries = 25;
/** The clients' name in rules of the proxy. */
export const clients = "clients";

interface Parts {
  readonly kit: Kit;
  readonly network: Hosts;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly disks: ReadonlyMap<string, Disk>;
  readonly clocks: ReadonlyMap<string, FakedClock>;
  readonly proxy: FaultyProxy | null;
  readonly cluster: Cluster;
  readonly load: Load;
  readonly chance: Prng;
  readonly leftovers: AsyncDisposableStack;
}

export class Scene implements AsyncDisposable {
  readonly kit: Kit;
  readonly cluster: Cluster;
  readonly load: Load;
  readonly network: Hosts;
  readonly chance: Prng;
  readonly #parts: Parts;
  readonly #dismissed = new Set<string>();
  readonly #fired = new Map<string, number>();
  #straces = 0;

  private constructor(parts: Parts) {
    this.kit = parts.kit;
    this.cluster = parts.cluster;
    this.load = parts.load;
    this.network = parts.network;
    this.chance = parts.chance;
    this.#parts = parts;
  }

  /** A whole cluster with clients at work. Closes what it has opened if it fails. */
  static async open(kit: Kit, options: SceneOptions): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const chance = new Prng(options.seed);
    const { count = 3 } = options;
    const history = new History();
    const told = (what: string, at: unknown): void => history.strike(what, at);
    const network = new Hosts(options.number, told);
    stack.defer(async () => await network.close());
    const ids = Array.from({ length: count + sparesCount }, (_, position) =>
      String.fromCharCode("a".charCodeAt(0) + position),
    );
    const hosts = new Map((await network.add(ids)).map((host) => [host.id, host]));
    const disks = await disksFor(kit, ids, options);
    for (const disk of disks.values()) stack.defer(async () => await disk.unmount());
    const clocks = clocksFor(kit, ids, options);
    const proxy =
      options.isProxied === true
        ? stack.use(await proxyFor(hosts, { chance: chance.fork("proxy"), told }))
        : null;
    // Behind the disks, which cannot be unmounted while a process uses them.
    stack.defer(async () => await kit.close({ keep: true }));
    const nodes = nodesFor(kit, options, { hosts, disks, clocks, proxy });
    const cluster = await Cluster.start(kit, { nodes, started: count });
    const started = nodes.slice(0, count);
    const endpoints = started.map(endpointOf);
    const load = stack.use(await Load.start({ endpoints, history, chance: chance.fork("load") }));
    await Promise.all(started.map(async (node) => await load.watch(node.id, endpointOf(node))));
    await load.more(warmUpEntries);
    const leftovers = stack.move();
    return new Scene({
      kit,
      network,
      hosts,
      disks,
      clocks,
      proxy,
      cluster,
      load,
      chance,
      leftovers,
    });
  }

  get proxy(): FaultyProxy {
    const { proxy } = this.#parts;
    assert(proxy !== null, "the layout has a proxy");
    return proxy;
  }

  host(id: string): Host {
    return found(this.#parts.hosts.get(id), `host of ${id}`);
  }

  image(id: string): ImageDisk {
    const disk = this.#parts.disks.get(id);
    assert(disk instanceof ImageDisk, `the disk of ${id} is an image`);
    return disk;
  }

  clock(id: string): FakedClock {
    return found(this.#parts.clocks.get(id), `clock of ${id}`);
  }

  /** Says that the fault was really there, and how often; the attack fails without. */
  fired(what: string, count: number): void {
    this.#fired.set(what, (this.#fired.get(what) ?? 0) + count);
  }

  get firedCounts(): ReadonlyMap<string, number> {
    return this.#fired;
  }

  /** This node is not expected to come back; it is not judged. */
  dismiss(id: string): void {
    this.#dismissed.add(id);
  }

  /** Who is expected to hold the whole log in the end. */
  get survivors(): readonly string[] {
    return this.cluster.ids.filter((id) => !this.#dismissed.has(id));
  }

  async leader(): Promise<string> {
    return await eventually("a leader that leads itself", async () => {
      for (const id of this.survivors.filter((id) => this.cluster.isRunning(id))) {
        const status = await this.cluster.status(id).catch(() => null);
        if (status?.government.leader === id) return id;
      }
      return null;
    });
  }

  async followers(): Promise<readonly string[]> {
    const leader = await this.leader();
    return this.survivors.filter((id) => id !== leader);
  }

  async pause(ms: number): Promise<void> {
    await pause(ms);
  }

  /** Stops processes in their tracks for a while. */
  async freeze(ids: readonly string[], ms: number): Promise<void> {
    await this.freezeWhile(ids, async () => await pause(ms));
  }

  async freezeWhile(ids: readonly string[], deed: () => Promise<void>): Promise<void> {
    for (const id of ids) this.cluster.child(id).signal("SIGSTOP");
    this.#note("frozen", ids);
    try {
      await deed();
    } finally {
      this.#note("thawed", ids);
      for (const id of ids) this.cluster.child(id).signal("SIGCONT");
    }
    this.fired("frozen", ids.length);
  }

  async kill(id: string): Promise<void> {
    this.#note("killed", id);
    const { signal } = await this.cluster.kill(id);
    assert.equal(signal, "SIGKILL");
    this.fired("killed", 1);
  }

  /** Starts every survivor that does not run, and waits until all have caught up. */
  async allRunning(): Promise<void> {
    for (const id of this.survivors) if (!this.cluster.isRunning(id)) this.cluster.startNode(id);
    await Promise.all(this.survivors.map((id) => this.cluster.child(id).untilEvent("ready")));
  }

  async inject(id: string, injection: Injection): Promise<Strace> {
    this.#note(`system calls of ${id}`, injection.inject);
    this.#straces += 1;
    const log = this.kit.path(`strace-${this.#straces}-${id}.txt`);
    const strace = await Strace.attach(this.cluster.child(id).pid, log, injection);
    return this.#parts.leftovers.use(strace);
  }

  /** Starts a node that must refuse to serve, with one of these codes; returns what it said. */
  async refused(id: string, codes: string, args: readonly string[] = []): Promise<Child> {
    const child = this.cluster.startNode(id, { args });
    const exit = await child.ended();
    assert.notEqual(exit.code, 0, `${id} ended well`);
    const [code] = new RegExp(codes).exec(child.stderr) ?? [];
    assert(code !== undefined, `${id} says why it refuses: ${codes}, not: ${child.stderr}`);
    this.fired(code, 1);
    return child;
  }

  /** As an operator does it: the id is given up, and a new node takes its place. */
  async replace(id: string, by: string): Promise<void> {
    this.dismiss(id);
    const endpoint = this.cluster.node(await this.leader()).url;
    const exile = await this.kit.run(["member", "exile", id, "--endpoints", endpoint]);
    assert.equal(exile.code, 0, exile.stderr);
    this.#note("replaced", `${id} by ${by}`);
    await this.cluster.join(by).untilEvent("ready");
    await this.load.watch(by, endpointOf(this.cluster.node(by)));
  }

  /** Takes every fault away that has not ended by itself. */
  async heal(): Promise<void> {
    this.#parts.proxy?.heal();
    await this.network.heal();
  }

  /**
   * Waits until all survivors know the same leader and have applied the same slots; who follows the
   * log at one of them must be shown all of it.
   */
  async settled(): Promise<void> {
    const index = await eventually("all who survive have the same log", async () => {
      const all = await Promise.all(this.survivors.map((id) => this.cluster.status(id)));
      const [first] = all;
      if (first === undefined || !all.every((status) => isSettled(status, first))) return null;
      return first.decided.index;
    });
    await this.load.untilShown(this.survivors, index);
  }

  /** For whoever reads the history. */
  #note(what: string, at: unknown): void {
    this.load.history.strike(what, at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.cluster.ids) this.cluster.child(id).signal("SIGCONT");
    await this.#parts.leftovers.disposeAsync();
  }
}

function isSettled(status: Status, first: Status): boolean {
  return (
    first.government.leader !== null &&
    status.government.leader === first.government.leader &&
    status.government.number === first.government.number &&
    status.decided.slot === first.decided.slot &&
    status.decided.index === first.decided.index
  );
}

function found<Value>(value: Value | undefined, what: string): Value {
  assert(value !== undefined, `there is a ${what}`);
  return value;
}

async function disksFor(
  kit: Kit,
  ids: readonly string[],
  { disk }: Layout,
): Promise<ReadonlyMap<string, Disk>> {
  const disks = new Map<string, Disk>();
  if (disk === undefined) return disks;
  for (const id of ids) {
    const path = kit.path("disks", id);
    disks.set(id, await (disk === "image" ? ImageDisk.make(path) : mountSmall(path, smallKiB)));
  }
  return disks;
}

function clocksFor(
  kit: Kit,
  ids: readonly string[],
  { clocks }: Layout,
): ReadonlyMap<string, FakedClock> {
  if (clocks === undefined) return new Map();
  const library = found(clockLibrary() ?? undefined, "library for clocks");
  return new Map(ids.map((id) => [id, new FakedClock(library, kit.path(`clock-${id}`), clocks)]));
}

/** Where clients and other nodes reach it. */
function endpointOf({ url, advertise }: ClusterNode): string {
  return advertise ?? url;
}

async function proxyFor(
  hosts: ReadonlyMap<string, Host>,
  parts: Pick<ProxyOptions, "chance" | "told">,
): Promise<FaultyProxy> {
  const ids = new Map([...hosts].map(([id, { address }]) => [address, id]));
  return await FaultyProxy.open({
    host: ownAddress,
    targets: [...hosts].map(([id, { address }]) => ({ id, host: address, port })),
    whoIs: (address) => ids.get(address) ?? clients,
    ...parts,
  });
}

function nodesFor(
  kit: Kit,
  { hasOneFileThread }: Layout,
  { hosts, disks, clocks, proxy }: Pick<Parts, "hosts" | "disks" | "clocks" | "proxy">,
): readonly ClusterNode[] {
  const threads = hasOneFileThread === true ? { UV_THREADPOOL_SIZE: "1" } : {};
  return [...hosts].map(([id, host]) => ({
    id,
    url: `${proxy === null ? "ws" : "tcp"}://${host.address}:${port}`,
    data: disks.get(id)?.directory ?? kit.path("town", id),
    ...(proxy === null ? {} : { advertise: proxy.url(id) }),
    process: { under: inside(host), environment: { ...threads, ...clocks.get(id)?.environment } },
  }));
}
