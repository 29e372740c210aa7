/** What clients publish in a run, as its checkers know it: by name, since texts may be long. */
import type { Submission } from "./checkers/durability.ts";
import type { OpenOperation } from "./history/recorder.ts";

/** A publish that waits for its answer, for the checkers of each kind. */
export interface Publish {
  readonly submission: Submission;
  readonly operation: OpenOperation;
  /** On the map of the state machines; null for none. */
  readonly change: OpenOperation | null;
}

/** The part of a text that tells it from all others. */
export function nameOf(text: string): string {
  return text.slice(0, text.indexOf(" "));
}
