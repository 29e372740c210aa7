/**
 * The acceptor and follower: promises, votes, and forgets neither. Attests only what is durable,
 * and only what no later promise has overtaken (contract C3).
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import {
  ballotZero,
  compareBallots,
  compareLogs,
  sameBallot,
  type Ballot,
  type Hash,
  type NodeId,
  type Slot,
} from "./identifiers.ts";
import { chains, fetch, firstNew } from "./learner.ts";
import type { Decree } from "./decree.ts";
import type { Accept, Confirm, Decide, Prepare, Promised, Synchronize } from "./messages.ts";
import { stepDown } from "./step-down.ts";
import { mayVote } from "./vouching.ts";

/**
 * Whether a leader's or candidate's message is of the government in force here. If not, whoever is
 * behind is told to fetch: a vote in a government needs the decided log through its stop-sign.
 */
function isOfThisGovernment(chamber: Chamber, from: NodeId, ballot: Ballot): boolean {
  const { government, slot } = chamber.republic;
  if (government === null) return false;
  if (ballot.government === government.number) {
    return ballot.id === from && government.parliament.includes(from);
  }
  if (ballot.government > government.number) fetch(chamber, from);
  else chamber.send(from, { kind: "ahead", government: government.number, decided: slot });
  return false;
}

function refuses(chamber: Chamber, from: NodeId, ballot: Ballot): boolean {
  const { promised } = chamber.state;
  if (compareBallots(ballot, promised) >= 0) return false;
  // Only a hint, so it need not wait for the disk: should the promise be lost, so is a round.
  chamber.send(from, { kind: "refused", ballot, promised });
  return true;
}

export function onPrepare(chamber: Chamber, from: NodeId, message: Prepare): void {
  const { state } = chamber;
  const { ballot, accepted, length } = message;
  if (!isOfThisGovernment(chamber, from, ballot) || !mayVote(chamber)) return;
  if (refuses(chamber, from, ballot)) return;
  chamber.noteLeading(ballot);
  if (message.decided > chamber.republic.slot) fetch(chamber, from);
  state.owed = { ballot, accepted, length };
  if (sameBallot(ballot, state.promised)) {
    payPromise(chamber);
    return;
  }
  if (state.role.kind === "leading" || state.role.kind === "candidate") stepDown(chamber);
  assert(compareBallots(ballot, state.promised) > 0, "a promise only rises");
  state.promised = ballot;
  state.notBefore = state.now + 2 * chamber.options.pingTicks;
}

/** Tells the promise that is owed, once it is durable and still the highest. */
export function payPromise(chamber: Chamber): void {
  const { state, log, republic } = chamber;
  const { owed, durable } = state;
  if (owed === null || !sameBallot(owed.ballot, durable.promised)) return;
  state.owed = null;
  if (!sameBallot(owed.ballot, state.promised)) return;
  const { accepted } = durable;
  const intact = Math.min(durable.length, log.length);
  const length = Math.max(intact, durable.lostUpTo);
  const decided = Math.min(republic.slot, intact);
  const isHigher = intact === length && compareLogs({ accepted, length }, owed) > 0;
  const decrees =
    isHigher && length > decided ? log.from(decided + 1).slice(0, length - decided) : [];
  const promised: Promised = {
    kind: "promised",
    ballot: owed.ballot,
    accepted,
    length,
    intact,
    decided,
    decrees,
  };
  assert(decided <= intact && intact <= durable.length, "a promise tells what is durable");
  assert(
    decrees.length === 0 || decrees.length === length - decided,
    "it tells all of it, or none",
  );
  chamber.send(owed.ballot.id, promised);
}

/**
 * Whether to take part in what the leader of `ballot` proposes: promised to it, and to nobody
 * above.
 */
function follows(chamber: Chamber, from: NodeId, ballot: Ballot): boolean {
  if (!isOfThisGovernment(chamber, from, ballot) || !mayVote(chamber)) return false;
  return !refuses(chamber, from, ballot) && sameBallot(ballot, chamber.state.promised);
}

/**
 * Adopts the leader's log in one write; until that is durable the old (accepted, log) stands whole.
 */
export function onSynchronize(chamber: Chamber, from: NodeId, message: Synchronize): void {
  const { state, log } = chamber;
  const { ballot, slotFirst, decrees, decided } = message;
  if (!follows(chamber, from, ballot)) return;
  const shared = slotFirst - 1;
  const isCurrent = sameBallot(state.accepted, ballot);
  if (!isShared(chamber, shared, message.hashBefore)) {
    // Overtaken by what was learned meanwhile, or not ours: the leader looks again.
    if (!isCurrent || shared > log.length) resynchronize(chamber, ballot);
    return;
  }
  if (!chains(chamber, decrees, shared)) return;
  if (!adopt(chamber, ballot, { shared, decrees })) return;
  learnDecided(chamber, ballot, decided);
  attest(chamber);
}

/** Makes the log the leader's; false when that would take back what was attested in its ballot. */
function adopt(
  chamber: Chamber,
  ballot: Ballot,
  { shared, decrees }: { readonly shared: Slot; readonly decrees: readonly Decree[] },
): boolean {
  const { state, log } = chamber;
  const isCurrent = sameBallot(state.accepted, ballot);
  const at = firstNew(chamber, decrees);
  const fresh = decrees.slice(at);
  // In one ballot a leader's log only grows: an old message must not shorten it.
  if (isCurrent && fresh.length > 0 && shared + at < log.length) return false;
  const slotLast = shared + decrees.length;
  const replaces = fresh.length > 0 || (!isCurrent && log.length > slotLast);
  state.accepted = ballot;
  // A higher ballot's leader had all that was chosen: what was lost in a lower one counts no more.
  if (!isCurrent) state.lostUpTo = 0;
  if (replaces) chamber.stage(shared + at + 1, fresh);
  state.confirmed = isCurrent ? Math.max(state.confirmed, slotLast) : slotLast;
  assert(state.confirmed <= log.length, "only what is in the log is confirmed");
  return true;
}

/** Whether the log here is the leader's up to `slot`, as far as its hash tells. */
function isShared(chamber: Chamber, slot: Slot, hash: Hash): boolean {
  const { log, republic } = chamber;
  return slot >= republic.slot && slot <= log.length && log.hashAt(slot) === hash;
}

export function onAccept(chamber: Chamber, from: NodeId, message: Accept): void {
  const { state, log } = chamber;
  const { ballot, decrees, decided } = message;
  if (!follows(chamber, from, ballot)) return;
  if (!sameBallot(ballot, state.accepted)) {
    resynchronize(chamber, ballot);
    return;
  }
  const fresh = decrees.filter(({ slot }) => slot > log.length);
  if (fresh.length > 0) {
    const isNext = !log.endsInStopSign && chains(chamber, fresh, log.length);
    if (!isNext) {
      resynchronize(chamber, ballot);
      return;
    }
    chamber.stage(log.length + 1, fresh);
    // The first hash chains over all before it: the whole log is now known to be the leader's.
    state.confirmed = log.length;
  }
  learnDecided(chamber, ballot, decided);
}

export function onDecide(chamber: Chamber, from: NodeId, { ballot, decided }: Decide): void {
  if (!isOfThisGovernment(chamber, from, ballot)) return;
  learnDecided(chamber, ballot, decided);
}

/** Decided by the leader whose log this is, as far as that log is known to be held here. */
function learnDecided(chamber: Chamber, ballot: Ballot, decided: number): void {
  const { state, log, republic } = chamber;
  if (!sameBallot(state.accepted, ballot) || !sameBallot(state.promised, ballot)) return;
  const reached = Math.min(decided, log.length, state.confirmed);
  if (reached > republic.slot) chamber.decide(reached);
  if (decided > log.length) resynchronize(chamber, ballot);
}

/** Asks the leader to look again at what is held here; once a round is enough. */
function resynchronize(chamber: Chamber, ballot: Ballot): void {
  const { state, log, republic } = chamber;
  if (state.resynchronizedRound === state.round) return;
  state.resynchronizedRound = state.round;
  const isCurrent = sameBallot(state.accepted, ballot);
  const { durable } = state;
  chamber.send(ballot.id, {
    kind: "resynchronize",
    ballot,
    // What is held is only a hint here; without the leader's own ballot it starts at what is
    // decided.
    accepted: isCurrent ? ballot : ballotZero,
    length: isCurrent ? Math.min(durable.length, log.length, state.confirmed) : republic.slot,
    decided: Math.min(republic.slot, durable.length),
  });
}

/** Something became durable: votes for it in the ballot that stands. */
export function attest(chamber: Chamber): void {
  const { state, log } = chamber;
  const { durable, accepted, promised, role } = state;
  // A leader counts its own vote itself, and not any more once it stepped down.
  if (role.kind !== "follower" || accepted.id === chamber.id) return;
  if (!sameBallot(durable.accepted, accepted) || !sameBallot(accepted, promised)) return;
  if (accepted.government !== chamber.republic.government?.number) return;
  const length = Math.min(durable.length, log.length, state.confirmed);
  if (length > 0) chamber.send(accepted.id, { kind: "accepted", ballot: accepted, length });
}

export function onConfirm(chamber: Chamber, from: NodeId, { ballot, round }: Confirm): void {
  // An old disk may have forgotten a higher promise: what it confirms would make reads stale.
  if (!isOfThisGovernment(chamber, from, ballot) || !mayVote(chamber)) return;
  if (refuses(chamber, from, ballot)) return;
  if (sameBallot(ballot, chamber.state.promised)) {
    chamber.send(from, { kind: "confirmed", ballot, round });
  }
}
