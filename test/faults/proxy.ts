/**
 * A TCP proxy that misbehaves on purpose, frame by frame, in front of nodes that listen at
 * `tcp://`. What it does to a link is set at any time; it counts each thing that it did. It never
 * changes what it was not told to.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { Prng } from "../../simulations/prng.ts";
import { Flow, type Trouble, type TroubleKind } from "./flow.ts";

export interface Target {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface ProxyOptions {
  /** Where the proxy listens, at a port of its own for each target. */
  readonly host: string;
  readonly targets: readonly Target[];
  /** Who dials from this address. */
  readonly whoIs: (address: string) => string;
  /** Hears what is to happen from now on, and where. */
  readonly told?: (what: string, at: unknown) => void;
  readonly chance: Prng;
}

export class FaultyProxy implements AsyncDisposable {
  readonly #options: ProxyOptions;
  readonly #servers = new Map<string, Server>();
  readonly #pairs = new Set<Pair>();
  readonly #troubles = new Map<string, Trouble>();
  readonly #counts = new Map<TroubleKind, number>();

  private constructor(options: ProxyOptions) {
    this.#options = options;
  }

  static async open(options: ProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options);
    for (const target of options.targets) {
      const server = createServer({ noDelay: true }, (socket) => proxy.#accept(socket, target));
      server.listen({ host: options.host, port: 0 });
      await once(server, "listening");
      proxy.#servers.set(target.id, server);
    }
    return proxy;
  }

  /** Where others reach the node of this id. */
  url(id: string): string {
    const address = this.#servers.get(id)?.address() ?? null;
    if (address === null || typeof address === "string") throw new Error(`no target ${id}`);
    const { port }: AddressInfo = address;
    return `tcp://${this.#options.host}:${port}`;
  }

  /** From now on this happens to what `from` sends to `to`, whoever dialled; null: nothing. */
  set(from: string, to: string, trouble: Trouble | null): void {
    const link = linkOf(from, to);
    if (trouble === null) this.#troubles.delete(link);
    else this.#troubles.set(link, trouble);
    this.#options.told?.(`link ${from} to ${to}`, trouble ?? "healed");
    this.#tell();
  }

  /** The same for each direction of each link among these. */
  setAmong(ids: readonly string[], trouble: Trouble): void {
    for (const from of ids) {
      for (const to of ids) if (from !== to) this.#troubles.set(linkOf(from, to), trouble);
    }
    this.#options.told?.(`links among ${ids.join(", ")}`, trouble);
    this.#tell();
  }

  /** Nothing happens any more to what comes from now on; connections that were cut stay so. */
  heal(): void {
    this.#troubles.clear();
    this.#options.told?.("links", "healed");
    this.#tell();
  }

  /** Ends every open connection with a reset, in the midst of whatever it carried. */
  resetAll(): void {
    this.#options.told?.("connections", "reset");
    for (const pair of this.#pairs) pair.reset();
    this.#count("reset", this.#pairs.size);
  }

  /** How often each thing was done so far. */
  get counts(): ReadonlyMap<TroubleKind, number> {
    return this.#counts;
  }

  count(kind: TroubleKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const servers = [...this.#servers.values()];
    const closed = servers.map(async (server) => await once(server.close(), "close"));
    for (const pair of this.#pairs) pair.reset();
    await Promise.all(closed);
  }

  #tell(): void {
    for (const pair of this.#pairs) pair.look();
  }

  #count(kind: TroubleKind, times = 1): void {
    this.#counts.set(kind, this.count(kind) + times);
  }

  #accept(client: Socket, target: Target): void {
    const { whoIs, chance } = this.#options;
    const from = whoIs(client.remoteAddress ?? "");
    const server = connect({ host: target.host, port: target.port, noDelay: true });
    const flow = (source: Socket, sink: Socket, link: string): Flow =>
      new Flow({
        source,
        sink,
        chance,
        trouble: () => this.#troubles.get(link) ?? {},
        happened: (kind) => this.#count(kind),
        cut: () => pair.reset(),
      });
    const flows = [
      flow(client, server, linkOf(from, target.id)),
      flow(server, client, linkOf(target.id, from)),
    ];
    const pair = new Pair([client, server], flows);
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      socket.once("close", () => {
        this.#pairs.delete(pair);
        pair.reset();
      });
    }
  }
}

function linkOf(from: string, to: string): string {
  return `${from}>${to}`;
}

/** The two halves of one connection: they end together. */
class Pair {
  readonly #sockets: readonly Socket[];
  readonly #flows: readonly Flow[];

  constructor(sockets: readonly Socket[], flows: readonly Flow[]) {
    this.#sockets = sockets;
    this.#flows = flows;
  }

  look(): void {
    for (const flow of this.#flows) flow.look();
  }

  reset(): void {
    for (const flow of this.#flows) flow.close();
    for (const socket of this.#sockets) if (!socket.destroyed) socket.resetAndDestroy();
  }
}
