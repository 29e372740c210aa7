/**
 * Two-phase commit (Gray, Lamport, "Consensus on Transaction Commit", 2006): resource managers, a
 * transaction manager, and messages that are never lost nor taken from the network. Its published
 * counts, 288 states for 3 resource managers and 8,832 for 5, judge the explorer.
 */
import type { Model } from "../model.ts";
import type { StateHash } from "../state-hash.ts";

type ManagerState = "working" | "prepared" | "committed" | "aborted";

interface State {
  readonly managers: readonly ManagerState[];
  readonly transaction: "undecided" | "committed" | "aborted";
  /** Whom the transaction manager knows to be prepared. */
  readonly known: readonly boolean[];
  /** Who said that it is prepared. */
  readonly said: readonly boolean[];
}

export type TwoPhaseAction =
  | { readonly kind: "commit" | "abort" }
  | {
      readonly kind: "hearPrepared" | "prepare" | "giveUp" | "obeyCommit" | "obeyAbort";
      readonly manager: number;
    };

/** Bugs to be found: the transaction manager does not wait for the last resource manager. */
export type TwoPhaseBug = "hasty-commit";

export class TwoPhaseCommit implements Model<State, TwoPhaseAction> {
  readonly #count: number;
  readonly #bug: TwoPhaseBug | null;

  constructor(managers: number, bug: TwoPhaseBug | null = null) {
    this.#count = managers;
    this.#bug = bug;
  }

  initial(): readonly State[] {
    const nobody = Array.from({ length: this.#count }, () => false);
    const managers = nobody.map((): ManagerState => "working");
    return [{ managers, transaction: "undecided", known: nobody, said: nobody }];
  }

  actions(state: State): readonly TwoPhaseAction[] {
    const actions: TwoPhaseAction[] = [];
    const isOpen = state.transaction === "undecided";
    const wanted = this.#bug === "hasty-commit" ? this.#count - 1 : this.#count;
    if (isOpen && state.known.filter(Boolean).length >= wanted) actions.push({ kind: "commit" });
    if (isOpen) actions.push({ kind: "abort" });
    for (let manager = 0; manager < this.#count; manager += 1) {
      if (isOpen && state.said[manager] === true) actions.push({ kind: "hearPrepared", manager });
      if (state.managers[manager] === "working") {
        actions.push({ kind: "prepare", manager }, { kind: "giveUp", manager });
      }
      if (state.transaction === "committed") actions.push({ kind: "obeyCommit", manager });
      if (state.transaction === "aborted") actions.push({ kind: "obeyAbort", manager });
    }
    return actions;
  }

  next(state: State, action: TwoPhaseAction): State {
    switch (action.kind) {
      case "commit":
        return { ...state, transaction: "committed" };
      case "abort":
        return { ...state, transaction: "aborted" };
      case "hearPrepared":
        return { ...state, known: state.known.with(action.manager, true) };
      case "prepare":
        return {
          ...state,
          managers: state.managers.with(action.manager, "prepared"),
          said: state.said.with(action.manager, true),
        };
      case "obeyCommit":
        return { ...state, managers: state.managers.with(action.manager, "committed") };
      case "giveUp":
      case "obeyAbort":
        return { ...state, managers: state.managers.with(action.manager, "aborted") };
    }
  }

  hash(state: State, into: StateHash): void {
    into.text(JSON.stringify(state));
  }

  broken({ managers }: State): string | null {
    const isTorn = managers.includes("committed") && managers.includes("aborted");
    return isTorn ? "consistent: one resource manager committed, another one aborted" : null;
  }

  describe(_state: State, action: TwoPhaseAction): readonly string[] {
    return [`${action.kind}${"manager" in action ? ` ${action.manager}` : ""}`];
  }
}
