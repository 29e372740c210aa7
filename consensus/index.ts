/**
 * The door of consensus/: all that transport/ and src/ may use.
 *
 * @module kibitzer/consensus
 */
export { assert, InvariantViolation, unreachable } from "./assert.ts";
export { limits } from "./limits.ts";
export {
  ballotZero,
  compareBallots,
  compareIds,
  compareLogs,
  formatBallot,
  isNodeId,
  sameBallot,
} from "./identifiers.ts";
export type * from "./identifiers.ts";
export { sameBatch } from "./decree.ts";
export type * from "./decree.ts";
export type * from "./messages.ts";
export type * from "./outcome.ts";
export type * from "./republic-state.ts";
export type * from "./durable-state.ts";
export type * from "./islander-outcome.ts";
export { hashDecree, hashZero, hex16, Mixer } from "./hash.ts";
export { toPlain, type Plain } from "./plain.ts";
export { majorityOf } from "./quorum.ts";
export { grownParliament, parliamentWithout, swappedParliament, type Seating } from "./seating.ts";
export { Republic, emptyRepublic } from "./republic.ts";
export { Legislator, type LegislatorView } from "./legislator.ts";
export { Islander } from "./islander.ts";
