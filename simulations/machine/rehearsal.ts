/**
 * Machines of a user side by side on the same entries: one with traps set, one that is restored
 * from snapshots of the first on the way. What they answer and hold is to be the same.
 */
import type { MachineEntry, StateMachine } from "../../src/machine/state-machine.ts";
import type { Prng } from "../prng.ts";
import { trapped } from "./traps.ts";

/** What is wrong, and at which entry it showed. */
export interface Finding {
  readonly index: number;
  readonly message: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function* drawEntries(
  prng: Prng,
  count: number,
  draw: (prng: Prng) => Uint8Array | string,
): Generator<MachineEntry, void, void> {
  let time = 0;
  for (let index = 1; index <= count; index += 1) {
    time += prng.chance(0.1) ? prng.integer(0, 100_000) : prng.integer(0, 20);
    const drawn = draw(prng);
    const bytes = typeof drawn === "string" ? encoder.encode(drawn) : drawn;
    const publisher = String(prng.integer(1, 3));
    yield { index, bytes, publisher, time, text: () => decoder.decode(bytes) };
  }
}

export class Rehearsal {
  readonly #make: () => StateMachine;
  readonly #prng: Prng;
  /** How many entries were applied, and how often a machine was restored. */
  applied = 0;
  restores = 0;

  constructor(make: () => StateMachine, prng: Prng) {
    this.#make = make;
    this.#prng = prng;
  }

  async run(entries: Iterable<MachineEntry>): Promise<Finding | null> {
    const first = this.#make();
    let second = this.#make();
    for (const entry of entries) {
      const { index } = entry;
      this.applied += 1;
      const begun = this.#prng.chance(0.1) ? begin(first) : null;
      const results = [() => trapped(() => first.apply(entry)), () => second.apply(entry)];
      const [one, other] = results.map((apply) => told(apply));
      if (one === undefined || other === undefined) continue;
      if (one.error !== null) return { index, message: one.error };
      if (other.error !== null) return { index, message: other.error };
      if (one.text !== other.text) {
        const message = `two machines answer the same entry with ${one.text} and ${other.text}`;
        return { index, message };
      }
      const finding = begun === null ? null : lateSnapshot(begun);
      if (finding !== null) return { index, message: finding };
      if (!this.#prng.chance(0.1)) continue;
      const restored = await this.#restore(first, second);
      if (typeof restored === "string") return { index, message: restored };
      second = restored;
    }
    return null;
  }

  /** A machine that goes on from the snapshot of `first`, or what is wrong with it. */
  async #restore(first: StateMachine, second: StateMachine): Promise<StateMachine | string> {
    this.restores += 1;
    const bytes = bytesOf(first.snapshot());
    if (!bytes.equals(bytesOf(second.snapshot()))) {
      return "two machines have other snapshots after the same entries";
    }
    const restored = this.#prng.chance(0.5) ? this.#make() : second;
    try {
      await restored.restore(cut(bytes, this.#prng));
    } catch (error) {
      return `restore failed on a snapshot of its own: ${String(error)}`;
    }
    if (bytes.equals(bytesOf(restored.snapshot()))) return restored;
    return "the snapshot of a machine that was restored is not the one that it was restored from";
  }
}

/** A snapshot whose first piece is taken, and what it has to be in the end. */
interface Begun {
  readonly expected: Buffer;
  readonly first: IteratorResult<Uint8Array>;
  readonly rest: Iterator<Uint8Array>;
}

function begin(machine: StateMachine): Begun {
  const expected = bytesOf(machine.snapshot());
  const rest = machine.snapshot()[Symbol.iterator]();
  return { expected, first: rest.next(), rest };
}

function lateSnapshot({ expected, first, rest }: Begun): string | null {
  const pieces: Uint8Array[] = [];
  for (let next = first; next.done !== true; next = rest.next()) pieces.push(next.value);
  if (Buffer.concat(pieces).equals(expected)) return null;
  return "a snapshot changed while it was taken: copy the state before the first piece is given";
}

interface Told {
  readonly text: string;
  readonly error: string | null;
}

function told(apply: () => unknown): Told {
  try {
    const result = apply();
    if (result instanceof Promise) return { text: "", error: "apply returned a promise" };
    const bytes = typeof result === "string" ? encoder.encode(result) : result;
    if (bytes === undefined) return { text: "nothing", error: null };
    if (bytes instanceof Uint8Array) {
      return { text: JSON.stringify(decoder.decode(bytes)), error: null };
    }
    return { text: "", error: `apply returned ${typeof result}, not bytes, text or nothing` };
  } catch (error) {
    return { text: "", error: `apply threw ${String(error)}` };
  }
}

function bytesOf(pieces: Iterable<Uint8Array>): Buffer {
  return Buffer.concat([...pieces]);
}

async function* cut(bytes: Uint8Array, prng: Prng): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length;) {
    const size = prng.integer(1, 100);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
