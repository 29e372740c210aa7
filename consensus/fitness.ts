/**
 * Who is fit to lead, as one member sees it: whom it hears, who decides in time, and whether it
 * could lead itself. Only looks; changes and sends nothing.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { compareBallots, sameBallot, type Ballot, type NodeId } from "./identifiers.ts";
import type { Report } from "./messages.ts";
import { majorityOf } from "./quorum.ts";
import { mayVote } from "./vouching.ts";

/** Whether this node hears a majority of its parliament, itself included, both ways. */
export function isQuorumConnected(chamber: Chamber): boolean {
  return isMajorityWith(chamber, (id) => chamber.hears(id));
}

/** Whether the other members that `counts` holds for are a majority together with this node. */
function isMajorityWith(chamber: Chamber, counts: (id: NodeId) => boolean): boolean {
  const { government } = chamber.republic;
  if (government === null || !chamber.hasSeat) return false;
  let count = 1;
  for (const id of chamber.otherSeats()) if (counts(id)) count += 1;
  return count >= majorityOf(government.parliament.length);
}

/** Whether a majority of the parliament, this node included, is not known to lack room. */
export function canStore(chamber: Chamber): boolean {
  return chamber.state.hasRoom && isMajorityWith(chamber, (id) => !lacksRoom(chamber, id));
}

/** Whether `id` said last that its disk has no room. */
export function lacksRoom(chamber: Chamber, id: NodeId): boolean {
  return chamber.state.peers.get(id)?.report?.hasRoom === false;
}

/**
 * Whether this node has room, or nobody else who has some could lead: without any, whoever leads
 * still answers barriers, and decides what is small.
 */
export function isRoomiest(chamber: Chamber): boolean {
  if (chamber.state.hasRoom) return true;
  return heardReports(chamber).every(({ report }) => {
    return !report.hasRoom || !report.quorumConnected || !report.timely;
  });
}

/**
 * Whether this node's own disk answers in time: others may decide without it, but who leads must
 * not gather what it cannot write.
 */
function isPersisting({ state, options }: Chamber): boolean {
  const { persistingSince, now, writes } = state;
  assert((persistingSince === null) === (writes.length === 0), "what is written is waited for");
  return persistingSince === null || now - persistingSince < options.stallTicks;
}

/** Whether what this node leads, or tries to lead, moves on; of a follower, whether it could. */
export function isTimely(chamber: Chamber): boolean {
  const { role, now } = chamber.state;
  const { silenceTicks, stallTicks } = chamber.options;
  if (!isRoomiest(chamber) || !isPersisting(chamber)) return false;
  if (role.kind === "candidate") return now - role.since < silenceTicks;
  if (role.kind !== "leading") return couldLead(chamber);
  return role.pendingSince === null || now - role.pendingSince < stallTicks;
}

/** Whether nothing but a leader that others have keeps this follower from taking over. */
export function couldLead(chamber: Chamber): boolean {
  const { role, durable, promised, now, notBefore } = chamber.state;
  if (role.kind !== "follower" || chamber.halted || now < notBefore) return false;
  if (chamber.state.lostUpTo > 0) return false;
  // With a disk that does not come back, ballot after ballot would only keep the others from
  // leading.
  if (!sameBallot(durable.promised, promised) || !mayVote(chamber)) return false;
  if (!isRoomiest(chamber) || !isPersisting(chamber)) return false;
  // A node that was just cut off finds its peers silent one after the other: whom it takes to be
  // left would make it depose, over a link that works one way or when it returns, who leads well.
  return isMajorityWith(chamber, (id) => chamber.hearsStill(id));
}

/** The ballot that this node leads in, or competes for since its own promise is durable. */
export function ownBallot(chamber: Chamber): Ballot | null {
  const { role } = chamber.state;
  if (role.kind === "leading") return role.ballot;
  return role.kind === "candidate" && role.prepared ? role.ballot : null;
}

/**
 * The ballot of the leader to stay with: one that this node hears, that hears a majority, decides
 * in time, and whose ballot is not below what this node promised. Null when there is none.
 */
export function fitLeader(chamber: Chamber): Ballot | null {
  const own = ownBallot(chamber);
  assert(own === null || own.id === chamber.id, "a node leads in ballots of its own only");
  if (own !== null && isQuorumConnected(chamber) && isTimely(chamber)) return own;
  let fittest: Ballot | null = null;
  for (const id of chamber.otherSeats()) fittest = higher(fittest, fitBallotOf(chamber, id));
  return fittest;
}

function fitBallotOf(chamber: Chamber, id: NodeId): Ballot | null {
  const report = chamber.hears(id) ? chamber.peer(id).report : null;
  const leading = report?.leading ?? null;
  if (report === null || leading === null || leading.id !== id) return null;
  if (!report.quorumConnected || !report.timely) return null;
  const isOfThisGovernment = leading.government === chamber.republic.government?.number;
  return isOfThisGovernment && isLeadable(chamber, leading) ? leading : null;
}

/** Whether this node may follow in `ballot`; round 0 is nobody's. */
function isLeadable({ state }: Chamber, ballot: Ballot): boolean {
  return ballot.round >= 1 && compareBallots(ballot, state.promised) >= 0;
}

export function higher(left: Ballot | null, right: Ballot | null): Ballot | null {
  if (left === null || right === null) return left ?? right;
  return compareBallots(right, left) > 0 ? right : left;
}

/** What the other members that this node hears say of themselves. */
export function heardReports(
  chamber: Chamber,
): readonly { readonly id: NodeId; readonly report: Report }[] {
  return chamber.otherSeats().flatMap((id) => {
    const report = chamber.hears(id) ? chamber.peer(id).report : null;
    return report === null ? [] : [{ id, report }];
  });
}
