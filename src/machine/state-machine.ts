/**
 * What a user attaches to a node: a deterministic machine that is fed the decided entries. Types
 * only; the host of this folder calls them.
 */

/** One decided entry, as a state machine is given it. */
export interface MachineEntry {
  /** Dense, from 1, the same on every node. */
  readonly index: number;
  /** A view: copy what is to be kept, and write nothing to it. */
  readonly bytes: Uint8Array;
  readonly publisher: string;
  /**
   * Log time in milliseconds, the only clock that a state machine may know: it never falls, goes on
   * with the leader's monotonic clock, stands still while nobody leads, and is the same everywhere.
   */
  readonly time: number;
  /** The bytes as UTF-8; malformed sequences become U+FFFD. */
  text(): string;
}

/** What the publisher of an entry is told; a string goes as UTF-8. */
export type MachineResult = Uint8Array | string | undefined;

/** What a machine wants to see in the log once log time has come to `time`. */
export interface Wake {
  readonly time: number;
  readonly entry: Uint8Array | string;
}

/**
 * Deterministic: state and results depend on nothing but the entries. What it does with the bytes
 * is its own; two machines of one republic are the same program.
 */
export interface StateMachine {
  /**
   * What becomes of an entry for which `apply` throws. "stop", the default: each node stops there.
   * "skip": each goes on, and the publisher is told. What `apply` had changed by then stays, and is
   * compared as all else is: a node that throws where most do not stops, and the reverse.
   */
  readonly onError?: "stop" | "skip";
  /**
   * Applies one entry: each exactly once, in the order of the indexes. Synchronous. A result of
   * more than 64 KiB is dropped.
   */
  apply(entry: MachineEntry): MachineResult | void;
  /**
   * The whole state in pieces of any size, as it is at the call, though entries may be applied
   * before the last piece is taken. Equal states give equal bytes, on every node. Of a generator
   * the first piece is taken at the call: what it copies before that is as it was then.
   */
  snapshot(): Iterable<Uint8Array>;
  /** Replaces the whole state by that of a snapshot, whose bytes come cut anywhere. */
  restore(pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /** Answers a question, and changes nothing. Without it there is nothing to ask. */
  query?(question: Uint8Array): Uint8Array;
  /**
   * Log time advances with entries only. Whoever waits for it names an entry here: when its time
   * has come and nothing else was published, the leader's node publishes it. Asked after entries
   * were applied; cheap.
   */
  wake?(): Wake | null;
}
