/**
 * The names and numbers of the protocol, and their orders. Never `<` on a ballot, which would
 * compile: {@link compareBallots} is the one order there is.
 */

/** Names a node for its whole life: `[a-z0-9][a-z0-9._-]{0,62}`. */
export type NodeId = string;

/** The incarnation of a node's storage, 16 hex digits, drawn when its directory is made. */
export type Cookie = string;

/** A position in the log of decrees, from 1. Slot 0 stands for "before the log". */
export type Slot = number;

/** The dense number of a user's entry, from 1. Index 0 stands for "no entry yet". */
export type Index = number;

/**
 * Milliseconds of a monotonic clock since the start of the process; never comparable across lives.
 */
export type Tick = number;

/** A running hash, 16 hex digits. */
export type Hash = string;

/** A publisher is named by the slot of its decided registration. */
export type PublisherId = number;

/**
 * Under which number a leader proposes. Totally ordered by government, round, id
 * (Lamport 2001, §2.2: proposal numbers of different proposers are disjoint).
 */
export interface Ballot {
  readonly government: number;
  readonly round: number;
  readonly id: NodeId;
}

/** Below every ballot that anybody leads. */
export const ballotZero: Ballot = { government: 0, round: 0, id: "" };

/** Negative, zero or positive as `left` is below, equal to or above `right`. */
export function compareBallots(left: Ballot, right: Ballot): number {
  if (left.government !== right.government) return left.government - right.government;
  if (left.round !== right.round) return left.round - right.round;
  return compareIds(left.id, right.id);
}

/** The order of ids by code unit, the same in every locale. */
export function compareIds(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

export function sameBallot(left: Ballot, right: Ballot): boolean {
  return compareBallots(left, right) === 0;
}

/** How much a log may hold of what was chosen: under which ballot it was accepted, how far. */
export interface LogRank {
  readonly accepted: Ballot;
  readonly length: Slot;
}

/**
 * The order by which a candidate chooses what it carries forward: the ballot first, then the
 * length. Of the logs of a majority the highest holds all that was chosen.
 */
export function compareLogs(left: LogRank, right: LogRank): number {
  const ballots = compareBallots(left.accepted, right.accepted);
  return ballots !== 0 ? ballots : left.length - right.length;
}

/** `government/round/id`, for logs and messages. */
export function formatBallot(ballot: Ballot): string {
  return `${ballot.government}/${ballot.round}/${ballot.id}`;
}

const nodeIdPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Whether `text` may name a node. */
export function isNodeId(text: string): boolean {
  return nodeIdPattern.test(text);
}
