/**
 * All that recovery rebuilds from a node's disk, and all that a node may rely on after a restart.
 */
import type { Decree } from "./decree.ts";
import type { Ballot, Cookie, NodeId, Slot, Tick } from "./identifiers.ts";
import type { Heard } from "./messages.ts";
import type { RepublicState } from "./republic-state.ts";

export interface DurableState {
  readonly promised: Ballot;
  /** The ballot of the log. */
  readonly accepted: Ballot;
  /** The fold of the slots that the disk knows to be decided. */
  readonly republic: RepublicState;
  /** The slots after `republic.slot`, in order without a hole: accepted, perhaps decided. */
  readonly decrees: readonly Decree[];
  /**
   * The log was attested up to here in `accepted`, but what follows `decrees` is damaged and could
   * not be had from anybody; 0 when nothing is. Never taken for a shorter log.
   */
  readonly lostUpTo: Slot;
  readonly heard: readonly Heard[];
  /** The highest write number ever used; the next write has a higher one. */
  readonly writeLast: number;
}

/** Who this node is, and its clockwork. Fixed for one life. */
export interface LegislatorOptions {
  readonly id: NodeId;
  readonly cookie: Cookie;
  /** How often the storage was opened, this time included: from 1. */
  readonly starts: number;
  /** Between two pings. */
  readonly pingTicks: Tick;
  /** Silence after which a peer is not heard any more; several pings. */
  readonly silenceTicks: Tick;
  /** How long a proposal may take to be decided before its leader is no longer fit. */
  readonly stallTicks: Tick;
  /**
   * How long a member may leave pings unanswered before a leader gives its seat to a constituent
   * that waits for one, counted in pings (contract C11); null for never.
   */
  readonly replaceTicks: Tick | null;
}
