/** Slips between whoever publishes and the log. Data only. */
import type { Mutant } from "../mutant.ts";

export const publishingMutants: readonly Mutant[] = [
  {
    name: "islander-reuses-numbers",
    file: "consensus/islander.ts",
    find: `this.#session = { kind: "open", publisher, sequenceNext: sequence + count };`,
    replace: `this.#session = { kind: "open", publisher, sequenceNext: sequence + 1 };`,
    about: "The numbers of a batch's entries are given out again.",
    invariant: "C2",
  },
  {
    name: "islander-settles-unasked",
    file: "consensus/islander.ts",
    find: "if (head.index === null) break;",
    replace: "if (head.index === null) head = { ...head, index: this.#indexLast + 1 };",
    about: "A batch is told as settled because its successor is.",
    invariant: "D3",
  },
  {
    name: "aborted-though-submitted",
    file: "src/publishing/parcel.ts",
    find: `reject(abandoned(this.numbered ? "unknown" : "none", reason));`,
    replace: `reject(abandoned("none", reason));`,
    about: "Whoever gives up is told that nothing was done, though it was submitted.",
    invariant: "C7",
  },
  {
    name: "closed-without-doubt",
    file: "src/publishing/parcel.ts",
    find: `return this.#refused || this.#doubt === 0 ? "none" : "unknown";`,
    replace: `return "none";`,
    about: "Whoever waits when the node closes is told that nothing was done.",
    invariant: "C7",
  },
  {
    name: "entries-share-an-index",
    file: "src/publishing/parcel.ts",
    find: "told(publishedAt(at,",
    replace: "told(publishedAt(index,",
    about: "All entries of a batch are told the index of its first.",
    invariant: "D3",
  },
  {
    name: "answers-by-publisher",
    file: "src/node/settlements.ts",
    find: "return `${publisher}/${sequence}`;",
    replace: "return `${publisher}`;",
    about: "A batch is answered with the effect of another of its publisher.",
    invariant: "D3",
  },
  {
    name: "leader-leaves-silently",
    file: "src/node/settlements.ts",
    find: "for (const key of this.#waiting.keys()) this.#settle(key, undecided);",
    replace: "",
    about: "A leader that steps down leaves those who wait without an answer.",
    invariant: "L5",
  },
  {
    name: "islander-retries-never",
    file: "consensus/islander.ts",
    find: "this.#retryAt = now + pauseTicks(this.#timing, setback, this.#failures, jitter);",
    replace: "this.#retryAt = now + 1e9;",
    about: "What was refused is not submitted again.",
    invariant: "L5",
  },
  {
    name: "leader-leaves-refusing",
    file: "src/node/settlements.ts",
    find: "for (const key of this.#waiting.keys()) this.#settle(key, undecided);",
    replace: `const gone = { kind: "refused", reason: "notLeading", leader: null };
    for (const key of this.#waiting.keys()) this.#settle(key, gone);`,
    about: "A leader that steps down says that nothing it proposed will be decided.",
    invariant: "C7",
  },
  {
    name: "withdrawn-yet-published",
    file: "src/publishing/parcel.ts",
    find: `for (let more = 0; more < claim.count; more += 1)
this.#cancelled.add(claim.position + more);`,
    replace: "",
    about: "What was withdrawn in time is published all the same.",
    invariant: "C7",
  },
];
