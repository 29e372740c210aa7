/**
 * A network in one process: asynchronous and copying, as a network is. Sets no timer of its own,
 * draws no chance, and asks a policy about everything that passes, so that a simulator can lose,
 * delay, reorder and cut.
 */
import type { Callee, Caller, CallerOptions, Lane, Listener, Transport } from "./caller.ts";
import { addressError } from "./address-error.ts";
import { Link } from "./link.ts";
import { MemoryWire } from "./memory-wire.ts";
import type { Deliver, PartOf } from "./memory-wire.ts";
import { Reception } from "./reception.ts";
import { systemTiming } from "./timing.ts";
import type { Timing } from "./timing.ts";
import { TransportError } from "./transport-error.ts";
import { settingsOf } from "./transport-settings.ts";
import type { TransportOptions, TransportSettings } from "./transport-settings.ts";

export interface MemoryNetworkOptions<Request, Response> extends TransportOptions<
  Request,
  Response
> {
  /**
   * Decides when `run` is called, which makes the thing arrive: later, never, or, for what was
   * told, more than once; never before `deliver` has returned. To behave like a connection it keeps
   * the order of what has equal `from`, `to` and `lane`. Default: at the next microtask.
   */
  readonly deliver?: Deliver;
  /** Cuts what arrives into parts. Default: each frame comes whole. */
  readonly partOf?: PartOf;
}

/** What may differ from node to node. */
export type MemoryNodeOptions = Partial<
  Pick<TransportOptions<never, never>, "limits" | "protocol" | "timing">
>;

/** A node of the network for as long as it lives: a restarted one is another. */
interface Life {
  readonly name: string;
  crashed: boolean;
}

interface Open<Request, Response> {
  readonly life: Life;
  readonly reception: Reception<Request, Response>;
}

const memoryTiming: Timing = {
  after: (ms, callback) => systemTiming.after(ms, callback),
  soon: (callback) => queueMicrotask(callback),
};

export class MemoryNetwork<Request, Response> {
  readonly #options: MemoryNetworkOptions<Request, Response>;
  readonly #deliver: Deliver;
  readonly #partOf: PartOf | null;
  readonly #lives = new Map<string, Life>();
  readonly #listeners = new Map<string, Open<Request, Response>>();
  /** Both ends of every connection, in the order of their making. */
  readonly #wires = new Set<MemoryWire>();
  readonly #cuts = new Set<string>();

  constructor(options: MemoryNetworkOptions<Request, Response>) {
    this.#options = options;
    this.#deliver = options.deliver ?? ((_frame, run) => queueMicrotask(run));
    this.#partOf = options.partOf ?? null;
  }

  /**
   * The network as the node `name` has it; its addresses are `memory:NAME`. After a crash, a new
   * one is the restarted node: what still thinks it has a connection with the old one learns
   * better.
   *
   * @param own What this node has of its own: a timing that stops with it, other limits.
   */
  transport(name: string, own: MemoryNodeOptions = {}): Transport<Request, Response> {
    const life = this.#live(name);
    const settings = settingsOf({ ...this.#options, ...own }, memoryTiming);
    return {
      listen: (url, callee) => this.#listen(life, url, { settings, callee }),
      connect: (url, caller) => this.#connect(life, url, { settings, caller }),
    };
  }

  /**
   * Ends the connections between two nodes, tells both before it returns, and lets no new one be.
   */
  cut(one: string, other: string): void {
    this.#cuts.add(pairOf(one, other));
    for (const wire of this.#wires) {
      if (pairOf(wire.near, wire.far) !== pairOf(one, other)) continue;
      wire.shut(new Error("the network is cut"));
    }
  }

  heal(one: string, other: string): void {
    this.#cuts.delete(pairOf(one, other));
  }

  /**
   * The node is gone: it is told nothing, and nothing leaves it. Its peers learn it at once, as
   * when a process dies ("reset"), or not before it is restarted, as when the power fails
   * ("silent").
   */
  crash(name: string, how: "reset" | "silent"): void {
    const life = this.#lives.get(name);
    if (life !== undefined) life.crashed = true;
    for (const [url, open] of this.#listeners) {
      if (open.life === life) this.#listeners.delete(url);
    }
    for (const wire of this.#wires) if (wire.near === name) wire.die();
    if (how === "reset") this.#resetPeersOf(name);
  }

  #live(name: string): Life {
    const before = this.#lives.get(name);
    if (before !== undefined && !before.crashed) return before;
    if (before !== undefined) this.#resetPeersOf(name);
    const life = { name, crashed: false };
    this.#lives.set(name, life);
    return life;
  }

  /** Tells those who had a connection with a crashed node. */
  #resetPeersOf(name: string): void {
    for (const wire of this.#wires) {
      if (wire.near === name && wire.dead) this.#wires.delete(wire);
      if (wire.far !== name || !wire.facesDead) continue;
      const { lane } = wire;
      const reset = (): void => wire.shut(new Error("the connection was reset"));
      this.#deliver({ from: name, to: wire.near, lane, kind: "close", bytes: 0 }, reset);
    }
  }

  #listen(
    life: Life,
    url: string,
    parts: {
      readonly settings: TransportSettings<Request, Response>;
      readonly callee: Callee<Request, Response>;
    },
  ): Promise<Listener> {
    nameIn(url);
    if (this.#listeners.has(url)) {
      return Promise.reject(addressError(url, new Error("somebody listens there")));
    }
    const open = { life, reception: new Reception(parts.settings, parts.callee) };
    this.#listeners.set(url, open);
    return Promise.resolve({
      url,
      [Symbol.asyncDispose]: async () => {
        if (this.#listeners.get(url) === open) this.#listeners.delete(url);
        await open.reception.close();
      },
    });
  }

  #connect(
    life: Life,
    url: string,
    parts: {
      readonly settings: TransportSettings<Request, Response>;
      readonly caller: CallerOptions;
    },
  ): Caller<Request, Response> {
    nameIn(url);
    const dial = (lane: Lane): MemoryWire => this.#dial(life, url, lane);
    return new Link({ url, ...parts, dial });
  }

  #dial(life: Life, url: string, lane: Lane): MemoryWire {
    const far = this.#listeners.get(url)?.life.name ?? nameIn(url);
    const ends = { near: life.name, far, lane };
    const wire = new MemoryWire(ends, this.#deliver, {
      attached: (wire) => wire.send("connect", 0, () => this.#admit(wire, url)),
      closed: this.#forget,
      partOf: this.#partOf,
    });
    if (life.crashed) wire.die();
    this.#wires.add(wire);
    return wire;
  }

  /** The request for a connection has arrived where it is to be made. */
  #admit(wire: MemoryWire, url: string): void {
    if (wire.closed || wire.dead) return;
    const open = this.#listeners.get(url);
    const { near, lane } = wire;
    const far = open?.life.name ?? wire.far;
    if (open === undefined || this.#cuts.has(pairOf(near, far))) {
      const found = open === undefined ? "nobody listens there" : "the network is cut";
      const refuse = (): void => wire.shut(new Error(found));
      this.#deliver({ from: far, to: near, lane, kind: "close", bytes: 0 }, refuse);
      return;
    }
    const accepted = new MemoryWire({ near: far, far: near, lane }, this.#deliver, {
      attached: () => undefined,
      closed: this.#forget,
      partOf: this.#partOf,
    });
    accepted.join(wire);
    wire.join(accepted);
    this.#wires.add(accepted);
    open.reception.accept(accepted);
    accepted.send("connect", 0, () => wire.open());
    accepted.open();
  }

  readonly #forget = (wire: MemoryWire): void => {
    this.#wires.delete(wire);
  };
}

function pairOf(one: string, other: string): string {
  return [one, other].toSorted().join("\n");
}

/** @throws {TransportError} `KBZ_ENDPOINT`. */
function nameIn(url: string): string {
  const name = /^memory:(.{1,256})$/.exec(url)?.[1];
  if (name !== undefined) return name;
  throw new TransportError(
    "KBZ_ENDPOINT",
    `Wanted an endpoint of the memory network, got ${JSON.stringify(url)}. Use memory:NAME.`,
    { outcome: "none" },
  );
}
