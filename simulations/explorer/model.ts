/**
 * What the explorer explores: states, and the actions that lead from one to the next. A model is
 * deterministic, and its states are never mutated. Nothing here searches.
 */
import type { StateHash } from "./state-hash.ts";

export interface Model<State, Action> {
  initial(): readonly State[];

  /** All that may happen next, always in the same order for equal states. */
  actions(state: State): readonly Action[];

  /** The state after `action`, or null when it would change nothing. */
  next(state: State, action: Action): State | null;

  /** Folds in all that distinguishes the state: the same for states that behave alike. */
  hash(state: State, into: StateHash): void;

  /** What is broken in this state, for people to read; null when everything holds. */
  broken(state: State): string | null;

  /** An action in `state`, for people: one line, perhaps more for what came of it. */
  describe(state: State, action: Action): readonly string[];
}
