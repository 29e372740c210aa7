/** Slips in run loop, recovery, engine and recording. Data only. */
import type { Mutant } from "../mutant.ts";

export const nodeMutants: readonly Mutant[] = [
  {
    name: "undecided-taken-for-decided",
    file: "src/storage/journal-reading.ts",
    find: "folded.decide(Math.max(log.decided, folded.slot, decidedLeast));",
    replace: "folded.decide(log.index.length);",
    about: "After a restart all that is on the disk counts as decided.",
    invariant: "A2",
  },
  {
    name: "undecided-without-bytes",
    file: "src/node/recovery.ts",
    find: `if (decree.value.kind === "batch" && body !== null) bodies.set(decree.value, body);`,
    replace: "",
    about: "The bytes of undecided batches are not read back.",
    invariant: "A15",
  },
  {
    name: "one-learn-for-ever",
    file: "src/node/slot-sender.ts",
    find: "this.#waiting.delete(to);",
    replace: "",
    about: "A peer that lags is sent decided slots only once.",
    invariant: "L2",
  },
  {
    name: "decrees-not-told",
    file: "src/node/engine.ts",
    find: "this.service.take(applied);",
    replace: "",
    about: "Nobody is told of the effect that a batch had.",
    invariant: "L5",
  },
  {
    name: "peers-not-met",
    file: "src/node/engine.ts",
    find: `this.#meetPeers();
    tell(membership`,
    replace: "tell(membership",
    about: "A node does not reach for members that the log names later.",
    invariant: "L2",
  },
  {
    name: "newcomer-forgets-to-join",
    file: "src/node/engine.ts",
    find: `this.#loop.start();
    this.#goOnJoining();`,
    replace: "this.#loop.start();",
    about: "A newcomer that was stopped on the way does not go on joining.",
    invariant: "L2",
  },
];
