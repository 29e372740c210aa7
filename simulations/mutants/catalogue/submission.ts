/** Slips in barriers, and in the table of publishers. Data only. */
import type { Mutant } from "../mutant.ts";

export const submissionMutants: readonly Mutant[] = [
  {
    name: "barrier-joins-round-under-way",
    file: "consensus/submission.ts",
    find: "role.barriersWaiting.push(barrier);",
    replace: "(role.barrierRound?.barriers ?? role.barriersWaiting).push(barrier);",
    about: "A barrier joins the round of confirmations that was already sent.",
    invariant: "C5",
  },
  {
    name: "barrier-unconfirmed",
    file: "consensus/submission.ts",
    find: "if (barrierRound.confirmed.length + 1 < chamber.majority()) return;",
    replace: "",
    about: "A barrier is answered by whoever thinks that it leads.",
    invariant: "C5",
  },
  {
    name: "barrier-before-opening",
    file: "consensus/submission.ts",
    find: "if (!hasOpened(chamber, role)) return;",
    replace: "",
    about: "A barrier is answered before a decree of the own ballot is decided.",
    invariant: "C5",
  },
  {
    name: "barriers-forgotten",
    file: "consensus/step-down.ts",
    find: `for (const barrier of barriersAt(role)) chamber.answerBarrier(barrier, null);`,
    replace: "",
    about: "Who waits for a barrier is not told that its leader stepped down.",
    invariant: "L5",
  },
  {
    name: "lost-confirm-not-repeated",
    file: "consensus/submission.ts",
    find: `chamber.send(id, { kind: "confirm", ballot: role.ballot, round });
  }
}

export function onConfirmed`,
    replace: `}
}

export function onConfirmed`,
    about: "A lost question for confirmation is not asked again.",
    invariant: "L5",
  },
  {
    name: "unknown-publisher-too-early",
    file: "consensus/submission.ts",
    find: `if (settled?.kind === "unknownPublisher" && batch.publisher >
chamber.republic.slot) {`,
    replace: `if (settled?.kind === "unknownPublisher" && batch.publisher < 0) {`,
    about: "A leader that lags calls a publisher unknown, for good.",
    invariant: "C7",
  },
  {
    name: "duplicate-takes-another-index",
    file: "consensus/republic.ts",
    find: `return { kind: "duplicate", index: before.index };`,
    replace: `return { kind: "duplicate", index: this.#index };`,
    about: "A repeated batch is answered with the last index.",
    invariant: "C1",
  },
  {
    name: "sequence-by-batches",
    file: "consensus/republic.ts",
    find: "row.sequenceNext = batch.sequence + batch.count;",
    replace: "row.sequenceNext = batch.sequence + 1;",
    about: "A publisher's numbers count batches, not entries.",
    invariant: "C2",
  },
  {
    name: "results-forgotten",
    file: "consensus/republic.ts",
    find: "if (row.results.length > limits.publisherResultsMax) row.results.shift();",
    replace: "if (row.results.length > 1) row.results.shift();",
    about: "Only the last result of a publisher is known again.",
    invariant: "C1",
  },
  {
    name: "index-by-batches",
    file: "consensus/republic.ts",
    find: "this.#index += batch.count;",
    replace: "this.#index += 1;",
    about: "A batch takes one index, however many entries it has.",
    invariant: "C1",
  },
  {
    name: "applies-repeated-batch",
    file: "consensus/republic.ts",
    find: "if (batch.sequence === row.sequenceNext) return null;",
    replace: "if (batch.sequence <= row.sequenceNext) return null;",
    about: "A batch that is repeated takes effect again.",
    invariant: "C1",
  },
  {
    name: "confirmation-counts-twice",
    file: "consensus/submission.ts",
    find: `if (!chamber.otherSeats().includes(from) ||
barrierRound.confirmed.includes(from)) return;`,
    replace: "if (!chamber.otherSeats().includes(from)) return;",
    about: "The same member confirms a barrier twice.",
    invariant: "C5",
  },
  {
    name: "confirmation-of-earlier-round",
    file: "consensus/submission.ts",
    find: "if (barrierRound === null || barrierRound.round !== confirmed.round) return;",
    replace: "if (barrierRound === null) return;",
    about: "A confirmation of an earlier round counts for this one.",
    invariant: "C5",
  },
  {
    name: "barriers-behind-stop-sign-forgotten",
    file: "consensus/chamber.ts",
    find: `for (const barrier of barriersAt(state.role)) this.answerBarrier(barrier, null);`,
    replace: "",
    about: "Who waits for a barrier is not told that the government is over.",
    invariant: "L5",
  },
];
