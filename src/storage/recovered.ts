/** What a journal gives back when it is opened. Plain data. */
import type { Ballot, Heard, RepublicState, Slot } from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { Journal } from "./journal.ts";

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
  /** What the decided slots have made of the republic, and what follows them. */
  readonly republic: RepublicState;
  readonly undecided: readonly FramedDecree[];
  /** How much was read back since the last snapshot. */
  readonly tailBytes: number;
}

export interface OpenedJournal {
  readonly journal: Journal;
  readonly recovered: Recovered;
}
