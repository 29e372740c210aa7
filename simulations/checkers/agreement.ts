/**
 * One log for all: whatever any node shows at an index or hashes at a slot is what every other
 * shows there, at any time (A1, A3, S1), and holds what somebody published (A4), once (C1).
 */
import type { Entry } from "../../src/api.ts";
import { demand } from "../core/violation.ts";

/** What stands in the log at one index. */
export interface Standing {
  readonly index: number;
  readonly slot: number;
  readonly government: number;
  readonly when: number;
  readonly publisher: string;
  readonly sequence: number;
  readonly text: string;
}

export class Agreement {
  readonly #isProposed: (text: string) => boolean;
  readonly #log = new Map<number, Standing>();
  readonly #indexes = new Map<string, number>();
  readonly #hashes = new Map<number, { readonly value: string; readonly node: string }>();
  #indexLast = 0;
  /** The first index that any node still had when it was asked for all, or null. */
  #begins: number | null = null;

  constructor(isProposed: (text: string) => boolean) {
    this.#isProposed = isProposed;
  }

  /** The highest index that any node has shown. */
  get indexLast(): number {
    return this.#indexLast;
  }

  /** A node shows nothing before `index` any more. */
  begins(index: number): void {
    this.#begins = Math.min(index, this.#begins ?? index);
  }

  /** Whether no node has `index` any more, as far as all were asked. */
  isGone(index: number): boolean {
    return this.#begins !== null && index < this.#begins;
  }

  /** All that nodes have shown, and where. */
  get texts(): readonly (readonly [text: string, index: number])[] {
    return [...this.#indexes];
  }

  at(index: number): Standing | undefined {
    return this.#log.get(index);
  }

  /** Where `text` stands, or undefined when no node has shown it. */
  indexOf(text: string): number | undefined {
    return this.#indexes.get(text);
  }

  /** Node `node` shows `entry`. */
  show(node: string, entry: Entry): Standing {
    const text = entry.text();
    const { index, slot, government, when, publisher, sequence } = entry;
    const standing = { index, slot, government, when, publisher, sequence, text };
    const before = this.#log.get(index);
    if (before !== undefined) {
      demand(before.text === text && before.slot === slot, "A1", () => {
        const found = `${node} shows ${brief(text)} of slot ${slot} at index ${index}`;
        return `${found}, where ${brief(before.text)} of slot ${before.slot} stood`;
      });
      demand(isSameOrigin(before, standing), "A1", () => {
        return `${node} shows index ${index} with ${origin(standing)}, not ${origin(before)}`;
      });
      return before;
    }
    demand(this.#isProposed(text), "A4", () => `${node} shows ${brief(text)}, never published`);
    const other = this.#indexes.get(text);
    demand(other === undefined, "C1", () => {
      return `${brief(text)} stands at index ${other} and, on ${node}, at ${index}`;
    });
    this.#log.set(index, standing);
    this.#indexes.set(text, index);
    this.#indexLast = Math.max(this.#indexLast, index);
    return standing;
  }

  /** Node `node` has this hash of the replicated state after `slot`. */
  hash(node: string, slot: number, value: string): void {
    if (slot === 0) return;
    const before = this.#hashes.get(slot);
    if (before === undefined) {
      this.#hashes.set(slot, { value, node });
      return;
    }
    demand(before.value === value, "S1", () => {
      return `after slot ${slot} ${node} has the hash ${value}, ${before.node} ${before.value}`;
    });
  }

  /** The whole log, once nodes have shown all of it: dense, and each publisher in order (C2). */
  checkWhole(): void {
    let sequences: Map<string, number> | null = new Map();
    for (let index = 1; index <= this.#indexLast; index += 1) {
      const standing = this.#log.get(index);
      if (standing === undefined && this.isGone(index)) {
        // Truncated before anybody looked: who published what is not known from here on.
        sequences = null;
        continue;
      }
      demand(standing !== undefined, "A5", () => `no node has shown index ${index}`);
      const { publisher, sequence } = standing;
      const expected: number = sequences === null ? sequence : (sequences.get(publisher) ?? 0) + 1;
      demand(sequence === expected, "C2", () => {
        return `at index ${index} publisher ${publisher} has number ${sequence}, not ${expected}`;
      });
      sequences?.set(publisher, sequence);
    }
  }
}

/** Where an entry is from is decided with it, and the same wherever it is shown. */
function isSameOrigin(left: Standing, right: Standing): boolean {
  const isSameCall = left.publisher === right.publisher && left.sequence === right.sequence;
  return isSameCall && left.government === right.government && left.when === right.when;
}

function origin({ publisher, sequence, government, when }: Standing): string {
  return `number ${sequence} of publisher ${publisher}, government ${government}, at ${when}`;
}

/** The beginning of a text, which names it. */
export function brief(text: string): string {
  return JSON.stringify(text.slice(0, 24));
}
