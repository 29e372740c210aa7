/** Slips in connections and calls. Data only. */
import type { Mutant } from "../mutant.ts";

export const transportMutants: readonly Mutant[] = [
  {
    name: "never-dials-again",
    file: "transport/lane-link.ts",
    find: `if (this.#state.kind === "backing-off") this.#state = this.#dial();`,
    replace: "",
    about: "A connection that was lost is never made again.",
    invariant: "L2",
  },
  {
    name: "lost-call-not-told",
    file: "transport/lane-link.ts",
    find: "this.#rejectSent(state.connection, (outcome) => this.#lostError(error, outcome));",
    replace: "",
    about: "Who waits for an answer is not told that the connection is gone.",
    invariant: "L5",
  },
  {
    name: "answer-to-another-call",
    file: "transport/lane-link.ts",
    find: "const call = this.#sent.get(id);",
    replace: "const call = this.#sent.values().next().value;",
    about: "An answer is given to whoever asked first.",
    invariant: "D3",
  },
  {
    name: "frames-overtake",
    file: "transport/outbox.ts",
    find: `this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = [];`,
    replace: `const pieces = this.#pieces;
    this.#pieces = [];
    this.#endRun();`,
    about: "Small frames leave one turn later than large ones.",
    invariant: "L2",
  },
  {
    name: "body-in-parts-truncated",
    file: "transport/framing.ts",
    find: "const taken = Math.min(this.#chunk.length - start, body.missing);",
    replace: "const taken = this.#chunk.length - start;",
    about: "A body that comes in parts takes the head of the next frame along.",
    invariant: "N17",
  },
  {
    name: "lost-call-without-doubt",
    file: "transport/lane-link.ts",
    find: `call.reject(error(unsent ? "none" : "unknown"));`,
    replace: `call.reject(error("none"));`,
    about: "A call that was cut off counts as never carried out.",
    invariant: "C7",
  },
];
