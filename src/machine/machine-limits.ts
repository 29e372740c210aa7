/**
 * The bounds of state machines and of what the host keeps for them, with unit and reason; the
 * relations between them are asserted when the module loads.
 */
import { assert, limits } from "../../consensus/index.ts";

export const machineLimits = {
  /** Bytes of one result: an answer to an operation, not a document (64 KiB). */
  resultBytesMax: 65_536,
  /** Bytes of all results of one batch, which travel in one answer (1 MiB). */
  batchResultsBytesMax: 1_048_576,
  /** What all results that are kept may cost in memory, on each node (64 MiB). */
  resultsCostMax: 67_108_864,
  /** Bytes that one read of the log hands to the machine (1 MiB). */
  readBytesMax: 1_048_576,
  /** Entries applied in one turn of the event loop, and milliseconds, whichever is first. */
  sliceEntriesMax: 1024,
  sliceMsMax: 8,
  /** Entries that the machine may lag before its node refuses to publish more. */
  lagEntriesMax: 65_536,
  /** Slots between two marks that are compared with peers under load. */
  markSlots: 64,
  /** How long nothing is applied before the last slot is marked. */
  markQuietMs: 100,
  /** Slots at least between two times that the whole state goes into the running hash. */
  stateHashSlotsMin: 1024,
  /** Bytes of state that cost one slot more until the next time (16 KiB). */
  stateHashBytesPerSlot: 16_384,
  /** Bytes of a question, and of an answer: each fits into one frame (1 MiB). */
  questionBytesMax: 1_048_576,
  answerBytesMax: 2_097_152,
  /** How long a question may wait for an index to be applied. */
  questionWaitMsMax: 30_000,
} as const;

/**
 * What is counted for a batch, with one more that is gone and still in the queue, and for its
 * results beside their bytes, if there are any: bytes of memory, as measured with Node.js 24.
 */
export const rowCost = 256;
export const bufferCost = 256;
/** Beside the bytes of a result: its kind, and their length. */
const resultBytes = 4;

const batchCostMax =
  rowCost +
  bufferCost +
  (1 + limits.batchEntriesMax) * resultBytes +
  machineLimits.batchResultsBytesMax;

assert(
  limits.publisherBatchesInFlightMax * batchCostMax <= machineLimits.resultsCostMax,
  "the results of a whole in-flight window can be kept",
);
assert(
  machineLimits.resultBytesMax <= machineLimits.batchResultsBytesMax,
  "a largest result is kept with its batch",
);
assert(
  Math.max(machineLimits.answerBytesMax, batchCostMax) < limits.frameBytesMax,
  "an answer, or the results of a batch, fit into a frame",
);
