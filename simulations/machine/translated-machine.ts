/**
 * A user's state machine in a simulated cluster: each entry's name stands for one that is drawn for
 * the machine, with traps set, so that clients and checkers go on as they always do.
 */
import { crc32 } from "../../src/codec/crc32.ts";
import type { MachineEntry, StateMachine } from "../../src/machine/state-machine.ts";
import { Prng } from "../prng.ts";
import type { NodeMachine } from "./simulated-machine.ts";
import { trapped } from "./traps.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const countBytes = 16;

export class TranslatedMachine implements NodeMachine {
  readonly hasStrayed: boolean = false;
  readonly #machine: StateMachine;
  readonly #draw: (prng: Prng) => Uint8Array | string;
  #count = 0;

  constructor(machine: StateMachine, draw: (prng: Prng) => Uint8Array | string) {
    this.#machine = machine;
    this.#draw = draw;
  }

  apply(entry: MachineEntry): string {
    this.#count += 1;
    const [name = ""] = entry.text().split(" ");
    const drawn = this.#draw(new Prng(name));
    const bytes = typeof drawn === "string" ? encoder.encode(drawn) : drawn;
    const { index, publisher, time } = entry;
    const own = { index, bytes, publisher, time, text: () => decoder.decode(bytes) };
    const result = trapped(() => this.#machine.apply(own));
    const told = typeof result === "string" ? encoder.encode(result) : result;
    return `${this.#count} ${name} ${told === undefined ? "none" : crc32(told)}`;
  }

  *snapshot(): Generator<Uint8Array, void, void> {
    const pieces = this.#machine.snapshot()[Symbol.iterator]();
    const first = pieces.next();
    yield encoder.encode(String(this.#count).padStart(countBytes, "0"));
    for (let next = first; next.done !== true; next = pieces.next()) yield next.value;
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const source = pieces[Symbol.asyncIterator]();
    let head: Buffer = Buffer.alloc(0);
    while (head.length < countBytes) {
      const next = await source.next();
      if (next.done === true) throw new Error("the snapshot ends in its head");
      head = Buffer.concat([head, next.value]);
    }
    this.#count = Number(head.subarray(0, countBytes).toString());
    await this.#machine.restore(behind(head.subarray(countBytes), source));
  }
}

async function* behind(
  first: Uint8Array,
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  if (first.length > 0) yield first;
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    yield next.value;
  }
}
