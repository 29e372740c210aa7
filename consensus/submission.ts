/** What users ask of a leader: to have their batches decided, and to know what is decided now. */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { sameBatch, type Batch, type Registration } from "./decree.ts";
import { knownLeader } from "./election.ts";
import { canStore, isRoomiest, lacksRoom } from "./fitness.ts";
import type { NodeId } from "./identifiers.ts";
import type { BarrierRound, Leading } from "./legislator-state.ts";
import { limits } from "./limits.ts";
import type { Confirmed } from "./messages.ts";
import { enqueue, hasOpened, isProposed } from "./leader.ts";
import { sameBallot } from "./identifiers.ts";

export function onEnqueue(chamber: Chamber, value: Batch | Registration): void {
  const { role } = chamber.state;
  if (role.kind !== "leading") {
    const reason = chamber.republic.government === null ? "noRepublic" : "notLeading";
    chamber.refuse(reason, knownLeader(chamber));
    return;
  }
  if (value.kind === "batch" && !isNext(chamber, role, value)) return;
  if (!canStore(chamber)) {
    // Who has no room itself gives way to who has, and that takes only a moment.
    chamber.refuse(isRoomiest(chamber) ? "full" : "busy", chamber.id);
    return;
  }
  const bytes = value.kind === "batch" ? value.size : 0;
  const isBusy =
    role.queue.length >= limits.queueValuesMax || role.queueBytes + bytes > limits.queueBytesMax;
  if (isBusy) {
    chamber.refuse("busy", chamber.id);
    return;
  }
  enqueue(role, value);
  chamber.reply({ kind: "enqueued" });
}

/** Whether the batch is the publisher's next; if not, it is answered from what is known of it. */
function isNext(chamber: Chamber, role: Leading, batch: Batch): boolean {
  const settled = chamber.republic.outcomeOf(batch);
  if (settled?.kind === "unknownPublisher" && batch.publisher > chamber.republic.slot) {
    // A publisher is called by the slot of its registration, which another leader may have decided.
    chamber.refuse("busy", chamber.id);
    return false;
  }
  if (settled !== null && settled.kind !== "gap") {
    chamber.reply({ kind: "settled", effect: settled });
    return false;
  }
  const decidedNext =
    settled === null ? batch.sequence : settled.kind === "gap" ? settled.expected : 0;
  const expected = Math.max(role.expected.get(batch.publisher) ?? 0, decidedNext);
  if (batch.sequence > expected) {
    chamber.refuse("gap", chamber.id);
    return false;
  }
  if (batch.sequence === expected) return true;
  answerForFirst(chamber, role, batch);
  return false;
}

/**
 * The numbers are queued or undecided already. If it is the same batch, its effect answers for
 * both; for another one nothing can be told before the first is decided.
 */
function answerForFirst(chamber: Chamber, role: Leading, batch: Batch): void {
  const taken = role.expected.get(batch.publisher) ?? 0;
  assert(batch.sequence < taken, "a batch that is proposed has the numbers");
  const isSame = isProposed(chamber, role, (value) => {
    return value.kind === "batch" && sameBatch(value, batch);
  });
  if (isSame) chamber.reply({ kind: "enqueued" });
  else chamber.refuse("busy", chamber.id);
}

/** A request joins the *next* round of confirmations, never one already sent. */
export function onBarrier(chamber: Chamber, barrier: number): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || role.barriersWaiting.length >= limits.barriersMax) {
    chamber.answerBarrier(barrier, null);
    return;
  }
  role.barriersWaiting.push(barrier);
}

/**
 * Begins a round of confirmations when barriers wait: the read index is fixed first, and an own
 * decree must be decided, so that everything acknowledged before is below it.
 */
export function confirmBarriers(chamber: Chamber): void {
  const { state, republic } = chamber;
  const { role } = state;
  if (role.kind !== "leading" || role.barrierRound !== null) return;
  if (role.barriersWaiting.length === 0) return;
  if (!hasOpened(chamber, role)) return;
  role.barrierRounds += 1;
  const barriers = role.barriersWaiting.splice(0);
  startRound(chamber, role, { barriers, slot: republic.slot });
}

function startRound(
  chamber: Chamber,
  role: Leading,
  { barriers, slot }: Pick<BarrierRound, "barriers" | "slot">,
): void {
  assert(slot >= role.opening && role.opening > 0, "a decree of the own ballot is decided first");
  assert(barriers.length >= 1, "somebody asked");
  const round = role.barrierRounds;
  role.barrierRound = { round, slot, barriers, confirmed: [] };
  for (const id of chamber.otherSeats()) {
    chamber.send(id, { kind: "confirm", ballot: role.ballot, round });
  }
  settleRound(chamber, role);
}

/** Once each round of pings: asks again for confirmations that may have been lost. */
export function repeatBarriers(chamber: Chamber): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || role.barrierRound === null) return;
  const { round } = role.barrierRound;
  for (const id of chamber.otherSeats()) {
    if (role.barrierRound.confirmed.includes(id)) continue;
    chamber.send(id, { kind: "confirm", ballot: role.ballot, round });
  }
}

export function onConfirmed(chamber: Chamber, from: NodeId, confirmed: Confirmed): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" || !sameBallot(confirmed.ballot, role.ballot)) return;
  const { barrierRound } = role;
  if (barrierRound === null || barrierRound.round !== confirmed.round) return;
  if (!chamber.otherSeats().includes(from) || barrierRound.confirmed.includes(from)) return;
  barrierRound.confirmed.push(from);
  assert(barrierRound.slot <= chamber.republic.slot, "a read index was decided");
  settleRound(chamber, role);
}

function settleRound(chamber: Chamber, role: Leading): void {
  const { barrierRound } = role;
  if (barrierRound === null) return;
  if (barrierRound.confirmed.length + 1 < chamber.majority()) return;
  for (const barrier of barrierRound.barriers) chamber.answerBarrier(barrier, barrierRound.slot);
  role.barrierRound = null;
}

/** Begins to hand leadership over to `to`, or to the follower that has come furthest. */
export function onTransfer(chamber: Chamber, to: NodeId | null): void {
  const { role, now, hasRoom } = chamber.state;
  if (role.kind !== "leading") {
    chamber.refuse("notLeading", knownLeader(chamber));
    return;
  }
  const candidates = [...role.followers].filter(([id, { synchronized }]) => {
    const isAble = synchronized && chamber.hears(id) && !(hasRoom && lacksRoom(chamber, id));
    return isAble && (to === null || id === to);
  });
  const [best] = candidates.toSorted(([, left], [, right]) => right.accepted - left.accepted);
  if (best === undefined) {
    const isUnknown = to !== null && !role.followers.has(to);
    chamber.refuse(isUnknown ? "notFound" : "quorum", chamber.id);
    return;
  }
  const until = now + chamber.options.silenceTicks;
  assert(best[0] !== chamber.id, "leadership is handed to somebody else");
  role.handingOver = { to: best[0], until, told: false };
  chamber.reply({ kind: "enqueued" });
}

/**
 * Tells the successor to take over once it holds the whole log; gives up after a while. Goes on
 * proposing meanwhile: what the successor lacks comes to it with the promises.
 */
export function handOver(chamber: Chamber): void {
  const { role, now } = chamber.state;
  if (role.kind !== "leading" || role.handingOver === null) return;
  const { to, until, told } = role.handingOver;
  assert(role.followers.has(to), "the successor is a follower");
  if (now >= until || !chamber.hears(to)) {
    role.handingOver = null;
    return;
  }
  const holdsAll = (role.followers.get(to)?.accepted ?? 0) >= chamber.log.length;
  if (told || !holdsAll) return;
  role.handingOver.told = true;
  chamber.send(to, { kind: "takeOver", ballot: role.ballot });
}
