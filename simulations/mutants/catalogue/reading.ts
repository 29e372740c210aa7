/** Slips in reading, and in answering requests. Data only. */
import type { Mutant } from "../mutant.ts";

export const readingMutants: readonly Mutant[] = [
  {
    name: "barrier-not-asked",
    file: "src/node/service.ts",
    find: "const slot = await this.#ownBarrier();",
    replace: "const slot = this.#options.reader.slot;",
    about: "A barrier is what this node happens to have applied.",
    invariant: "C5",
  },
  {
    name: "barrier-not-waited-for",
    file: "src/node/service.ts",
    find: `await reader.reached({ slot }, signal);
    const index = reader.indexLast;
    const isThere = reader.slot >= slot && (await machine.reached(slot, signal));`,
    replace: `const index = reader.indexLast;
    const isThere = true;`,
    about: "A barrier is given before its slot is applied here.",
    invariant: "C5",
  },
  {
    name: "follower-not-woken",
    file: "src/node/log-reader.ts",
    find: `waiter.resolve();
    }`,
    replace: "}",
    about: "Who waits for more entries is not woken.",
    invariant: "L5",
  },
  {
    name: "reading-ends-before-it-is-there",
    file: "src/node/own-entries.ts",
    find: "const last = follow ? to : Math.min(to, source.reader.indexLast);",
    replace: "const last = follow ? to : Math.min(to, source.reader.indexLast - 1);",
    about: "A reading ends one entry early.",
    invariant: "C5",
  },
  {
    name: "index-finds-neighbour",
    file: "src/storage/entry-index.ts",
    find: "if (this.#cell(middle, column) <= most) low = middle;",
    replace: "if (this.#cell(middle, column) < most) low = middle;",
    about: "The first entry of a batch is looked up in the one before.",
    invariant: "W4",
  },
  {
    name: "lost-forward-is-refusal",
    file: "src/node/forwarding.ts",
    find: `if (!(error instanceof TransportError) || error.outcome !== "none") throw error;`,
    replace: "if (!(error instanceof TransportError)) throw error;",
    about: "A forwarded batch without an answer counts as refused.",
    invariant: "C7",
  },
];
