/**
 * Ballot leader election (Ng, Haridi, Carbone, "Omni-Paxos", EuroSys 2023, §4): who is heard, who
 * is fit to lead, and when to take over. Electing is not agreeing: nothing here can break safety.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { anotherIsLed, attestedLog, isEndorsed, newChoice, voice } from "./endorsing.ts";
import { couldLead, fitLeader, higher, isQuorumConnected, isTimely, ownBallot } from "./fitness.ts";
import {
  compareBallots,
  compareIds,
  sameBallot,
  type Ballot,
  type Cookie,
  type NodeId,
  type Tick,
} from "./identifiers.ts";
import { catchUp, fetch, isFetching } from "./learner.ts";
import type { Answer, Heard, Ping, Pong, Report, TakeOver } from "./messages.ts";
import { campaign, onReport } from "./candidate.ts";
import { stepDown } from "./step-down.ts";
import { checkOwnDisk, compareState, hear, heardLength, mayVote } from "./vouching.ts";

/** Rounds between two durable notes of what was heard of peers. */
const noteRounds = 20;

/** So much later comes an answer that is the next ping; it must not look like silence. */
const lateRounds = 2;

/** Time has passed: begins a new round of pings when one is due. */
export function onEvent(chamber: Chamber, jitter: number): void {
  const { state, options } = chamber;
  if (state.role.kind === "stateless" && state.joining === null) return;
  if (state.now < state.roundAt) return;
  // Lag counts when it has lasted a whole round: a ping may have overtaken the bulk.
  const decidedBefore = state.decidedAtRound;
  state.decidedAtRound = highestDecided(chamber);
  beginRound(chamber);
  state.roundAt = state.now + options.pingTicks;
  // Notes can wait for room: what is left of it is for promises and elections.
  const isNoteDue = state.heardChanged && state.hasRoom && state.round % noteRounds === 0;
  if (isNoteDue) chamber.noteHeard();
  judgeOwnRole(chamber, jitter);
  catchUp(chamber, decidedBefore);
  considerTakeOver(chamber);
}

/** A connection was lost: asks at once who is still there, instead of waiting for silence. */
export function onSent(chamber: Chamber, to: NodeId): void {
  const { state } = chamber;
  if (!state.peers.has(to)) return;
  chamber.peer(to).missed = chamber.silenceRounds;
  if (state.role.kind === "leading") {
    const follower = state.role.followers.get(to);
    if (follower !== undefined) follower.synchronized = false;
  }
  if (!chamber.hasSeat) return;
  pingAll(chamber);
}

function beginRound(chamber: Chamber): void {
  const { state } = chamber;
  state.round += 1;
  const pinged = whomToPing(chamber);
  for (const [id, peer] of state.peers) {
    peer.missed = Math.min(peer.missed + 1, chamber.silenceRounds);
    // Whoever was not asked was not silent.
    peer.silent = pinged.includes(id) ? peer.silent + 1 : 0;
  }
  ping(
    chamber,
    pinged.filter((id) => !isAsked(chamber, id)),
  );
}

/** Out of turn, when there is news: of a lost connection, or that this node leads now. */
export function pingAll(chamber: Chamber): void {
  ping(chamber, whomToPing(chamber));
}

function ping(chamber: Chamber, to: readonly NodeId[]): void {
  const { round } = chamber.state;
  const report = reportOf(chamber);
  for (const id of to) {
    chamber.send(id, { kind: "ping", round, report, answer: answerTo(chamber, id) });
  }
}

/** To the last pong of a member; it is no use to another incarnation under its id. */
function answerTo(chamber: Chamber, id: NodeId): Answer | null {
  const { toAnswer } = chamber.peer(id);
  const citizen = chamber.republic.member(id);
  if (toAnswer === null || citizen === null) return null;
  return { ...toAnswer, heard: heardOf(chamber, citizen) };
}

/**
 * Of two that ping each other, the lower id asks while all is well: the other one's pong was as
 * good as a ping, and the next ping answers it. Two messages a round in place of four.
 */
function isAsked(chamber: Chamber, id: NodeId): boolean {
  const { silenceRounds } = chamber;
  const { answeredRound, missed } = chamber.peer(id);
  assert(answeredRound <= chamber.state.round, "a round answers no ping before it began");
  const isAnswered =
    answeredRound === chamber.state.round - 1 && missed + lateRounds <= silenceRounds / 2;
  return isAnswered && compareIds(id, chamber.id) < 0;
}

/**
 * Everybody pings the parliament; a leader also the constituents, to know whom to seat; and a
 * newcomer whom it was told to ask. Who has no seat and hears its leader asks the others seldom:
 * there may be many such, and each would cost every seat as much as a seat does.
 */
function whomToPing(chamber: Chamber): readonly NodeId[] {
  const { republic, state } = chamber;
  if (state.role.kind === "leading") {
    return republic.members.map(({ id }) => id).filter((id) => id !== chamber.id);
  }
  const { contacts } = chamber;
  if (contacts.length > 0) return [...new Set([...chamber.otherSeats(), ...contacts])];
  const isRest = !chamber.hasSeat && state.round % restRounds(chamber) !== 0;
  const leader = isRest ? (fitLeader(chamber)?.id ?? null) : null;
  return leader !== null && chamber.hearsStill(leader) ? [leader] : chamber.otherSeats();
}

/** So seldom that a peer asked so, of whom one answer is lost, is still heard. */
function restRounds({ silenceRounds }: Chamber): number {
  return Math.max(1, Math.floor(silenceRounds / 2) - 1);
}

/** What this node says of itself; everything that it attests here is durable. */
function reportOf(chamber: Chamber): Report {
  const { state, republic } = chamber;
  const log = attestedLog(chamber);
  const decided = republic.slot;
  const length = heardLength({ decided, length: log.length });
  state.lengthReported = Math.max(state.lengthReported, length);
  return {
    government: republic.government?.number ?? 0,
    promised: state.durable.promised,
    ...log,
    decided,
    stateHash: republic.stateHash,
    leading: ownBallot(chamber),
    quorumConnected: isQuorumConnected(chamber),
    timely: isTimely(chamber),
    hasRoom: state.hasRoom,
    ...voice(chamber),
    starts: chamber.options.starts,
    machine: state.machineMarks.at(-1) ?? null,
  };
}

/** The ballot of who leads: of this node, of whom it hears, or of whom those it hears hear. */
export function knownBallot(chamber: Chamber): Ballot | null {
  const { role, peers } = chamber.state;
  if (role.kind === "leading") return role.ballot;
  const fit = fitLeader(chamber);
  if (fit !== null) return fit;
  let highest: Ballot | null = null;
  for (const [id, { report }] of peers) {
    if (report === null || !chamber.hears(id)) continue;
    highest = higher(highest, report.leading ?? report.hearsFit);
  }
  return highest;
}

/** Who leads, as far as this node knows; a mere candidate does not take itself for a leader. */
export function knownLeader(chamber: Chamber): NodeId | null {
  const ballot = knownBallot(chamber);
  const isOnlyCandidate = chamber.state.role.kind !== "leading" && ballot?.id === chamber.id;
  return isOnlyCandidate ? null : (ballot?.id ?? null);
}

export function onPing(chamber: Chamber, from: { id: NodeId; cookie: Cookie }, ping: Ping): void {
  if (chamber.knows(from)) {
    chamber.peer(from.id).answeredRound = chamber.state.round;
    const { answer } = ping;
    if (answer !== null && isOfLate(chamber, answer)) takeAnswer(chamber, from.id, answer);
    if (chamber.halted) return;
    answerPing(chamber, from, ping);
    takeReport(chamber, from, ping.report);
    considerTakeOver(chamber);
    return;
  }
  if (chamber.republic.member(from.id) === null) answerPing(chamber, from, ping);
  else if (chamber.republic.departed(from.id, from.cookie) !== null) tellAhead(chamber, from.id);
  // Admitted behind our back, perhaps: all whom this node knows may have left the republic since.
  // Whoever is a member goes first: this one may be out of reach.
  const isAhead = ping.report.decided > chamber.republic.slot;
  if (isAhead && !isFetching(chamber)) fetch(chamber, from.id);
}

/**
 * To an exiled incarnation whose id is another's by now, so that it fetches, and learns of its
 * exile. No pong: the other one may get it, and would take it for its own.
 */
function tellAhead(chamber: Chamber, to: NodeId): void {
  const { government, slot } = chamber.republic;
  if (government === null) return;
  chamber.send(to, { kind: "ahead", government: government.number, decided: slot });
}

function heardOf(
  { state }: Chamber,
  { id, cookie }: { readonly id: NodeId; readonly cookie: Cookie },
): Heard | null {
  const heard = state.heard.get(id);
  return heard !== undefined && heard.cookie === cookie ? heard : null;
}

function answerPing(
  chamber: Chamber,
  { id, cookie }: { readonly id: NodeId; readonly cookie: Cookie },
  { round, report: { starts } }: Ping,
): void {
  const answer = { starts, round, heard: heardOf(chamber, { id, cookie }) };
  const own = chamber.state.round;
  chamber.send(id, { kind: "pong", round: own, report: reportOf(chamber), answer });
}

export function onPong(chamber: Chamber, from: { id: NodeId; cookie: Cookie }, pong: Pong): void {
  if (!isOfLate(chamber, pong.answer)) return;
  if (!chamber.knows(from)) {
    if (pong.report.decided > chamber.republic.slot) fetch(chamber, from.id);
    // What the log knows under this id is another incarnation.
    if (chamber.republic.member(from.id) !== null) return;
  }
  chamber.peer(from.id).toAnswer = { starts: pong.report.starts, round: pong.round };
  takeAnswer(chamber, from.id, pong.answer);
  takeReport(chamber, from, pong.report);
  considerTakeOver(chamber);
}

/** The peer heard what was sent in a round of late, and says what it knows of this node. */
function takeAnswer(chamber: Chamber, from: NodeId, answer: Answer): void {
  const peer = chamber.peer(from);
  assert(answer.round <= chamber.state.round, "nobody answers what was not asked yet");
  const age = chamber.state.round - answer.round;
  peer.missed = Math.min(peer.missed, age);
  peer.silent = Math.min(peer.silent, age);
  checkOwnDisk(chamber, from, answer.heard);
}

function isOfLate({ state, options, silenceRounds }: Chamber, answer: Answer): boolean {
  const { starts, round } = answer;
  const isRecent = round <= state.round && round > state.round - silenceRounds;
  return isRecent && starts === options.starts;
}

/** What any report tells: of the peer's attestations, its state, and whether it needs something. */
function takeReport(chamber: Chamber, from: { id: NodeId; cookie: Cookie }, report: Report): void {
  const peer = chamber.peer(from.id);
  // Reports may be overtaken; an older one never replaces what is known.
  const before = peer.report;
  if (before !== null && isOlder(report, before)) return;
  peer.report = report;
  hear(chamber, from.id, from.cookie, report);
  const { government } = chamber.republic;
  if (government === null) return;
  // Who has no seat keeps to whom it asked: the leader, whose pings say it, is to be spared.
  const mayAsk = chamber.hasSeat || !isFetching(chamber);
  if (report.government > government.number && mayAsk) fetch(chamber, from.id);
  compareState(chamber, from.id, report);
  onReport(chamber, from.id, report);
}

function isOlder(left: Report, right: Report): boolean {
  if (left.starts !== right.starts) return left.starts < right.starts;
  const promised = compareBallots(left.promised, right.promised);
  return promised !== 0 ? promised < 0 : left.decided < right.decided;
}

/** A leader or candidate that is not heard, or gets nothing done, gives way by itself. */
function judgeOwnRole(chamber: Chamber, jitter: number): void {
  const { state, options } = chamber;
  if (state.role.kind !== "leading" && state.role.kind !== "candidate") return;
  if (isQuorumConnected(chamber) && isTimely(chamber)) return;
  stepDown(chamber);
  state.notBefore = state.now + Math.ceil((1 + jitter * state.attempts) * options.pingTicks);
}

/**
 * Takes over when this node hears a majority and no fit leader, and nobody it hears hears one
 * either: so that whoever can be led from elsewhere is not disturbed. With the voices of a majority
 * at once, without them later.
 */
export function considerTakeOver(chamber: Chamber): void {
  const { state } = chamber;
  if (state.role.kind !== "follower" || chamber.halted) return;
  if (fitLeader(chamber) !== null) {
    state.attempts = 0;
    state.choice = null;
    state.freeSince = null;
    return;
  }
  tellChoice(chamber);
  if (!couldLead(chamber) || anotherIsLed(chamber)) {
    state.freeSince = null;
    return;
  }
  state.freeSince ??= state.now;
  if (isNamed(chamber) || isEndorsed(chamber) || hasWaited(chamber, state.freeSince)) {
    campaign(chamber);
  }
}

/** Says whom this node would have lead, instead of with the next ping. */
function tellChoice(chamber: Chamber): void {
  const chosen = newChoice(chamber);
  if (chosen === null) return;
  ping(chamber, [chosen]);
}

/** The government in force names its first leader, which has the others' voices by that. */
function isNamed(chamber: Chamber): boolean {
  const { government } = chamber.republic;
  if (government === null || government.leader !== chamber.id) return false;
  return chamber.state.promised.government < government.number;
}

/** Whoever was chosen may not come: the others go on in the order of their seats. */
function hasWaited(chamber: Chamber, since: Tick): boolean {
  const { state, options, republic } = chamber;
  const seat = republic.government?.parliament.indexOf(chamber.id) ?? 0;
  assert(seat >= 0 && since <= state.now, "who waits has a seat, and began before");
  return state.now - since >= options.silenceTicks / 2 + seat * options.pingTicks;
}

/** The leader hands over: no need to wait for its silence. */
export function onTakeOver(chamber: Chamber, from: NodeId, { ballot }: TakeOver): void {
  const { state } = chamber;
  if (state.role.kind !== "follower" || ballot.id !== from) return;
  if (!sameBallot(ballot, state.promised) || !mayVote(chamber)) return;
  if (state.lostUpTo > 0) return;
  campaign(chamber);
}

function highestDecided(chamber: Chamber): number {
  let highest = 0;
  for (const [id, { report }] of chamber.state.peers) {
    if (chamber.hears(id) && report !== null) highest = Math.max(highest, report.decided);
  }
  return highest;
}
