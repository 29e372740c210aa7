/**
 * One representative for all checkpoints of a legislator that behave alike from here on. Each rule
 * says why nothing is lost; `normalize.test.ts` walks at random and compares: a step of the
 * representative must give the representative of the step, and send the same.
 *
 * Node ids are *not* renamed: ballots of one round are ordered by id, so that two nodes that change
 * places do not behave alike.
 */
import { limits, type Plain } from "../../../consensus/index.ts";
import { clockwork, nodeIds, ticksToWait } from "./live-node.ts";
import { fields, fromPairs, list, pairs, whole, type Fields } from "./plain-fields.ts";

/** Every node is in this round of pings, always. */
export const roundNow = 1;
const silenceRounds = Math.max(2, Math.ceil(clockwork.silenceTicks / clockwork.pingTicks));
/**
 * Log time stands still. It is compared with the log time before it only, and for the rest a part
 * of a decree's identity: decrees of one slot and two ballots differ by `when` (`node-steps.ts`),
 * and in one ballot a slot is proposed once. So nothing is mistaken for anything else.
 */
const logTimeBase = -1_000_000;
const ballotZero: Plain = { government: 0, round: 0, id: "" };

/** @param slotKept State hashes of slots below are forgotten: nobody reports so old a slot. */
export function normalize(checkpoint: Plain, slotKept: number): Fields {
  const { options, durable, state } = fields(checkpoint);
  const normal = normalizeState(fields(state), { id: fields(options)["id"] ?? null, slotKept });
  // The `writeLast` of the durable part is looked at by a fresh start only, not on restore.
  return { options: fields(options), durable: { ...fields(durable), writeLast: 0 }, state: normal };
}

interface Perspective {
  readonly id: Plain;
  readonly slotKept: number;
}

function normalizeState(state: Fields, { id, slotKept }: Perspective): Fields {
  const now = whole(state["now"]);
  const round = whole(state["round"]);
  return {
    ...state,
    ...normalizeWrites(state),
    // Time is compared, never told: only what lies ahead counts, from a clock that stands at zero.
    now: 0,
    roundAt: Math.max(0, whole(state["roundAt"]) - now),
    notBefore: Math.max(0, whole(state["notBefore"]) - now),
    persistingSince: sinceUpTo(clockwork.stallTicks, state["persistingSince"] ?? null, now),
    choice: normalizeChoice(state["choice"] ?? null, now),
    freeSince: normalizeFreeSince(state["freeSince"] ?? null, { id, now }),
    role: normalizeRole(fields(state["role"]), now, round),
    // Rounds are compared with each other only. The one exception, what was heard of peers being
    // noted each twenty rounds, never happens in an exploration: it has fewer rounds than that.
    round: roundNow,
    heardChanged: false,
    // Compared with what peers heard of this disk, which forgets nothing here: never exceeded.
    lengthAtStart: whole(fields(state["durable"])["length"]),
    lengthReported: whole(fields(state["durable"])["length"]),
    fetching: aged(state["fetching"] ?? null, round),
    resynchronizedRound: state["resynchronizedRound"] === round ? roundNow : -1,
    // How often it stood up spreads rivals by jitter, which is always 0 here.
    attempts: 0,
    // Turns the order in which two sources, at most, are asked.
    fetches: whole(state["fetches"]) % 2,
    // A set; and a map that is looked up, or written down whole, never walked in order.
    vouchers: list(state["vouchers"]).toSorted(byText),
    heard: fromPairs(pairs(state["heard"]).toSorted(byText)),
    peers: fromPairs(
      pairs(state["peers"]).map(([peerId, peer]) => [peerId, normalizePeer(fields(peer), id)]),
    ),
    hashes: fromPairs(
      pairs(state["hashes"]).filter(([, kept]) => whole(fields(kept)["slot"]) >= slotKept),
    ),
  };
}

function byText(left: Plain, right: Plain): number {
  const [one, other] = [JSON.stringify(left), JSON.stringify(right)];
  return one < other ? -1 : Number(one > other);
}

/** Write numbers are compared with each other only; the last durable one becomes 1. */
function normalizeWrites(state: Fields): Fields {
  const durable = fields(state["durable"]);
  const shift = whole(durable["write"]) - 1;
  const shifted = (mark: Plain): Fields => {
    const known = fields(mark);
    return { ...known, write: whole(known["write"]) - shift };
  };
  return {
    durable: shifted(durable),
    writes: list(state["writes"]).map(shifted),
    writeLast: whole(state["writeLast"]) - shift,
  };
}

/** How long ago it was sent counts until it is taken for lost, and not any longer. */
function aged(sent: Plain, round: number): Plain {
  if (sent === null) return null;
  const known = fields(sent);
  const age = Math.min(round - whole(known["round"]), silenceRounds);
  return { ...known, round: roundNow - age };
}

/** How long ago, as far as that matters. */
function sinceUpTo(most: number, since: Plain, now: number): Plain {
  return since === null ? null : Math.max(whole(since) - now, -most);
}

function normalizeRole(role: Fields, now: number, round: number): Fields {
  if (role["kind"] === "candidate") {
    const since = Math.max(whole(role["since"]) - now, -clockwork.silenceTicks);
    return { ...role, since };
  }
  if (role["kind"] !== "leading") return role;
  const { pendingSince = null, burstAt = null } = role;
  const followers = pairs(role["followers"]).map(([id, follower]): [Plain, Plain] => {
    const known = fields(follower);
    return [id, { ...known, slotsSent: aged(known["slotsSent"] ?? null, round) }];
  });
  return {
    ...role,
    timeBase: logTimeBase,
    since: 0,
    pendingSince: sinceUpTo(clockwork.stallTicks, pendingSince, now),
    burstAt: sinceUpTo(limits.burstTicksMax, burstAt, now),
    followers: fromPairs(followers),
  };
}

/** A choice stands for a while; whom it names, and whether that one was told, counts afterwards. */
function normalizeChoice(choice: Plain, now: number): Plain {
  if (choice === null) return null;
  const known = fields(choice);
  return { ...known, until: Math.max(0, whole(known["until"]) - now) };
}

/** How long it was free counts until it has waited for the others' choice, and not any longer. */
function normalizeFreeSince(
  freeSince: Plain,
  { id, now }: { readonly id: Plain; readonly now: number },
): Plain {
  if (freeSince === null) return null;
  return Math.max(whole(freeSince) - now, -ticksToWait(nodeIds.findIndex((each) => each === id)));
}

/** What is looked at only when a report comes is not told apart once it is kept. */
function normalizePeer(known: Fields, id: Plain): Fields {
  const { report = null } = known;
  // Silence is too short here for answers that come with the next ping: everybody is asked. And
  // nobody is replaced for silence.
  const peer = { ...known, toAnswer: null, answeredRound: -1, silent: 0 };
  if (report === null) return peer;
  const kept = fields(report);
  const { hearsFit = null, chooses = null } = kept;
  const read = {
    ...kept,
    ...keptLog(kept),
    stateHash: "",
    hearsFit: hearsFit === null ? null : keptLeader(fields(hearsFit), id),
    chooses: chooses === id ? id : null,
  };
  return { ...peer, report: read };
}

/**
 * Logs are compared to choose among those who are ready to lead. Who was not when it reported does
 * not become so in a kept report: what is noted of it between two reports is that it competes. Nor
 * is a length below what is decided told from what is decided.
 */
function keptLog(report: Fields): Fields {
  const { leading, quorumConnected, timely } = report;
  const isReady = leading === null && quorumConnected === true && timely === true;
  if (!isReady) return { accepted: ballotZero, length: 0 };
  return { length: Math.max(whole(report["length"]), whole(report["decided"])) };
}

/**
 * Whether the sender hears another lead; which one, in which round, is told to clients only. Of an
 * own ballot nothing follows, nor of a choice of somebody else.
 */
function keptLeader(hearsFit: Fields, id: Plain): Plain {
  return hearsFit["id"] === id ? null : { ...hearsFit, round: 1, id: "" };
}
