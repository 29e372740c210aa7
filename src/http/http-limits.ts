/** Every bound of the HTTP interface, with unit and reason; an entry's own are the core's. */

export const httpLimits = {
  /** Bytes and lines of one body of many entries. */
  bodyBytesMax: 16_777_216,
  bodyLinesMax: 65_536,
  /** Bytes of bodies that are being read or published, of all requests together. */
  bodiesBytesMax: 67_108_864,
  /** Milliseconds for a body of many entries to come, beside those for the answer. */
  bodyMs: 10_000,
  /** Entries of one body that are published and not decided yet; then its reading pauses. */
  entriesInFlightMax: 4096,
  /** The same of all bodies together; beyond them each goes on one entry at a time. */
  linesInFlightMax: 16_384,
  /**
   * Entries of one batch under a named publisher. Of a largest body every batch's result is still
   * known when the last one is decided, so that the whole request may be repeated.
   */
  namedBatchEntriesMax: 4096,
  /** Requests of one connection that wait for their answers; who sends more is cut off. */
  pipelinedMax: 16,
  /**
   * Milliseconds that a request waits for a majority, or for an index. With those for its body less
   * than a connection may be silent.
   */
  answerMs: 15_000,
  /** Milliseconds that a node which stops waits for what is being published to be answered. */
  finishMs: 1000,
  /** Milliseconds that it then tells those who go on at once to go elsewhere. */
  lingerMs: 100,
  /** Milliseconds in which those whose requests it gave up take the answer that says so. */
  endMs: 100,
  /** Milliseconds that a sequence waits for the ones before it, which may be on their way. */
  predecessorMs: 2000,
  /** Milliseconds between two signs of life on a stream that has nothing to tell. */
  heartbeatMs: 10_000,
  /** Bytes of entries that are written at once. */
  pieceBytes: 65_536,
  /** Milliseconds in which a reader takes what was written at once, or is cut off. */
  stallMs: 30_000,
  /** Bytes that readers have not taken, of all together; then who stalls longest is cut off. */
  stalledBytesMax: 67_108_864,
} as const;
