/** What a journal gives back when it is opened. Plain data. */
import type { Ballot, Heard, RepublicState, Slot } from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { Journal } from "./journal.ts";
import type { Finding } from "./recovered.ts";

/** What stood on the disk. */
export interface Recovered {
  readonly promised: Ballot;
  readonly accepted: Ballot;
  readonly decided: Slot;
  readonly heard: readonly Heard[];
  readonly writeLast: number;
  readonly length: Slot;
  /** Whether a group was dropped whose sync had never returned. */
  readonly torn: boolean;
  /** What was not as it was written; the slots that this cost are the journal's `damaged`. */
  readonly findings: readonly Finding[];
  /** What the decided slots have made of the republic, up to the first that is damaged. */
  readonly republic: RepublicState;
  /** What follows them; null when damage has hidden it, so that it is to be read again. */
  readonly undecided: readonly FramedDecree[] | null;
  /**
   * The log goes on from the state after this slot, and no snapshot of that is whole here: another
   * one, of it or of a later slot, must come from elsewhere. 0 when none is missing.
   */
  readonly missing: Slot;
  /** How much was read back since the last snapshot. */
  readonly tailBytes: number;
}

export interface OpenedJournal {
  readonly journal: Journal;
  readonly recovered: Recovered;
}
