/**
 * Who has a seat: what operators ask for, and the next government that a leader proposes by itself.
 * One change at a time, and none that leaves too few of the next parliament within reach.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { knownLeader } from "./election.ts";
import type { NodeId } from "./identifiers.ts";
import { enqueue, hasOpened, isFull, isProposed } from "./leader.ts";
import type { Leading } from "./legislator-state.ts";
import { limits } from "./limits.ts";
import type { PromoteInput } from "./outcome.ts";
import { sortedIds } from "./republic.ts";
import type { Member } from "./republic-state.ts";
import { grownParliament, parliamentWithout, swappedParliament, type Seating } from "./seating.ts";

/** An operator lets a member have a seat: at once, in place of another, or when there is one. */
export function onPromote(chamber: Chamber, { id, insteadOf }: PromoteInput): void {
  const { role } = chamber.state;
  if (role.kind !== "leading") return refuseToAny(chamber);
  const { republic } = chamber;
  const member = republic.member(id);
  if (member === null) return chamber.refuse("notFound", chamber.id);
  const isDue = insteadOf !== null && !republic.seats(id);
  if (isDue && member.eligible) return giveSeatOf(chamber, role, { member, insteadOf });
  // Whose seat it is to have is said again, once the log shows that it may have one.
  setEligible(chamber, role, member, true);
}

function giveSeatOf(
  chamber: Chamber,
  role: Leading,
  { member, insteadOf }: { readonly member: Member; readonly insteadOf: NodeId },
): void {
  const { republic } = chamber;
  assert(member.eligible, "seats are for those that may have one");
  const holder = republic.member(insteadOf);
  if (holder === null || !republic.seats(insteadOf)) return chamber.refuse("notFound", chamber.id);
  if (!isReady(chamber, member)) return chamber.refuse("notReady", chamber.id);
  const { id, cookie } = member;
  const next = swappedParliament(seatingOf(chamber, role), { next: id, insteadOf });
  if (next === null) return chamber.refuse("quorum", chamber.id);
  if (role.swapping !== null && role.swapping.next.id !== id) {
    return chamber.refuse("busy", chamber.id);
  }
  role.swapping = { next: { id, cookie }, insteadOf: { id: insteadOf, cookie: holder.cookie } };
  chamber.reply({ kind: "enqueued" });
}

/** An operator takes a seat away; who has none is given none. */
export function onDemote(chamber: Chamber, id: NodeId): void {
  const { role } = chamber.state;
  if (role.kind !== "leading") return refuseToAny(chamber);
  const member = chamber.republic.member(id);
  if (member === null) return chamber.refuse("notFound", chamber.id);
  if (chamber.republic.seats(id) && !mayLoseSeat(chamber, role, id)) {
    return chamber.refuse("quorum", chamber.id);
  }
  setEligible(chamber, role, member, false);
}

function refuseToAny(chamber: Chamber): void {
  const isIn = chamber.republic.government !== null;
  chamber.refuse(isIn ? "notLeading" : "noRepublic", isIn ? knownLeader(chamber) : null);
}

function setEligible(
  chamber: Chamber,
  role: Leading,
  { id, cookie, eligible: before }: Member,
  eligible: boolean,
): void {
  const isUnderWay = isProposed(chamber, role, (value) => {
    return value.kind === "eligibility" && value.id === id;
  });
  if (isUnderWay || isFull(role)) return chamber.refuse("busy", chamber.id);
  if (before !== eligible) enqueue(role, { kind: "eligibility", id, cookie, eligible });
  chamber.reply({ kind: "enqueued" });
}

/** Whether the parliament could do without `id`, its seat given to whoever waits for one. */
export function mayLoseSeat(chamber: Chamber, role: Leading, id: NodeId): boolean {
  return parliamentWithout(seatingOf(chamber, role), id) !== null;
}

/** Proposes the next change of seats or the exile that is due; at most one government at a time. */
export function shape(chamber: Chamber): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || role.handingOver !== null || isFull(role)) return;
  const leaving = whoLeaves(chamber, role);
  if (leaving.length > 0) {
    if (mayChange(chamber, role)) exileNext(chamber, role, leaving);
    return;
  }
  const members =
    swapped(chamber, role) ??
    withoutDemoted(chamber, role) ??
    grown(chamber, role) ??
    withoutSilent(chamber, role);
  if (members !== null && mayChange(chamber, role)) succeed(chamber, role, { members, leaving });
}

/** Whom an operator exiled: asked of this leader, or begun by an earlier government. */
function whoLeaves(chamber: Chamber, role: Leading): readonly NodeId[] {
  const { republic } = chamber;
  const begun = republic.government?.leaving ?? [];
  if (begun.length === 0 && role.exiling.length === 0) return begun;
  // One that is gone may be here again, as another incarnation: that one was not exiled.
  role.exiling = role.exiling.filter(({ id, cookie }) => republic.member(id)?.cookie === cookie);
  return [...new Set([...begun, ...role.exiling.map(({ id }) => id)])];
}

/**
 * A change builds on all earlier ones: an own decree is decided, no stop-sign is under way, and
 * nothing that says who may have a seat.
 */
function mayChange(chamber: Chamber, role: Leading): boolean {
  if (!hasOpened(chamber, role) || chamber.log.endsInStopSign) return false;
  return !isProposed(chamber, role, ({ kind }) => kind === "succession" || kind === "eligibility");
}

/** Whom an operator exiled loses the seat first, by a government of its own. */
function exileNext(chamber: Chamber, role: Leading, leaving: readonly NodeId[]): void {
  const { republic } = chamber;
  const seated = leaving.find((id) => republic.seats(id));
  if (seated !== undefined) {
    const members = parliamentWithout(seatingOf(chamber, role), seated);
    if (members !== null) succeed(chamber, role, { members, leaving });
    else role.exiling = role.exiling.filter(({ id }) => id !== seated);
    return;
  }
  for (const id of leaving) {
    const member = republic.member(id);
    const isUnderWay = isProposed(
      chamber,
      role,
      (value) => value.kind === "exile" && value.id === id,
    );
    if (member === null || isUnderWay) continue;
    enqueue(role, { kind: "exile", id, cookie: member.cookie });
  }
}

function succeed(
  chamber: Chamber,
  role: Leading,
  {
    members,
    leaving,
  }: { readonly members: readonly NodeId[]; readonly leaving: readonly NodeId[] },
): void {
  assert(members.length >= 1, "a government has a parliament");
  assert(new Set(members).size === members.length, "nobody has two seats");
  const parliament = sortedIds(members);
  const leader = parliament.includes(chamber.id) ? chamber.id : bestHeard(chamber, parliament);
  const government = (chamber.republic.government?.number ?? 0) + 1;
  const gone = leaving.filter((id) => !parliament.includes(id));
  enqueue(role, { kind: "succession", government, parliament, leader, leaving: gone });
}

/** The member that hears the leader and has come furthest, for when the leader itself leaves. */
function bestHeard(chamber: Chamber, parliament: readonly NodeId[]): NodeId {
  let best = parliament[0] ?? chamber.id;
  let furthest = -1;
  for (const id of parliament) {
    const decided = chamber.hears(id) ? (chamber.peer(id).report?.decided ?? 0) : -1;
    if (decided <= furthest) continue;
    best = id;
    furthest = decided;
  }
  return best;
}

/** The seats as this leader sees them; who is about to be exiled is given none. */
function seatingOf(chamber: Chamber, role: Leading): Seating {
  const { government, parliamentSize } = chamber.republic;
  // Its exile may be under way, and decided before the seat is its.
  const leaving = whoLeaves(chamber, role);
  return {
    parliament: government?.parliament ?? [],
    parliamentSize,
    waiting: waitingForSeats(chamber).filter((id) => !leaving.includes(id)),
    isThere: (id) => id === chamber.id || chamber.hears(id),
  };
}

/** Constituents that may be given a seat now, longest admitted first. */
function waitingForSeats(chamber: Chamber): readonly NodeId[] {
  const { republic } = chamber;
  return republic.members
    .filter((member) => member.eligible && !republic.seats(member.id) && isReady(chamber, member))
    .map(({ id }) => id);
}

/**
 * Whether a constituent is there, and as near as one `learn`: how far it had come when it said that
 * it had caught up says little once it has been away.
 */
function isReady(chamber: Chamber, { id, naturalized }: Member): boolean {
  if (!naturalized || !chamber.hears(id)) return false;
  const decided = chamber.peer(id).report?.decided ?? 0;
  return decided + limits.learnSlotsMax >= chamber.republic.slot;
}

/** What an operator asked for, while it still can be done as asked. */
function swapped(chamber: Chamber, role: Leading): readonly NodeId[] | null {
  if (role.swapping === null) return null;
  const { republic } = chamber;
  const { next, insteadOf } = role.swapping;
  const member = republic.member(next.id);
  const mayBe =
    member?.cookie === next.cookie &&
    member.eligible &&
    isReady(chamber, member) &&
    !republic.seats(next.id) &&
    republic.seats(insteadOf.id) &&
    republic.member(insteadOf.id)?.cookie === insteadOf.cookie;
  const ids = { next: next.id, insteadOf: insteadOf.id };
  const members = mayBe ? swappedParliament(seatingOf(chamber, role), ids) : null;
  if (members === null) role.swapping = null;
  return members;
}

/** The log says that a member is to have no seat: it loses it as soon as that costs no quorum. */
function withoutDemoted(chamber: Chamber, role: Leading): readonly NodeId[] | null {
  const { republic } = chamber;
  const parliament = republic.government?.parliament ?? [];
  const demoted = parliament.find((id) => republic.member(id)?.eligible === false);
  return demoted === undefined ? null : parliamentWithout(seatingOf(chamber, role), demoted);
}

function grown(chamber: Chamber, role: Leading): readonly NodeId[] | null {
  const { government, parliamentSize } = chamber.republic;
  if (government === null || government.parliament.length >= parliamentSize) return null;
  return grownParliament(seatingOf(chamber, role));
}

/**
 * A member that has not answered for long gives way to a constituent that waits for a seat; without
 * one it keeps it. It is no exile: it may come back, and waits for a seat then.
 */
function withoutSilent(chamber: Chamber, role: Leading): readonly NodeId[] | null {
  const { replaceTicks, pingTicks } = chamber.options;
  if (replaceTicks === null) return null;
  assert(replaceTicks >= pingTicks, "silence is longer than a ping");
  const rounds = Math.ceil(replaceTicks / pingTicks);
  const silent = chamber.otherSeats().find((id) => chamber.peer(id).silent >= rounds);
  if (silent === undefined) return null;
  const seating = seatingOf(chamber, role);
  return seating.waiting.length === 0 ? null : parliamentWithout(seating, silent);
}
