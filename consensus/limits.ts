/**
 * Every bound of the core and of what it hands to its shell, with unit and reason. The relations
 * between them are asserted when the module loads. At a limit there is a typed refusal, never
 * growth.
 */
import { assert } from "./assert.ts";

export const limits = {
  /** Bytes of one entry, unless configured lower: 1 MiB. */
  entryBytesMax: 1_048_576,
  /** Bytes of one framed batch: one largest entry and its frame always fit (1 MiB + 64 KiB). */
  batchBytesMax: 1_114_112,
  /** Entries of one batch; bounds the work between two turns of the event loop. */
  batchEntriesMax: 16_384,
  /** Batches that one publisher may have in flight, numbered and without outcome. */
  publisherBatchesInFlightMax: 32,
  /** Batches whose results the publisher table keeps for each publisher (contract C6). */
  publisherResultsMax: 64,
  /** Publishers in the replicated table. */
  publishersMax: 65_536,
  /** Log time in ms after which a publisher that decided nothing may be forgotten: 7 days. */
  publisherExpiryMs: 604_800_000,
  /** The same while the table is full, so that those who come are not refused for days: 1 hour. */
  publisherCrowdedMs: 3_600_000,
  /** Undecided slots that a leader keeps proposed; also bounds what a promise carries. */
  slotsInFlightMax: 256,
  /** Bytes of batches in undecided slots: 8 MiB. */
  bytesInFlightMax: 8_388_608,
  /** Proposals, of any number of slots, that are under way before what comes waits for company. */
  burstsInFlightMax: 8,
  /** Values, and bytes of batches (64 KiB), that need no company. */
  burstValuesEnough: 64,
  burstBytesEnough: 65_536,
  /** Ticks for which others are waited for. */
  burstTicksMax: 4,
  /** Values that wait at the leader for room in the window. */
  queueValuesMax: 1024,
  /** Bytes of batches that wait at the leader: 16 MiB. */
  queueBytesMax: 16_777_216,
  /** Decided slots in one `learn`. */
  learnSlotsMax: 512,
  /** Seats of a parliament. */
  parliamentSizeMax: 9,
  /** Members of a republic, constituents included. */
  membersMax: 64,
  /** Exiled incarnations that are remembered, so that a late request does not bring them back. */
  departedKept: 256,
  /** Refoundings that are remembered, and told to whoever still speaks for a republic before. */
  refoundedKept: 8,
  /** Barriers that wait for one leader's confirmation. */
  barriersMax: 4096,
  /** Decided slots whose state hashes are kept for comparison with peers. */
  hashesKept: 512,
  /** Marks of the state machine that are kept for comparison with peers. */
  machineMarksKept: 64,
  /** Bytes of an endpoint, and of all properties of a node as JSON. */
  urlBytesMax: 1024,
  propertiesBytesMax: 4096,
  /** Bytes of one frame between nodes: what may be undecided, and room for headers (16 MiB). */
  frameBytesMax: 16_777_216,
} as const;

assert(limits.entryBytesMax < limits.batchBytesMax, "a largest entry fits into a batch");
assert(
  limits.publisherCrowdedMs < limits.publisherExpiryMs,
  "a full table forgets sooner than one that has room",
);
assert(
  limits.publisherBatchesInFlightMax <= limits.publisherResultsMax,
  "outcomes of a whole in-flight window stand in the publisher table",
);
assert(
  limits.bytesInFlightMax + limits.batchBytesMax + limits.slotsInFlightMax * 256 <
    limits.frameBytesMax,
  "everything undecided fits into one frame",
);
assert(limits.slotsInFlightMax < limits.hashesKept, "a lagging peer can still be compared");
assert(limits.parliamentSizeMax <= limits.membersMax, "seats are for members");
