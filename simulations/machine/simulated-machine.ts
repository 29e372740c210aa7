/**
 * The state machine of simulated nodes: takes words of an entry's text as commands of a key–value
 * map, and tells with each result how many entries it has applied.
 */
import { decodeResult, encodeCommand } from "../../src/kv/kv-command.ts";
import type { Condition, KvCommand } from "../../src/kv/kv-command.ts";
import { KvMachine } from "../../src/kv/kv-machine.ts";
import type { MachineEntry, StateMachine } from "../../src/machine/state-machine.ts";

/** An operation on the map, as an entry's text says it behind its name. */
export type MapOperation =
  | { readonly kind: "put"; readonly key: string }
  | { readonly kind: "cas"; readonly key: string; readonly expected: number }
  | { readonly kind: "delete"; readonly key: string }
  /** Puts a key that goes with a lease, and grants that lease. */
  | { readonly kind: "lend"; readonly key: string };

const any: Condition = { expected: null, fence: null };
const encoder = new TextEncoder();
const leaseMs = 500;
/** So many entries are right in the life of a machine that is not deterministic. */
const rightEntries = 5;

/** How it is written behind the name of an entry. */
export function wordsOf(operation: MapOperation): string {
  const { kind, key } = operation;
  return operation.kind === "cas" ? `${kind} ${key} ${operation.expected} ` : `${kind} ${key} `;
}

/** What a publisher is told of its entry: its place among all entries, and what became of it. */
export interface MachineAnswer {
  readonly count: number;
  readonly name: string;
  /** Of an operation on the map. */
  readonly status: string;
}

export function answerIn(result: Uint8Array): MachineAnswer {
  const [count = "", name = "", status = ""] = new TextDecoder().decode(result).split(" ");
  return { count: Number(count), name, status };
}

/** What is attached to a simulated node. */
export interface NodeMachine extends StateMachine {
  /** Whether it has told what no other machine tells. */
  readonly hasStrayed: boolean;
}

export class SimulatedMachine implements NodeMachine {
  readonly #map = new KvMachine();
  readonly #mayStray: () => boolean;
  readonly #name: string | null;
  #count = 0;
  #applied = 0;
  #hasStrayed = false;

  /**
   * @param mayStray Whether it need not be deterministic, after a few entries of its life.
   * @param name It strays as no other machine does.
   */
  constructor(mayStray: () => boolean = () => false, name: string | null = null) {
    this.#mayStray = mayStray;
    this.#name = name;
  }

  get hasStrayed(): boolean {
    return this.#hasStrayed;
  }

  apply(entry: MachineEntry): string {
    this.#count += 1;
    this.#applied += 1;
    const [name = "", ...words] = entry.text().split(" ");
    let status = "none";
    for (const command of commandsIn(name, words, entry.index)) {
      const { index, publisher, time } = entry;
      const bytes = encodeCommand(command);
      const result = this.#map.apply({ index, publisher, time, bytes, text: () => "" });
      status = result === undefined ? "none" : decodeResult(result).status;
    }
    this.#hasStrayed ||= this.#applied > rightEntries && this.#mayStray();
    return `${this.#count} ${name} ${status}${this.#hasStrayed ? ` ${this.#name} strays` : ""}`;
  }

  /** The state without what wraps it, for comparison. */
  *snapshot(): Generator<Uint8Array, void, void> {
    const pieces = this.#map.snapshot();
    yield encoder.encode(String(this.#count).padStart(16, "0"));
    yield* pieces;
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const gathered: Uint8Array[] = [];
    for await (const piece of pieces) gathered.push(piece);
    const bytes = Buffer.concat(gathered);
    this.#count = Number(bytes.subarray(0, 16).toString());
    await this.#map.restore(one(bytes.subarray(16)));
  }

  query(question: Uint8Array): Uint8Array {
    return this.#map.query(question);
  }
}

function commandsIn(name: string, words: readonly string[], index: number): readonly KvCommand[] {
  const [kind, key = "", expected = ""] = words;
  const value = encoder.encode(name);
  switch (kind) {
    case "put":
      return [{ kind, key, value, lease: 0, condition: any }];
    case "cas": {
      const condition = { expected: Number(expected), fence: null };
      return [{ kind: "put", key, value, lease: 0, condition }];
    }
    case "delete":
      return [{ kind, key, condition: any }];
    case "lend":
      return [
        { kind: "grant", ttlMs: leaseMs },
        { kind: "put", key, value, lease: index, condition: any },
      ];
    case undefined:
    default:
      return [];
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
