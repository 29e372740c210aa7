/**
 * Who belongs to the republic and who has a seat: admission, naturalization, exile, and the next
 * government. Only a leader decides such things, and one change of government at a time.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import type { Citizen } from "./decree.ts";
import type { Cookie, NodeId } from "./identifiers.ts";
import { knownLeader } from "./election.ts";
import type { Leading } from "./legislator-state.ts";
import { limits } from "./limits.ts";
import { enqueue, hasOpened, isProposed } from "./leader.ts";
import { majorityOf, oddSeats } from "./quorum.ts";
import { sortedIds } from "./republic.ts";

export function onImmigrate(chamber: Chamber, citizen: Citizen): void {
  const { republic, state } = chamber;
  if (republic.government === null) {
    chamber.refuse("noRepublic", null);
    return;
  }
  const member = republic.member(citizen.id);
  if (member?.cookie === citizen.cookie) {
    chamber.reply({ kind: "admitted", slot: member.admitted });
  } else if (republic.departed(citizen.id, citizen.cookie) !== null) {
    chamber.refuse("departed", knownLeader(chamber));
  } else if (state.role.kind !== "leading") {
    chamber.refuse("notLeading", knownLeader(chamber));
  } else if (member !== null) {
    // Final, so for a leader that knows all that is decided: another may not know of an exile.
    chamber.refuse(hasOpened(chamber, state.role) ? "idTaken" : "busy", chamber.id);
  } else if (republic.members.length >= limits.membersMax || isFull(state.role)) {
    chamber.refuse("busy", chamber.id);
  } else {
    const isUnderWay = isProposed(chamber, state.role, (value) => {
      return value.kind === "admission" && value.citizen.id === citizen.id;
    });
    if (!isUnderWay) enqueue(state.role, { kind: "admission", citizen });
    chamber.reply({ kind: "enqueued" });
  }
}

/** A constituent says that it is caught up. */
export function onNaturalize(chamber: Chamber, from: NodeId, cookie: Cookie): void {
  const { role } = chamber.state;
  const member = chamber.republic.member(from);
  if (role.kind !== "leading" || isFull(role)) return;
  if (member === null || member.cookie !== cookie || member.naturalized) return;
  const isUnderWay = isProposed(chamber, role, (value) => {
    return value.kind === "naturalization" && value.id === from;
  });
  if (!isUnderWay) enqueue(role, { kind: "naturalization", id: from, cookie });
}

/** Once each round: a willing constituent that has caught up says so, until the log shows it. */
export function askForNaturalization(chamber: Chamber): void {
  const { state, republic } = chamber;
  const own = republic.member(chamber.id);
  if (!state.willing || own === null || own.naturalized) return;
  if (own.cookie !== chamber.options.cookie) return;
  // A seat is for who would still know its own admission after a loss of power.
  if (state.durable.length < own.admitted) return;
  const leader = knownLeader(chamber);
  if (leader === null || leader === chamber.id) return;
  // A round behind is near enough: the seat comes with a synchronize of its own.
  if (republic.slot < state.decidedAtRound) return;
  chamber.send(leader, { kind: "naturalize" });
}

export function onExile(chamber: Chamber, id: NodeId): void {
  const { republic, state } = chamber;
  const { role } = state;
  if (republic.government === null) chamber.refuse("noRepublic", null);
  else if (role.kind !== "leading") chamber.refuse("notLeading", knownLeader(chamber));
  else {
    const member = republic.member(id);
    if (member === null) chamber.refuse("notFound", chamber.id);
    else if (republic.seats(id) && withoutSeat(chamber, role, id).length === 0) {
      chamber.refuse("quorum", chamber.id);
    } else {
      const others = role.exiling.filter((each) => each.id !== id);
      role.exiling = [...others, { id, cookie: member.cookie }];
      chamber.reply({ kind: "enqueued" });
    }
  }
}

/** Proposes the next change of seats or the exile that is due; at most one government at a time. */
export function shape(chamber: Chamber): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || role.handingOver !== null || isFull(role)) return;
  const leaving = whoLeaves(chamber, role);
  const parliament = leaving.length > 0 ? null : grown(chamber);
  if (leaving.length === 0 && parliament === null) return;
  if (!mayChange(chamber, role)) return;
  if (parliament !== null) succeed(chamber, role, { members: parliament, leaving });
  else exileNext(chamber, role, leaving);
}

/** Whom an operator exiled: asked of this leader, or begun by an earlier government. */
function whoLeaves(chamber: Chamber, role: Leading): readonly NodeId[] {
  const { republic } = chamber;
  const begun = republic.government?.leaving ?? [];
  if (begun.length === 0 && role.exiling.length === 0) return [];
  // One that is gone may be here again, as another incarnation: that one was not exiled.
  role.exiling = role.exiling.filter(({ id, cookie }) => republic.member(id)?.cookie === cookie);
  return [...new Set([...begun, ...role.exiling.map(({ id }) => id)])];
}

/** A change builds on all earlier ones: an own decree is decided, and no stop-sign is under way. */
function mayChange(chamber: Chamber, role: Leading): boolean {
  if (!hasOpened(chamber, role) || chamber.log.endsInStopSign) return false;
  return !isProposed(chamber, role, ({ kind }) => kind === "succession");
}

/** Whom an operator exiled loses the seat first, by a government of its own. */
function exileNext(chamber: Chamber, role: Leading, leaving: readonly NodeId[]): void {
  const { republic } = chamber;
  const seated = leaving.find((id) => republic.seats(id));
  if (seated !== undefined) {
    const members = withoutSeat(chamber, role, seated);
    if (members.length > 0) succeed(chamber, role, { members, leaving });
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

/** Naturalized constituents that are there, longest admitted first. */
function waitingForSeats(chamber: Chamber): readonly NodeId[] {
  return chamber.republic.members
    .filter(({ id, naturalized }) => naturalized && !chamber.republic.seats(id))
    .map(({ id }) => id)
    .filter((id) => chamber.hears(id));
}

/** More seats, up to the size of the parliament: an odd number, and 1 → 3 → 5 in one step each. */
function grown(chamber: Chamber): readonly NodeId[] | null {
  const { government, parliamentSize } = chamber.republic;
  if (government === null) return null;
  const { parliament } = government;
  if (parliament.length >= parliamentSize) return null;
  const waiting = waitingForSeats(chamber);
  const possible = Math.min(parliamentSize, parliament.length + waiting.length);
  const seats = Math.min(oddSeats(possible), parliament.length + 2);
  if (seats <= parliament.length) return null;
  return [...parliament, ...waiting.slice(0, seats - parliament.length)];
}

/**
 * The parliament without `id`, its seat given to a waiting constituent; empty when that cannot be.
 */
function withoutSeat(chamber: Chamber, role: Leading, id: NodeId): readonly NodeId[] {
  const { government } = chamber.republic;
  if (government === null) return [];
  const rest = government.parliament.filter((seat) => seat !== id);
  // Its exile may be under way, and decided before the seat is its.
  const leaving = whoLeaves(chamber, role);
  const waiting = waitingForSeats(chamber).filter((each) => !leaving.includes(each));
  const [successor] = waiting;
  const next = successor === undefined ? rest : [...rest, successor];
  if (next.length === 0) return [];
  // Whoever is to decide its opening must be there, or the republic would stop.
  const there = next.filter((seat) => seat === chamber.id || chamber.hears(seat)).length;
  return there >= majorityOf(next.length) ? next : [];
}

function isFull(role: Leading): boolean {
  return role.queue.length >= limits.queueValuesMax;
}
