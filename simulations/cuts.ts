/**
 * Cuts of the network by shape: one way, both, held back, flapping, one link after the other. Heals
 * what it cut; when, and between whom, its seed says.
 */
import type { SimulatedNetwork } from "./network.ts";
import type { Prng } from "./prng.ts";
import { millisecond, type Micros, type Simulator } from "./simulator.ts";
import type { CutShape } from "./swarm/swarm.ts";

type Wires = Pick<
  SimulatedNetwork<never, never>,
  "cut" | "sever" | "heal" | "release" | "healAll" | "faults"
>;
type How = "drop" | "hold" | "sever";
type Pair = readonly [from: string, to: string, how: How];

export interface CutsOptions {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly network: Wires;
  /** Clients in processes of their own. */
  readonly clients: readonly string[];
  /** About how long an election takes: the period of a link that flaps. */
  readonly periodMs: number;
  /** Whether no more is to be cut. */
  readonly isCalm: () => boolean;
}

export class Cuts {
  readonly #options: CutsOptions;

  constructor(options: CutsOptions) {
    this.#options = options;
  }

  /** Cuts between some of `ids`, and heals it after `length`. */
  cut(shape: CutShape, ids: readonly string[], length: Micros): void {
    if (shape !== "client" && ids.length < 2) return;
    const { simulator, network } = this.#options;
    if (shape === "client") this.#cutClient(ids, length);
    else if (shape === "swizzle") this.#swizzle(ids, length);
    else if (shape === "flap") this.#flap(ids, simulator.now + length);
    else {
      const pairs = this.#pairs(shape, ids);
      for (const pair of pairs) this.#apply(pair);
      simulator.after(length, () => {
        if (this.#options.isCalm()) return;
        for (const [one, other] of pairs) network.heal(one, other);
      });
    }
  }

  #apply([one, other, how]: Pair): void {
    const { network } = this.#options;
    if (how === "sever") network.sever(one, other);
    else network.cut(one, other, how);
  }

  /** N15: requests arrive and answers do not, or the other way round, or neither. */
  #cutClient(ids: readonly string[], length: Micros): void {
    const { simulator, prng, network, clients, isCalm } = this.#options;
    if (clients.length === 0) return;
    const client = prng.pick(clients);
    const node = prng.pick(ids);
    const how = prng.pick(["requests", "answers", "both"] as const);
    simulator.trace.fault("N15", `${client} ${node} ${how}`);
    if (how !== "answers") network.cut(client, node, "drop");
    if (how !== "requests") network.cut(node, client, "drop");
    simulator.after(length, () => {
      if (!isCalm()) network.heal(client, node);
    });
  }

  /** N13: holds back some ways one after the other, and lets them go in another order. */
  #swizzle(ids: readonly string[], length: Micros): void {
    const { simulator, prng, network, isCalm } = this.#options;
    const ways = ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => [from, to]));
    const chosen = prng.shuffle(ways).slice(0, prng.integer(1, ways.length));
    const half = Math.ceil(length / 2);
    for (const [from = "", to = ""] of chosen) {
      simulator.after(prng.integer(0, half), () => {
        if (!isCalm()) network.cut(from, to, "hold");
      });
      simulator.after(half + prng.integer(0, half), () => {
        if (!isCalm()) network.release(from, to);
      });
    }
  }

  /** N16: a link that goes and comes, about as often as an election may begin. */
  #flap(ids: readonly string[], until: Micros): void {
    const { simulator, prng, network, periodMs, isCalm } = this.#options;
    const [one = "", other = ""] = prng.shuffle(ids);
    const how = prng.pick(["drop", "sever"] as const);
    const half = (): Micros => prng.integer(1, periodMs) * millisecond;
    const cut = (): void => {
      if (isCalm() || simulator.now >= until) return;
      simulator.trace.fault("N16", `${one}|${other}`);
      this.#apply([one, other, how]);
      if (how === "drop") this.#apply([other, one, how]);
      simulator.after(half(), () => {
        if (isCalm()) return;
        network.heal(one, other);
        simulator.after(half(), cut);
      });
    };
    cut();
  }

  /** The ordered pairs that a cut of some shape concerns, and how each is cut. */
  #pairs(shape: CutShape, ids: readonly string[]): readonly Pair[] {
    const { prng } = this.#options;
    const one = prng.pick(ids);
    const other = prng.pick(ids.filter((id) => id !== one));
    if (shape === "oneWay") return [[one, other, "drop"]];
    if (shape === "hold") return [[one, other, "hold"]];
    if (shape === "sever") return [[one, other, "sever"]];
    const here = ids.filter((id) => (shape === "isolate" ? id === one : prng.chance(0.5)));
    const there = ids.filter((id) => !here.includes(id));
    const how = prng.pick(["drop", "sever", "hold"] as const);
    return here.flatMap((left) =>
      there.flatMap((right): readonly Pair[] =>
        how === "sever"
          ? [[left, right, how]]
          : [
              [left, right, how],
              [right, left, how],
            ],
      ),
    );
  }
}
