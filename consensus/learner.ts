/**
 * Learning what was decided elsewhere: fetches missing slots from any peer, serves those who ask,
 * and applies. Slots that are learned were chosen, so they may replace what was merely accepted
 * here.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import type { Citizen, Decree } from "./decree.ts";
import { hashDecree } from "./hash.ts";
import type { NodeId, Slot } from "./identifiers.ts";
import { limits } from "./limits.ts";
import type { Ahead, Fetch, Learn } from "./messages.ts";
import { stepDown } from "./step-down.ts";
import { contradict } from "./vouching.ts";

type Place = Pick<Decree, "slot" | "hash" | "time">;

/** Whether `decrees` follow slot by slot, hash by hash, on `before`, and nothing on a stop-sign. */
function isChain(decrees: readonly Decree[], before: Place): boolean {
  let last = before;
  for (const [at, decree] of decrees.entries()) {
    if (decree.slot !== last.slot + 1 || decree.time < last.time) return false;
    if (hashDecree(last.hash, decree) !== decree.hash) return false;
    if (endsGovernment(decree) && at < decrees.length - 1) return false;
    last = decree;
  }
  return true;
}

/**
 * Whether `decrees` continue the own log from `slot` on, and are such as a leader of the government
 * in force may propose.
 */
export function chains(chamber: Chamber, decrees: readonly Decree[], slot: Slot): boolean {
  const { log, republic } = chamber;
  const before: Place = slot === republic.slot ? republic : log.at(slot);
  const isOver = slot > republic.slot && endsGovernment(log.at(slot));
  if (isOver && decrees.length > 0) return false;
  return isChain(decrees, before) && decrees.every((decree) => isLawful(chamber, decree));
}

/** Where it is decided the next government begins, and nothing of this one follows it. */
function endsGovernment({ value: { kind } }: Decree): boolean {
  return kind === "succession" || kind === "refounding";
}

/**
 * Governments are numbered, and a republic is born once. It is refounded by an operator's hand, so
 * that others learn of that as decided: whoever is a member already knows it.
 */
function isLawful({ republic }: Chamber, { slot, value }: Decree): boolean {
  if (value.kind === "refounding") return false;
  if (value.kind === "succession") {
    // The birth that is learned with it begins the first government.
    return value.government === (republic.government?.number ?? 1) + 1;
  }
  return (value.kind === "bootstrap") === (slot === 1);
}

/** The first of `decrees`, all undecided here, that the log does not hold already. */
export function firstNew(chamber: Chamber, decrees: readonly Decree[]): number {
  const { log } = chamber;
  const at = decrees.findIndex(({ slot, hash }) => slot > log.length || log.hashAt(slot) !== hash);
  return at === -1 ? decrees.length : at;
}

/** Whether an answer may still come. */
export function isFetching({ state, silenceRounds }: Chamber): boolean {
  return state.fetching !== null && state.round - state.fetching.round < silenceRounds;
}

/** Asks `from` for what is decided after the own log; at most one fetch is outstanding. */
export function fetch(chamber: Chamber, from: NodeId): void {
  const { state } = chamber;
  if (from === chamber.id || !state.hasRoom) return;
  const slotFirst = chamber.republic.slot + 1;
  const { fetching } = state;
  const isSame = fetching?.from === from && fetching.slotFirst === slotFirst;
  if (isSame && isFetching(chamber)) return;
  state.fetching = { from, slotFirst, round: state.round };
  state.fetches += 1;
  chamber.send(from, { kind: "fetch", slotFirst, follow: !chamber.hasSeat });
}

export function onFetch(
  chamber: Chamber,
  { id: from, cookie }: Pick<Citizen, "id" | "cookie">,
  { slotFirst, follow }: Fetch,
): void {
  const { republic } = chamber;
  if (slotFirst < 1) return;
  if (republic.member(from) !== null && !chamber.knows({ id: from, cookie })) {
    // Exiled, and the id is another's by now, who waits by itself: this one is told of its exile.
    if (slotFirst <= republic.slot) chamber.sendSlots(from, slotFirst);
  } else if (slotFirst <= republic.slot) {
    chamber.state.waiters.delete(from);
    chamber.sendSlots(from, slotFirst);
  } else if (follow && slotFirst === chamber.republic.slot + 1) {
    const { waiters } = chamber.state;
    if (waiters.size < 2 * limits.membersMax) waiters.set(from, slotFirst);
  }
}

/** Sends what was just decided to those who wait for it. */
export function serveWaiters(chamber: Chamber): void {
  for (const [id, slotFirst] of chamber.state.waiters) {
    if (slotFirst > chamber.republic.slot) continue;
    chamber.state.waiters.delete(id);
    chamber.sendSlots(id, slotFirst);
  }
}

export function onAhead(chamber: Chamber, from: NodeId, { decided }: Ahead): void {
  if (decided > chamber.republic.slot) fetch(chamber, from);
}

export function onLearn(chamber: Chamber, from: NodeId, { decrees, decided }: Learn): void {
  const { state, republic } = chamber;
  if (state.fetching?.from === from) state.fetching = null;
  // What came too late for the room there was comes again when there is some.
  if (!state.hasRoom) return;
  // Decided slots may hold stop-signs in the middle: each part ends with its own, and is applied
  // before the next one is looked at.
  for (const part of throughStopSigns(decrees.filter(({ slot }) => slot > republic.slot))) {
    if (learnPart(chamber, part)) continue;
    if (contradictsUs(chamber, part)) contradict(chamber, from);
    return;
  }
  const follows = !chamber.hasSeat;
  if (decided > republic.slot || follows) fetch(chamber, from);
}

function learnPart(chamber: Chamber, part: readonly Decree[]): boolean {
  const { republic, log } = chamber;
  const [first] = part;
  if (first === undefined || !continues(chamber, part)) return false;
  if (republic.slot === 0 && !isOurBirth(chamber, first)) return false;
  const unwritten = part.slice(firstNew(chamber, part));
  const [firstUnwritten] = unwritten;
  if (firstUnwritten !== undefined) {
    // Chosen, but not by this leader: a later ballot was, and its log is not this one's any more.
    if (chamber.state.role.kind === "leading") stepDown(chamber);
    chamber.stage(firstUnwritten.slot, unwritten);
  }
  const slotLast = first.slot + part.length - 1;
  assert(log.length >= slotLast, "what is learned is in the log");
  chamber.decide(slotLast);
  return true;
}

/** Whether what was decided elsewhere continues what is decided here: all, or all but its end. */
function continues(chamber: Chamber, part: readonly Decree[]): boolean {
  const { republic } = chamber;
  const last = part.at(-1);
  if (last?.value.kind !== "refounding") return chains(chamber, part, republic.slot);
  const isNext = last.value.government > (republic.government?.number ?? 1);
  // Members of the republic that ended are not of the one that goes on.
  if (chamber.isMember || last.slot === 1 || !isNext) return false;
  return isChain(part, republic) && chains(chamber, part.slice(0, -1), republic.slot);
}

/**
 * Whether `part`, sound in itself, continues another past than ours. Both were decided, so that one
 * of the two is wrong; a node that cannot follow would never get to a slot whose state it could
 * compare.
 */
function contradictsUs(chamber: Chamber, part: readonly Decree[]): boolean {
  const { slot, hash } = chamber.republic;
  const [first, ...rest] = part;
  if (slot === 0 || first === undefined || first.slot !== slot + 1) return false;
  return hashDecree(hash, first) !== first.hash && isChain(rest, first);
}

function throughStopSigns(decrees: readonly Decree[]): readonly (readonly Decree[])[] {
  const parts: Decree[][] = [];
  let part: Decree[] | null = null;
  for (const decree of decrees) {
    if (part === null) parts.push((part = []));
    part.push(decree);
    if (endsGovernment(decree)) part = null;
  }
  return parts;
}

/**
 * A newcomer takes its log from the republic that admitted it, and from no other (contract C5). One
 * that was refounded since was born under another identity: then its own must come later.
 */
function isOurBirth(chamber: Chamber, first: Decree): boolean {
  return chamber.state.joining !== null && first.slot === 1 && first.value.kind === "bootstrap";
}

/**
 * Once each round: fetches when some peer knows of decided slots that do not come by themselves.
 */
export function catchUp(chamber: Chamber, decidedBefore: Slot): void {
  const { state, republic } = chamber;
  const hasSeat = chamber.hasSeat;
  if (isFetching(chamber)) return;
  if (hasSeat && decidedBefore <= republic.slot) return;
  const sources = [...state.peers.keys()].filter((id) => {
    const decided = state.peers.get(id)?.report?.decided ?? -1;
    return chamber.hears(id) && (hasSeat ? decided > republic.slot : decided >= republic.slot);
  });
  // Constituents spread over the members, and try another one when an answer stays away; the leader
  // has enough to do.
  const leads = (id: NodeId): boolean => state.peers.get(id)?.report?.leading?.id === id;
  const idle = hasSeat ? [] : sources.filter((id) => !leads(id));
  const asked = idle.length > 0 ? idle : sources;
  const source = asked[(spread(chamber.id) + state.fetches) % Math.max(1, asked.length)];
  if (source === undefined) return;
  state.fetching = null;
  fetch(chamber, source);
}

function spread(id: NodeId): number {
  let sum = 0;
  for (let at = 0; at < id.length; at += 1) sum += id.charCodeAt(at);
  return sum;
}
