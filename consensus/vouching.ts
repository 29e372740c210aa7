/**
 * How peers guard a node against its own disk: they know what it attested before (contract C5), and
 * they have the same replicated state, and make the same of the same log (contract C10).
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { compareBallots, type Cookie, type NodeId, type Slot } from "./identifiers.ts";
import { limits } from "./limits.ts";
import type { Heard, MachineMark, Report } from "./messages.ts";
import type { Peer } from "./legislator-state.ts";

/** Remembers the highest that a peer attested; written with the next note. */
export function hear(chamber: Chamber, from: NodeId, cookie: Cookie, report: Report): void {
  const { heard } = chamber.state;
  const before = heard.get(from);
  const same = before !== undefined && before.cookie === cookie ? before : null;
  const next: Heard = {
    id: from,
    cookie,
    starts: Math.max(report.starts, same?.starts ?? 0),
    promised: higher(report.promised, same?.promised),
    accepted: higher(report.accepted, same?.accepted),
    length: Math.max(heardLength(report), same?.length ?? 0),
  };
  if (same !== null && equal(same, next)) return;
  heard.set(from, next);
  chamber.state.heardChanged = true;
}

/** How much of a log its owner can never lack again: it is decided, and it is on its disk. */
export function heardLength({ decided, length }: Pick<Report, "decided" | "length">): Slot {
  return Math.min(decided, length);
}

/**
 * What a peer may know at most of this node's log, if its disk is the one that it always had. What
 * was learned since would hide that the disk had forgotten: it may have forgotten votes, too.
 */
function lengthToBeKnown({ state, options }: Chamber, { starts }: Heard): Slot {
  return starts < options.starts ? state.lengthAtStart : state.lengthReported;
}

/**
 * Compares what a member knows of this node with what the disk says. A member that knows nothing
 * later vouches for the disk; one that does proves an old backup or a clone, which must never vote.
 */
export function checkOwnDisk(chamber: Chamber, from: NodeId, heard: Heard | null): void {
  const { state, options } = chamber;
  if (heard !== null) {
    // An answer goes to an id: this one was meant for another incarnation, and vouches for that.
    if (heard.cookie !== options.cookie) return;
    const later =
      heard.starts > options.starts ||
      compareBallots(heard.promised, state.promised) > 0 ||
      compareBallots(heard.accepted, state.accepted) > 0 ||
      heard.length > lengthToBeKnown(chamber, heard);
    if (later) {
      chamber.halt({ kind: "staleDisk", peer: from });
      return;
    }
  }
  if (!state.vouchers.includes(from)) state.vouchers.push(from);
}

/**
 * Whether enough members have vouched for this disk in this life that it may vote: with itself a
 * majority, so that whoever took part in a later decision was asked, or could not be reached.
 */
export function mayVote(chamber: Chamber): boolean {
  if (!chamber.hasSeat) return false;
  const vouched = chamber.otherSeats().filter((id) => chamber.state.vouchers.includes(id));
  return vouched.length + 1 >= chamber.majority();
}

/** Compares a peer's state hash with this node's at the same slot, now or when it gets there. */
export function compareState(chamber: Chamber, from: NodeId, report: Report): void {
  if (report.machine !== null) compareMark(chamber, from, report.machine);
  if (report.decided === 0) return;
  const peer = chamber.peer(from);
  if (report.decided > chamber.republic.slot) {
    peer.toCompare ??= { slot: report.decided, hash: report.stateHash };
    return;
  }
  const own = chamber.stateHashAt(report.decided);
  if (own === null) return;
  judge(chamber, peer, { slot: report.decided, same: own === report.stateHash });
}

/** `from` continues another past than the one that this node has decided. */
export function contradict(chamber: Chamber, from: NodeId): void {
  if (chamber.republic.member(from) === null) return;
  judge(chamber, chamber.peer(from), { slot: chamber.republic.slot, same: false });
}

/** Compares what peers said of slots that this step has reached. */
export function compareReached(chamber: Chamber): void {
  for (const peer of chamber.state.peers.values()) {
    const { toCompare } = peer;
    if (toCompare === null || toCompare.slot > chamber.republic.slot) continue;
    peer.toCompare = null;
    const own = chamber.stateHashAt(toCompare.slot);
    if (own === null) continue;
    judge(chamber, peer, { slot: toCompare.slot, same: own === toCompare.hash });
  }
}

/**
 * The state machine has reached another slot. Nodes show marks of the same slots, but not each of
 * them: a peer's mark that is passed over is let go, and its next one compared.
 */
export function onApplied(chamber: Chamber, { slot, hash }: MachineMark): void {
  const { machineMarks, peers } = chamber.state;
  assert(slot <= chamber.republic.slot, "a state machine applies only what is decided");
  assert(slot > (machineMarks.at(-1)?.slot ?? 0), "a state machine goes on in slot order");
  machineMarks.push({ slot, hash });
  if (machineMarks.length > limits.machineMarksKept) machineMarks.shift();
  for (const peer of peers.values()) {
    const { machineToCompare } = peer;
    if (machineToCompare === null || machineToCompare.slot > slot) continue;
    peer.machineToCompare = null;
    judgeMark(chamber, peer, machineToCompare);
  }
}

function compareMark(chamber: Chamber, from: NodeId, mark: MachineMark): void {
  const peer = chamber.peer(from);
  const last = chamber.state.machineMarks.at(-1)?.slot ?? 0;
  if (mark.slot > last) peer.machineToCompare ??= mark;
  else judgeMark(chamber, peer, mark);
}

function judgeMark(chamber: Chamber, peer: Peer, { slot, hash }: MachineMark): void {
  const own = chamber.state.machineMarks.find((mark) => mark.slot === slot);
  if (own !== undefined) judge(chamber, peer, { slot, same: own.hash === hash }, "machineDiverged");
}

/** Halted for what it made of the log, which its peers are to know. */
export function hasDiverged({ state }: Chamber): boolean {
  return state.halt?.kind === "diverged" || state.halt?.kind === "machineDiverged";
}

/** Stops this node when a majority contradicts it, or when nobody can have a majority any more. */
function judge(
  chamber: Chamber,
  peer: Peer,
  verdict: { slot: number; same: boolean },
  kind: "diverged" | "machineDiverged" = "diverged",
): void {
  const field = kind === "diverged" ? "agrees" : "machineAgrees";
  peer[field] = verdict.same;
  if (verdict.same || chamber.republic.government === null) return;
  const seats = chamber.otherSeats().map((id) => ({ id, agrees: chamber.peer(id)[field] }));
  const against = seats.filter(({ agrees }) => agrees === false);
  const open = seats.filter(({ agrees }) => agrees !== false).length;
  const own = chamber.hasSeat ? 1 : 0;
  const outvoted = against.length >= chamber.majority();
  const undecidable = own === 1 && open + own < chamber.majority();
  if (outvoted || undecidable) {
    const peers = against.map(({ id }) => id);
    chamber.halt({ kind, slot: verdict.slot, peers });
  }
}

function higher(
  left: Report["promised"],
  right: Report["promised"] | undefined,
): Report["promised"] {
  return right !== undefined && compareBallots(right, left) > 0 ? right : left;
}

function equal(left: Heard, right: Heard): boolean {
  return (
    left.starts === right.starts &&
    left.length === right.length &&
    compareBallots(left.promised, right.promised) === 0 &&
    compareBallots(left.accepted, right.accepted) === 0
  );
}
