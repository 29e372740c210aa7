/**
 * Candidate and leader: wins a ballot, carries forward what earlier ballots may have chosen, and then
 * proposes, counts and tells (Haridi, Kroll, Carbone, "Lecture Notes on Leader-based Sequence Paxos").
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import type { Decree, Value } from "./decree.ts";
import { hashDecree } from "./hash.ts";
import { compareBallots, sameBallot, type Ballot, type NodeId, type Slot } from "./identifiers.ts";
import { chains, fetch, firstNew } from "./learner.ts";
import type { Candidate, Follower, Leading } from "./legislator-state.ts";
import { limits } from "./limits.ts";
import type { Accept, Promised, Refused, Report, Resynchronize } from "./messages.ts";
import { majorityReached } from "./quorum.ts";
import { sortedIds } from "./republic.ts";
import { stepDown } from "./step-down.ts";

/** Raises the ballot above everything seen, and promises it to itself before telling anybody. */
export function campaign(chamber: Chamber): void {
  const { state, republic } = chamber;
  const { government } = republic;
  assert(government !== null && republic.seats(chamber.id), "only members campaign");
  let round = state.promised.government === government.number ? state.promised.round : 0;
  for (const { report, refused } of state.peers.values()) {
    for (const ballot of [report?.promised, report?.leading, refused]) {
      if (ballot?.government === government.number) round = Math.max(round, ballot.round);
    }
  }
  const ballot: Ballot = { government: government.number, round: round + 1, id: chamber.id };
  assert(compareBallots(ballot, state.promised) > 0, "a ballot is led by one life only, ever");
  state.promised = ballot;
  state.owed = null;
  state.attempts = Math.min(state.attempts + 1, 8);
  const { now } = state;
  state.role = { kind: "candidate", ballot, since: now, prepared: false, promises: new Map() };
}

/** Something became durable: a candidate's own promise lets it prepare, a leader's own vote counts. */
export function onOwnDurable(chamber: Chamber): void {
  const { state } = chamber;
  const { role, durable } = state;
  if (role.kind === "candidate") {
    if (!role.prepared && sameBallot(durable.promised, role.ballot)) {
      role.prepared = true;
      for (const id of chamber.otherSeats()) prepare(chamber, role.ballot, id);
    }
    maybeLead(chamber);
  } else if (role.kind === "leading") {
    countVotes(chamber);
  }
}

function prepare(chamber: Chamber, ballot: Ballot, to: NodeId): void {
  const { state, log, republic } = chamber;
  const { accepted } = state;
  const { length } = log;
  chamber.send(to, { kind: "prepare", ballot, accepted, length, decided: republic.slot });
}

export function onPromised(chamber: Chamber, from: NodeId, promised: Promised): void {
  const { role } = chamber.state;
  if (role.kind === "stateless" || role.kind === "constituent" || role.kind === "follower") return;
  if (!sameBallot(promised.ballot, role.ballot) || !chamber.otherSeats().includes(from)) return;
  if (role.kind === "leading") {
    synchronize(chamber, role, from, promised);
    return;
  }
  if (!role.prepared) return;
  role.promises.set(from, promised);
  maybeLead(chamber);
}

export function onRefused(chamber: Chamber, from: NodeId, { ballot, promised }: Refused): void {
  const { role, promised: own } = chamber.state;
  if (role.kind !== "candidate" && role.kind !== "leading") return;
  if (!sameBallot(ballot, role.ballot) || !chamber.otherSeats().includes(from)) return;
  if (compareBallots(promised, own) <= 0) return;
  // Named in a refusal: the next ballot must be above it, but a refusal alone never raises one.
  const peer = chamber.peer(from);
  if (compareBallots(promised, peer.refused) > 0) peer.refused = promised;
  stepDown(chamber);
  // Whoever was promised has begun already: racing it at once would only prolong the duel.
  chamber.state.notBefore = chamber.state.now + chamber.options.pingTicks;
}

/** With promises of a majority: adopts the highest log among them, and leads. */
export function maybeLead(chamber: Chamber): void {
  const { state, republic, log } = chamber;
  const { role } = state;
  if (role.kind !== "candidate" || !role.prepared) return;
  if (role.promises.size + 1 < chamber.majority()) return;
  let best: { from: NodeId; promised: Promised } | null = null;
  for (const [from, promised] of role.promises) {
    const against = best?.promised ?? { accepted: state.accepted, length: log.length };
    if (isHigher(promised, against)) best = { from, promised };
  }
  const adoptedBallot = best?.promised.accepted ?? state.accepted;
  if (best !== null && !adopt(chamber, role, best)) return;
  lead(chamber, role, adoptedBallot);
  assert(republic.slot <= log.length, "a leader holds what is decided");
}

type LogRank = Pick<Promised, "accepted" | "length">;

function isHigher(left: LogRank, right: LogRank): boolean {
  const ballots = compareBallots(left.accepted, right.accepted);
  return ballots !== 0 ? ballots > 0 : left.length > right.length;
}

/**
 * Makes the own log that of the highest promise. False while decided slots that it builds on are
 * missing here: they are fetched first.
 */
function adopt(
  chamber: Chamber,
  role: Candidate,
  { from, promised }: { from: NodeId; promised: Promised },
): boolean {
  const { republic } = chamber;
  if (promised.decided > republic.slot) {
    fetch(chamber, from);
    return false;
  }
  const fresh = promised.decrees.filter(({ slot }) => slot > republic.slot);
  const reaches = republic.slot + fresh.length === Math.max(promised.length, republic.slot);
  if (!reaches || !chains(chamber, fresh, republic.slot)) {
    // It was not sent what it should have been, or contradicts what is decided: no promise to us.
    role.promises.delete(from);
    return false;
  }
  const at = firstNew(chamber, fresh);
  chamber.stage(republic.slot + 1 + at, fresh.slice(at));
  return true;
}

function lead(chamber: Chamber, candidate: Candidate, adoptedBallot: Ballot): void {
  const { state, log, republic } = chamber;
  const { ballot } = candidate;
  const adoptedLength = log.length;
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
    expected: new Map(),
    pendingSince: null,
    decidedTold: 0,
    barriersWaiting: [],
    barrierRound: null,
    barrierRounds: 0,
    handingOver: null,
    exiling: [],
  };
  for (const id of sortedIds(chamber.otherSeats())) {
    role.followers.set(id, {
      synchronized: false,
      accepted: 0,
      sent: 0,
      acceptedAtReport: -1,
      transfer: null,
    });
  }
  for (const { value } of log.from(republic.slot + 1)) expectNext(role, value);
  for (const value of state.inherited.splice(0)) enqueue(role, value);
  state.role = role;
  if (role.opening !== 0) append(chamber, role, [{ kind: "opening" }]);
  state.confirmed = log.length;
  role.pendingSince = state.now;
  for (const [from, promised] of candidate.promises) synchronize(chamber, role, from, promised);
}

function expectNext(role: Leading, value: Value): void {
  if (value.kind === "batch") role.expected.set(value.publisher, value.sequence + value.count);
}

function append(chamber: Chamber, role: Leading, values: readonly Value[]): void {
  const { state, log } = chamber;
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

/** Whether a value is queued here or undecided. */
export function isProposed(
  chamber: Chamber,
  role: Leading,
  matches: (value: Value) => boolean,
): boolean {
  if (role.queue.some(matches)) return true;
  return chamber.log.from(chamber.republic.slot + 1).some(({ value }) => matches(value));
}

/** Puts a value into the leader's queue; proposed at the end of the step when there is room. */
export function enqueue(role: Leading, value: Value): void {
  role.queue.push(value);
  if (value.kind === "batch") role.queueBytes += value.size;
  expectNext(role, value);
}

/** Proposes what is queued, as far as the window of undecided slots has room, and tells followers. */
export function propose(chamber: Chamber): void {
  const { state, log } = chamber;
  const { role } = state;
  if (role.kind !== "leading") return;
  const values: Value[] = [];
  let { bytes } = log;
  let slots = log.length - chamber.republic.slot;
  let closed = log.endsInStopSign || role.handingOver !== null;
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
  if (values.length > 0) append(chamber, role, values);
  if (role.pendingSince === null && log.length > chamber.republic.slot) {
    role.pendingSince = state.now;
  }
  tellFollowers(chamber, role);
}

/** Sends each synchronized follower what it was not sent yet, or else how far the log is decided. */
function tellFollowers(chamber: Chamber, role: Leading): void {
  const { log, republic } = chamber;
  const decided = republic.slot;
  const { ballot } = role;
  // One message for all who were sent equally much: the shell then encodes it once.
  const accepts = new Map<Slot, Accept>();
  for (const [id, follower] of role.followers) {
    if (!follower.synchronized) continue;
    if (follower.sent < log.length && follower.sent >= decided) {
      const decrees = log.from(follower.sent + 1);
      const accept = accepts.get(follower.sent) ?? { kind: "accept", ballot, decrees, decided };
      accepts.set(follower.sent, accept);
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

/** Makes a follower's log equal to the leader's from the last slot that both surely share. */
function synchronize(
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
    follower.synchronized = false;
    sendDecided(chamber, follower, { to, slotFirst: shared + 1 });
    return;
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

/** Sends what is decided without repeating itself while the same may still be under way. */
function sendDecided(
  chamber: Chamber,
  follower: Follower,
  { to, slotFirst }: { readonly to: NodeId; readonly slotFirst: Slot },
): void {
  const { round } = chamber.state;
  const { transfer } = follower;
  const isUnderWay = transfer !== null && round - transfer.round < chamber.silenceRounds;
  if (isUnderWay && transfer.slotFirst === slotFirst) return;
  follower.transfer = { slotFirst, round };
  chamber.transfer(to, slotFirst);
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
function countVotes(chamber: Chamber): void {
  const { state, republic } = chamber;
  const { role, durable } = state;
  if (role.kind !== "leading") return;
  const own = sameBallot(durable.accepted, role.ballot) ? durable.length : 0;
  const held = [own, ...[...role.followers.values()].map(({ accepted }) => accepted)];
  const decided = majorityReached(held);
  if (decided <= republic.slot) return;
  const { ballot, followers } = role;
  chamber.decide(decided);
  role.pendingSince = chamber.log.length > decided ? state.now : null;
  if (state.role === role) return;
  bequeath(chamber, role);
  // The stop-sign is decided: this government is over, and its members are told so.
  for (const [id, { synchronized }] of followers) {
    if (synchronized) chamber.send(id, { kind: "decide", ballot, decided });
  }
  for (const barrier of [...(role.barrierRound?.barriers ?? []), ...role.barriersWaiting]) {
    chamber.answerBarrier(barrier, null);
  }
}

/** What waited behind the stop-sign moves over, when this node goes on to lead. */
function bequeath(chamber: Chamber, { queue }: Leading): void {
  const { state, republic } = chamber;
  if (republic.government?.leader !== chamber.id) return;
  for (const value of queue) if (value.kind !== "succession") state.inherited.push(value);
}

/** A report of a member doubles as promise and accepted, so that a lost one costs a ping. */
export function onFollowerReport(chamber: Chamber, from: NodeId, report: Report): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" && role.kind !== "candidate") return;
  if (!chamber.otherSeats().includes(from)) return;
  if (report.government !== role.ballot.government) return;
  const ballots = compareBallots(report.promised, role.ballot);
  if (ballots > 0) {
    // As good as a refusal: without it, an idle leader would be left short of a vote unnoticed.
    const { ballot } = role;
    onRefused(chamber, from, { kind: "refused", ballot, promised: report.promised });
    return;
  }
  if (role.kind === "candidate") {
    if (role.prepared && !role.promises.has(from)) prepare(chamber, role.ballot, from);
    maybeLead(chamber);
    return;
  }
  if (ballots < 0) prepare(chamber, role.ballot, from);
  if (ballots !== 0) return;
  const follower = role.followers.get(from);
  if (follower === undefined) return;
  if (sameBallot(report.accepted, role.ballot))
    onAccepted(chamber, from, role.ballot, report.length);
  if (chamber.state.role === role) repair(chamber, role, { from, follower, report });
}

/** Sends again what got lost: nothing moved between two reports though more had been sent. */
function repair(
  chamber: Chamber,
  role: Leading,
  { from, follower, report }: { from: NodeId; follower: Follower; report: Report },
): void {
  const stuck =
    follower.accepted < follower.sent && follower.acceptedAtReport === follower.accepted;
  follower.acceptedAtReport = follower.accepted;
  if (!follower.synchronized || stuck) synchronize(chamber, role, from, report);
}
