/**
 * The leader: makes its followers' logs equal to its own, proposes, counts and tells (Haridi,
 * Kroll, Carbone, "Lecture Notes on Leader-based Sequence Paxos", the accept phase).
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import type { Decree, Value } from "./decree.ts";
import { canStore, lacksRoom } from "./fitness.ts";
import { hashDecree } from "./hash.ts";
import {
  compareBallots,
  sameBallot,
  type Ballot,
  type NodeId,
  type Slot,
  type Tick,
} from "./identifiers.ts";
import type { Candidate, Follower, Leading } from "./legislator-state.ts";
import { limits } from "./limits.ts";
import type { Accept, Promised, Report, Resynchronize } from "./messages.ts";
import { majorityReached } from "./quorum.ts";
import { sortedIds } from "./republic.ts";

/** Begins to lead on the log that was adopted; the ballot's promises stand. */
export function lead(chamber: Chamber, candidate: Candidate, adoptedBallot: Ballot): void {
  const { state, log, republic } = chamber;
  const { ballot } = candidate;
  const adoptedLength = log.length;
  assert(
    sameBallot(ballot, state.promised),
    "who leads has promised its own ballot, and no higher",
  );
  assert(compareBallots(adoptedBallot, ballot) < 0, "what is adopted was accepted before");
  state.accepted = ballot;
  const role: Leading = {
    kind: "leading",
    ballot,
    adoptedBallot,
    adoptedLength,
    opening: log.endsInStopSign ? 0 : adoptedLength + 1,
    timeBase: log.last?.time ?? republic.time,
    since: state.now,
    followers: new Map(),
    queue: [],
    queueBytes: 0,
    bursts: [],
    burstAt: state.now,
    expected: new Map(),
    pendingSince: null,
    decidedTold: 0,
    barriersWaiting: [],
    barrierRound: null,
    barrierRounds: 0,
    handingOver: null,
    exiling: [],
    swapping: null,
  };
  for (const id of sortedIds(chamber.otherSeats())) {
    role.followers.set(id, {
      synchronized: false,
      accepted: 0,
      sent: 0,
      acceptedAtReport: -1,
      slotsSent: null,
    });
  }
  for (const { value } of log.from(republic.slot + 1)) expectNext(role, value);
  for (const value of state.inherited.splice(0)) enqueue(role, value);
  state.role = role;
  if (role.opening !== 0) append(chamber, role, [{ kind: "opening" }]);
  state.confirmed = log.length;
  role.pendingSince = state.now;
  for (const [from, { accepted, intact, decided }] of candidate.promises) {
    synchronize(chamber, role, from, { accepted, length: intact, decided });
  }
}

function expectNext(role: Leading, value: Value): void {
  if (value.kind === "batch") role.expected.set(value.publisher, value.sequence + value.count);
}

function append(chamber: Chamber, role: Leading, values: readonly Value[]): void {
  const { state, log } = chamber;
  assert(!log.endsInStopSign, "nothing is proposed after a stop-sign");
  assert(values.length >= 1, "something is proposed");
  const slotFirst = log.length + 1;
  let before = log.hashAt(log.length);
  let { time } = log.last ?? chamber.republic;
  const elapsed = Math.floor(role.timeBase + (state.now - role.since));
  const decrees = values.map((value, at): Decree => {
    time = Math.max(time, elapsed);
    const unhashed = { slot: slotFirst + at, time, when: chamber.when, value };
    before = hashDecree(before, unhashed);
    return { ...unhashed, hash: before };
  });
  chamber.stage(slotFirst, decrees);
  state.confirmed = log.length;
}

/** Whether an own decree is decided: all that was decided before it is applied here by then. */
export function hasOpened({ republic }: Chamber, { opening }: Leading): boolean {
  return opening !== 0 && republic.slot >= opening;
}

/** Whether a value is queued here or undecided. */
export function isProposed(
  chamber: Chamber,
  role: Leading,
  matches: (value: Value) => boolean,
): boolean {
  if (role.queue.some(matches)) return true;
  return chamber.log.from(chamber.republic.slot + 1).some(({ value }) => matches(value));
}

/** Whether there is no room for what nobody waits for. */
export function isFull(role: Leading): boolean {
  return role.queue.length >= limits.queueValuesMax;
}

/** Puts a value into the leader's queue; proposed at the end of the step when there is room. */
export function enqueue(role: Leading, value: Value): void {
  assert(role.queue.length < 2 * limits.queueValuesMax, "the queue is bounded");
  role.queue.push(value);
  if (value.kind === "batch") role.queueBytes += value.size;
  expectNext(role, value);
}

/**
 * Proposes what is queued, as far as the window of undecided slots has room, and tells followers.
 */
export function propose(chamber: Chamber): void {
  const { state, log, republic } = chamber;
  const { role } = state;
  if (role.kind !== "leading") return;
  const values: Value[] = [];
  let { bytes } = log;
  let slots = log.length - republic.slot;
  while ((role.bursts[0] ?? Infinity) <= republic.slot) role.bursts.shift();
  let closed = holdsBack(chamber, role);
  while (!closed && slots < limits.slotsInFlightMax && bytes < limits.bytesInFlightMax) {
    const value = role.queue.shift();
    if (value === undefined) break;
    values.push(value);
    slots += 1;
    if (value.kind === "batch") {
      bytes += value.size;
      role.queueBytes -= value.size;
    }
    closed = value.kind === "succession";
  }
  assert(role.queueBytes >= 0, "bytes leave the queue as they came");
  if (values.length > 0) {
    append(chamber, role, values);
    role.bursts.push(log.length);
    role.burstAt = state.now;
  }
  if (role.pendingSince === null && log.length > republic.slot) role.pendingSince = state.now;
  tellFollowers(chamber, role);
}

function holdsBack({ log, state }: Chamber, role: Leading): boolean {
  // The successor is to catch up before it is told.
  const isLeaving = log.endsInStopSign || role.handingOver?.told === false;
  return isLeaving || gathersOn(role, state.now);
}

/**
 * Whether what is queued waits for company: many publishers with little each cost every member a
 * message, a step and a write for each of them, or for what gathered while others were under way.
 * Not for long, since followers may be far away.
 */
function gathersOn({ bursts, burstAt, queue, queueBytes }: Leading, now: Tick): boolean {
  const isLittle = queue.length < limits.burstValuesEnough && queueBytes < limits.burstBytesEnough;
  const isMuchUnderWay = bursts.length >= limits.burstsInFlightMax;
  return isLittle && isMuchUnderWay && now - burstAt < limits.burstTicksMax;
}

/** Until when what is queued waits for company; null: it does not. */
export function gathersUntil({ state: { role, now } }: Chamber): Tick | null {
  if (role.kind !== "leading" || role.queue.length === 0 || !gathersOn(role, now)) return null;
  return role.burstAt + limits.burstTicksMax;
}

/**
 * Sends each synchronized follower what it was not sent yet, or else how far the log is decided.
 */
function tellFollowers(chamber: Chamber, role: Leading): void {
  const { log, republic } = chamber;
  const decided = republic.slot;
  const { ballot } = role;
  // One message for all who were sent equally much: the shell then encodes it once.
  let accepts: Map<Slot, Accept> | null = null;
  for (const [id, follower] of role.followers) {
    if (!follower.synchronized || isSpared(chamber, id)) continue;
    assert(follower.sent <= log.length, "nobody was sent what is not in the log");
    if (follower.sent < log.length && follower.sent >= decided) {
      accepts ??= new Map<Slot, Accept>();
      let accept = accepts.get(follower.sent);
      if (accept === undefined) {
        accept = { kind: "accept", ballot, decrees: log.from(follower.sent + 1), decided };
        accepts.set(follower.sent, accept);
      }
      chamber.send(id, accept);
      follower.sent = log.length;
    } else if (follower.sent < decided) {
      // Decided without it before it was sent: it catches up first, and is synchronized again.
      follower.synchronized = false;
    } else if (role.decidedTold < decided) {
      chamber.send(id, { kind: "decide", ballot, decided });
    }
  }
  role.decidedTold = decided;
}

/**
 * Whether a follower is sent nothing more, since its disk has no room and the others are enough.
 * Where they are not, all that was taken still goes to everybody.
 */
function isSpared(chamber: Chamber, id: NodeId): boolean {
  return lacksRoom(chamber, id) && canStore(chamber);
}

/** Makes a follower's log equal to the leader's from the last slot that both surely share. */
export function synchronize(
  chamber: Chamber,
  role: Leading,
  to: NodeId,
  held: Pick<Promised, "accepted" | "length" | "decided">,
): void {
  const { log, republic } = chamber;
  const follower = role.followers.get(to);
  if (follower === undefined) return;
  let shared = held.decided;
  if (sameBallot(held.accepted, role.ballot)) {
    shared = Math.max(shared, held.length);
  } else if (sameBallot(held.accepted, role.adoptedBallot)) {
    shared = Math.max(shared, Math.min(held.length, role.adoptedLength));
  }
  if (shared > log.length) return;
  if (shared < republic.slot) {
    // It learns only what continues what it has decided itself, whatever more it holds. When that
    // is all it lacks, the undecided rest follows at once: under load it would never catch up with
    // what is decided between two reports.
    follower.synchronized = false;
    if (!sendDecided(chamber, follower, { to, slotFirst: held.decided + 1 })) return;
    shared = republic.slot;
  }
  const { ballot } = role;
  const hashBefore = log.hashAt(shared);
  const decrees = log.from(shared + 1);
  const decided = republic.slot;
  chamber.send(to, {
    kind: "synchronize",
    ballot,
    slotFirst: shared + 1,
    hashBefore,
    decrees,
    decided,
  });
  follower.synchronized = true;
  follower.sent = log.length;
}

/**
 * Sends what is decided without repeating itself while the same may still be under way; whether all
 * of it is sent now.
 */
function sendDecided(
  chamber: Chamber,
  follower: Follower,
  { to, slotFirst }: { readonly to: NodeId; readonly slotFirst: Slot },
): boolean {
  const { round } = chamber.state;
  const { slotsSent } = follower;
  const isUnderWay = slotsSent !== null && round - slotsSent.round < chamber.silenceRounds;
  if (isUnderWay && slotsSent.slotFirst === slotFirst) return false;
  follower.slotsSent = { slotFirst, round };
  return chamber.sendSlots(to, slotFirst) === chamber.republic.slot;
}

export function onAccepted(chamber: Chamber, from: NodeId, ballot: Ballot, length: Slot): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || !sameBallot(ballot, role.ballot)) return;
  const follower = role.followers.get(from);
  if (follower === undefined || length <= follower.accepted || length > chamber.log.length) return;
  follower.accepted = length;
  countVotes(chamber);
}

export function onResynchronize(chamber: Chamber, from: NodeId, asked: Resynchronize): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || !sameBallot(asked.ballot, role.ballot)) return;
  synchronize(chamber, role, from, asked);
}

/** Decides what a majority of the parliament durably holds in this leader's own ballot. */
export function countVotes(chamber: Chamber): void {
  const { state, republic } = chamber;
  const { role, durable } = state;
  if (role.kind !== "leading") return;
  const own = sameBallot(durable.accepted, role.ballot) ? durable.length : 0;
  const held = [own, ...[...role.followers.values()].map(({ accepted }) => accepted)];
  const decided = majorityReached(held);
  if (decided <= republic.slot) return;
  assert(decided <= chamber.log.length, "only what was proposed is decided");
  assert(held.length === republic.government?.parliament.length, "each seat counts once");
  const { ballot, followers } = role;
  chamber.decide(decided);
  role.pendingSince = chamber.log.length > decided ? state.now : null;
  if (state.role === role) return;
  bequeath(chamber, role);
  // The stop-sign is decided: this government is over, and its members are told so.
  for (const [id, { synchronized }] of followers) {
    if (synchronized) chamber.send(id, { kind: "decide", ballot, decided });
  }
}

/** What waited for the stop-sign to be decided moves over, when this node goes on to lead. */
function bequeath(chamber: Chamber, { queue }: Leading): void {
  const { state, republic } = chamber;
  assert(state.inherited.length === 0, "one government is left at a time");
  if (republic.government?.leader !== chamber.id) return;
  for (const value of queue) if (value.kind !== "succession") state.inherited.push(value);
}

/** Asks for a promise: of everybody as a candidate, as a leader of members that come late. */
export function prepare(chamber: Chamber, ballot: Ballot, to: NodeId): void {
  const { state, log, republic } = chamber;
  const { accepted } = state;
  const { length } = log;
  assert(
    sameBallot(ballot, state.durable.promised),
    "a ballot is durable before others hear of it",
  );
  chamber.send(to, { kind: "prepare", ballot, accepted, length, decided: republic.slot });
}

/** What a member attests beside its pings; it may have been told before and got lost. */
export function onMemberReport(
  chamber: Chamber,
  role: Leading,
  from: NodeId,
  report: Report,
): void {
  if (compareBallots(report.promised, role.ballot) < 0) {
    prepare(chamber, role.ballot, from);
    return;
  }
  const follower = role.followers.get(from);
  if (follower === undefined) return;
  if (sameBallot(report.accepted, role.ballot)) {
    onAccepted(chamber, from, role.ballot, report.length);
  }
  if (chamber.state.role === role) repair(chamber, role, { from, follower, report });
}

/** Sends again what got lost: nothing moved between two reports though more had been sent. */
function repair(
  chamber: Chamber,
  role: Leading,
  { from, follower, report }: { from: NodeId; follower: Follower; report: Report },
): void {
  if (isSpared(chamber, from)) return;
  const stuck =
    follower.accepted < follower.sent && follower.acceptedAtReport === follower.accepted;
  follower.acceptedAtReport = follower.accepted;
  assert(follower.accepted <= chamber.log.length, "nobody accepts what was not proposed");
  if (!follower.synchronized || stuck) synchronize(chamber, role, from, report);
}
