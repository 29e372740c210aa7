/**
 * A network under virtual time: the real connections of transport/, over wires that delay, lose,
 * reorder, repeat and cut what passes. Calls are never repeated; a simulator of bytes it is not.
 */
import { checksumOf } from "../src/codec/known-checksums.ts";
import { queuedTurns } from "../src/system/turns.ts";
import {
  MemoryNetwork,
  type Callee,
  type Codec,
  type MemoryFrame,
  type ProtocolRange,
  type Transport,
} from "../transport/index.ts";
import type { Range } from "./disk/disk.ts";
import type { Prng } from "./prng.ts";
import type { Life, Simulator } from "./simulator.ts";

/** What the network does to everything that passes; chances are per frame. */
export interface NetworkFaults {
  /** N2: one way. */
  readonly delayMicros: Range;
  /** N2, the heavy tail. */
  readonly slowChance: number;
  readonly slowMicros: Range;
  /** N1. */
  readonly lossChance: number;
  /** N4: of what was told, never of calls. */
  readonly duplicateChance: number;
  readonly duplicateMicros: Range;
  /** N3: what is told may overtake what was told before. */
  readonly reorder: boolean;
  /** N19: frames under way from one node to another; more are lost. Null: no bound. */
  readonly capacity: number | null;
  /** N18: of a frame only a part comes at first, the rest with whatever follows it. */
  readonly partChance: number;
}

export const calmNetwork: NetworkFaults = {
  delayMicros: { min: 50, max: 400 },
  slowChance: 0,
  slowMicros: { min: 0, max: 0 },
  lossChance: 0,
  duplicateChance: 0,
  duplicateMicros: { min: 0, max: 0 },
  reorder: false,
  capacity: null,
  partChance: 0,
};

const firstVersion: ProtocolRange = { least: 1, most: 1 };
const partMicros: Range = { min: 1, max: 20_000 };

/** A one-way cut: what is sent meanwhile is lost ("drop") or arrives all at once later ("hold"). */
export type CutKind = "drop" | "hold";

interface Cut {
  readonly kind: CutKind;
  readonly held: (() => void)[];
}

export interface Codecs<Request, Response> {
  readonly requestCodec: Codec<Request>;
  readonly responseCodec: Codec<Response>;
  /** What kind of message was told; null for none that can be dropped by its kind (N14). */
  readonly kindOf?: (request: Request) => string | null;
}

export class SimulatedNetwork<Request, Response> {
  faults: NetworkFaults = calmNetwork;
  /** N14: kinds of messages that get lost, all of them. */
  droppedKinds: ReadonlySet<string> = new Set();
  readonly #simulator: Simulator;
  readonly #prng: Prng;
  readonly #network: MemoryNetwork<Request, Response>;
  readonly #lives = new Map<string, Life>();
  readonly #cuts = new Map<string, Cut>();
  readonly #severed = new Set<string>();
  /** When the latest frame that must not be overtaken arrives, for each way and lane. */
  readonly #arrivals = new Map<string, number>();
  /** When the latest frame that may be overtaken arrives. */
  readonly #latest = new Map<string, number>();
  /** Frames under way, by way; counted while there is a capacity. */
  readonly #underWay = new Map<string, number>();
  readonly #kindOf: (request: Request) => string | null;

  constructor(simulator: Simulator, prng: Prng, codecs: Codecs<Request, Response>) {
    this.#simulator = simulator;
    this.#prng = prng;
    this.#kindOf = codecs.kindOf ?? (() => null);
    this.#network = new MemoryNetwork({
      ...codecs,
      checksum: checksumOf,
      turns: queuedTurns,
      deliver: (frame, run) => this.#deliver(frame, run),
      partOf: (frame, rest) => this.#partOf(frame, rest),
    });
  }

  /**
   * The network as `life` has it, under `name`; its address is `memory:NAME`.
   * @param protocol The versions that it speaks.
   */
  join(
    name: string,
    life: Life,
    protocol: ProtocolRange = firstVersion,
  ): Transport<Request, Response> {
    this.#lives.set(name, life);
    const transport = this.#network.transport(name, { timing: life.clock, protocol });
    return {
      connect: (url, options) => transport.connect(url, options),
      // A process that has ended does nothing more, whatever it was about to do.
      listen: async (url, callee) => {
        if (!life.alive) return await Promise.withResolvers<never>().promise;
        return await transport.listen(url, this.#deafened(name, callee));
      },
    };
  }

  /** Call after the life has ended: its peers notice soon ("reset") or when it comes back. */
  leave(name: string, how: "reset" | "silent"): void {
    this.#network.crash(name, how);
  }

  /** N5, N13: from now on nothing passes from `from` to `to`, and nobody is told. */
  cut(from: string, to: string, kind: CutKind): void {
    if (this.#cuts.has(way(from, to))) return;
    this.#cuts.set(way(from, to), { kind, held: [] });
    this.#simulator.trace.fault(kind === "hold" ? "N13" : "N5", `${from}>${to}`);
  }

  /** N6: ends all connections between two, both are told, and no new one can be made. */
  sever(one: string, other: string): void {
    this.#severed.add([one, other].toSorted().join(">"));
    this.#network.cut(one, other);
    this.#simulator.trace.fault("N6", `${one}|${other}`);
  }

  /** Lets everything pass again, both ways. */
  heal(one: string, other: string): void {
    this.#network.heal(one, other);
    this.#severed.delete([one, other].toSorted().join(">"));
    for (const key of [way(one, other), way(other, one)]) this.#healWay(key);
  }

  healAll(): void {
    for (const pair of this.#severed) {
      const [one, other] = pair.split(">");
      if (one !== undefined && other !== undefined) this.#network.heal(one, other);
    }
    this.#severed.clear();
    for (const key of this.#cuts.keys()) this.#healWay(key);
  }

  /** Lets everything pass again from `from` to `to`. */
  release(from: string, to: string): void {
    this.#healWay(way(from, to));
  }

  /** Hears everything but what is dropped by its kind, as if that had been lost on the way. */
  #deafened(name: string, callee: Callee<Request, Response>): Callee<Request, Response> {
    return {
      hello: () => callee.hello(),
      answer: (request, from, signal) => callee.answer(request, from, signal),
      hear: (request, from) => {
        if (this.droppedKinds.size > 0) {
          const kind = this.#kindOf(request);
          if (kind !== null && this.droppedKinds.has(kind)) {
            this.#simulator.trace.fault("N14", `${kind} to ${name}`);
            return;
          }
        }
        callee.hear(request, from);
      },
      knows: (from) => callee.knows?.(from) ?? false,
      refused: (detail) => callee.refused?.(detail),
    };
  }

  #healWay(key: string): void {
    const cut = this.#cuts.get(key);
    if (cut === undefined) return;
    this.#cuts.delete(key);
    this.#simulator.trace.note(`heal ${key}`);
    for (const pass of cut.held) pass();
  }

  #deliver(frame: MemoryFrame, run: () => void): void {
    const cut = this.#cuts.get(way(frame.from, frame.to));
    const label = `${frame.from}>${frame.to} ${frame.lane} ${frame.kind} ${frame.bytes}`;
    if (cut !== undefined) {
      // A connection whose end was missed is noticed as soon as packets pass again.
      if (cut.kind === "hold" || frame.kind === "close") {
        cut.held.push(() => this.#schedule(frame, label, run));
      }
      return;
    }
    this.#pass(frame, label, run);
  }

  #pass(frame: MemoryFrame, label: string, run: () => void): void {
    const { faults } = this;
    if (frame.kind !== "close" && this.#strikes(faults.lossChance, "N1", label)) return;
    if (this.#isFull(frame, label)) return;
    const delay = this.#schedule(frame, label, run);
    if (faults.capacity !== null) this.#occupy(frame, delay);
    if (frame.kind === "tell" && this.#strikes(faults.duplicateChance, "N4", label)) {
      this.#arrive(frame, run, this.#draw(faults.duplicateMicros) + this.#delay(label));
    }
  }

  #isFull({ from, to, kind }: MemoryFrame, label: string): boolean {
    const { capacity } = this.faults;
    if (capacity === null || kind === "close") return false;
    if ((this.#underWay.get(way(from, to)) ?? 0) < capacity) return false;
    this.#simulator.trace.fault("N19", label);
    return true;
  }

  #occupy({ from, to }: MemoryFrame, delay: number): void {
    const key = way(from, to);
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1);
    this.#simulator.after(delay, () => {
      this.#underWay.set(key, (this.#underWay.get(key) ?? 1) - 1);
    });
  }

  /** Returns how many bytes of a frame come before `rest` is called. */
  #partOf(frame: MemoryFrame, rest: () => void): number {
    const { from, to, lane, bytes } = frame;
    if (!this.#strikes(this.faults.partChance, "N18", `${from}>${to} ${lane} in parts`))
      return bytes;
    this.#arrive(frame, rest, this.#draw(partMicros));
    return this.#prng.integer(1, bytes - 1);
  }

  /** Returns how long it is under way. */
  #schedule(frame: MemoryFrame, label: string, run: () => void): number {
    const { now, trace } = this.#simulator;
    trace.note(`net ${label}`);
    const key = `${way(frame.from, frame.to)} ${frame.lane}`;
    const earliest = this.#arrivals.get(key) ?? 0;
    const drawn = now + this.#delay(label);
    // Even an unruly network does not break the conversation: only what is told overtakes.
    const isFree = this.faults.reorder && frame.kind === "tell";
    const time = isFree ? drawn : Math.max(earliest, drawn);
    if (!isFree) this.#arrivals.set(key, time);
    else if (time < (this.#latest.get(key) ?? 0)) trace.fault("N3", label);
    else this.#latest.set(key, time);
    this.#arrive(frame, run, time - now);
    return time - now;
  }

  #arrive(frame: MemoryFrame, run: () => void, delay: number): void {
    const life = this.#lives.get(frame.to);
    if (life?.alive === true) life.after(delay, run);
    else this.#simulator.after(delay, run);
  }

  #delay(label: string): number {
    const { faults } = this;
    if (this.#strikes(faults.slowChance, "N2", label)) return this.#draw(faults.slowMicros);
    return this.#draw(faults.delayMicros);
  }

  #strikes(chance: number, id: string, label: string): boolean {
    if (chance === 0 || !this.#prng.chance(chance)) return false;
    this.#simulator.trace.fault(id, label);
    return true;
  }

  #draw({ min, max }: Range): number {
    return this.#prng.integer(min, max);
  }
}

function way(from: string, to: string): string {
  return `${from}>${to}`;
}
