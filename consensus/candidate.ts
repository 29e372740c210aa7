/**
 * The candidate: wins a ballot and carries forward what earlier ballots may have chosen (Haridi,
 * Kroll, Carbone, "Lecture Notes on Leader-based Sequence Paxos", the prepare phase).
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import {
  compareBallots,
  compareLogs,
  sameBallot,
  type Ballot,
  type LogRank,
  type NodeId,
} from "./identifiers.ts";
import { lead, onMemberReport, prepare, synchronize } from "./leader.ts";
import { chains, fetch, firstNew } from "./learner.ts";
import type { Candidate } from "./legislator-state.ts";
import type { Promised, Report } from "./messages.ts";
import { onRefused } from "./step-down.ts";

/** Raises the ballot above everything seen, and promises it to itself before telling anybody. */
export function campaign(chamber: Chamber): void {
  const { state, republic } = chamber;
  const { government } = republic;
  assert(government !== null && chamber.hasSeat, "only members campaign");
  assert(state.lostUpTo === 0, "nobody leads on a log that it has lost a part of");
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

/** The candidate's own promise is durable: now it may ask for the others'. */
export function onOwnPromise(chamber: Chamber): void {
  const { role, durable } = chamber.state;
  if (role.kind !== "candidate") return;
  if (!role.prepared && sameBallot(durable.promised, role.ballot)) {
    role.prepared = true;
    assert(role.promises.size === 0, "nobody promises before being asked");
    for (const id of chamber.otherSeats()) prepare(chamber, role.ballot, id);
  }
  maybeLead(chamber);
}

export function onPromised(chamber: Chamber, from: NodeId, promised: Promised): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" && role.kind !== "candidate") return;
  if (!sameBallot(promised.ballot, role.ballot) || !chamber.otherSeats().includes(from)) return;
  if (role.kind === "leading") {
    const { accepted, intact, decided } = promised;
    synchronize(chamber, role, from, { accepted, length: intact, decided });
    return;
  }
  // What is decided is in the log; who says otherwise promises nothing.
  const { decided, intact, length } = promised;
  if (!role.prepared || decided > intact || intact > length) return;
  role.promises.set(from, promised);
  maybeLead(chamber);
}

/**
 * A report of a member doubles as refusal, promise and accepted, so that a lost one costs a ping.
 */
export function onReport(chamber: Chamber, from: NodeId, report: Report): void {
  const { role } = chamber.state;
  if (role.kind !== "leading" && role.kind !== "candidate") return;
  if (!chamber.otherSeats().includes(from)) return;
  if (report.government !== role.ballot.government) return;
  if (compareBallots(report.promised, role.ballot) > 0) {
    // Without this an idle leader would be left short of a vote unnoticed.
    const { ballot } = role;
    onRefused(chamber, from, { kind: "refused", ballot, promised: report.promised });
  } else if (role.kind === "leading") {
    onMemberReport(chamber, role, from, report);
  } else {
    if (role.prepared && !role.promises.has(from)) prepare(chamber, role.ballot, from);
    maybeLead(chamber);
  }
}

/** Whether nothing of the log that a promise speaks of is damaged. */
function isWhole({ intact, length }: Promised): boolean {
  return intact === length;
}

interface HighestLog {
  readonly from: NodeId;
  readonly promised: Promised;
}

/** The highest whole log that was promised, if it is above the own one. */
function highestLog(candidate: Candidate, own: LogRank): HighestLog | null {
  let best: HighestLog | null = null;
  for (const [from, promised] of candidate.promises) {
    if (isWhole(promised) && compareLogs(promised, best?.promised ?? own) > 0) {
      best = { from, promised };
    }
  }
  return best;
}

/**
 * Promises that count beside a log. Who has lost a part of its own may have voted for something in
 * it: it counts only if the log is at least as high, and so holds that as well (A8, D4).
 */
function countCovered(candidate: Candidate, highest: LogRank): number {
  const promises = [...candidate.promises.values()];
  return promises.filter((each) => isWhole(each) || compareLogs(each, highest) <= 0).length;
}

/** With promises of a majority: adopts the highest log among them, and leads. */
export function maybeLead(chamber: Chamber): void {
  const { state, republic, log } = chamber;
  const { role } = state;
  if (role.kind !== "candidate" || !role.prepared) return;
  if (role.promises.size + 1 < chamber.majority()) return;
  const own = { accepted: state.accepted, length: log.length };
  const best = highestLog(role, own);
  if (countCovered(role, best?.promised ?? own) + 1 < chamber.majority()) return;
  const adoptedBallot = best?.promised.accepted ?? state.accepted;
  if (best !== null && !adopt(chamber, role, best)) return;
  lead(chamber, role, adoptedBallot);
  assert(republic.slot <= log.length, "a leader holds what is decided");
}

/**
 * Makes the own log that of the highest promise. False while decided slots that it builds on are
 * missing here: they are fetched first.
 */
function adopt(chamber: Chamber, role: Candidate, { from, promised }: HighestLog): boolean {
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
