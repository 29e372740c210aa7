/**
 * Who is to be the next leader: before anybody raises a ballot, each member says whom it would
 * have, and a majority for one keeps two from competing who do not hear each other. Binds nobody:
 * who is not chosen takes over in the end too, when the chosen one does not.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { couldLead, fitLeader, heardReports } from "./fitness.ts";
import { compareIds, compareLogs, sameBallot, type LogRank, type NodeId } from "./identifiers.ts";
import type { Report } from "./messages.ts";

/** The log that this node attests: what is durable, and surely that of its ballot's leader. */
export function attestedLog(chamber: Chamber): LogRank {
  const { state, log } = chamber;
  const { durable } = state;
  const held = Math.min(durable.length, log.length);
  const confirms = sameBallot(durable.accepted, state.accepted);
  return { accepted: durable.accepted, length: confirms ? Math.min(held, state.confirmed) : held };
}

/** What this node says of leadership: the fit leader that it hears, or else whom it would have. */
export function voice(chamber: Chamber): Pick<Report, "hearsFit" | "chooses"> {
  const hearsFit = fitLeader(chamber);
  assert(hearsFit === null || hearsFit.round >= 1, "nobody leads in round 0");
  return { hearsFit, chooses: hearsFit === null ? choose(chamber) : null };
}

/** Whether somebody that this node hears is led, in its government, by another one. */
export function anotherIsLed(chamber: Chamber): boolean {
  return heardReports(chamber).some(({ report }) => isLedElsewhere(chamber, report));
}

function isLedElsewhere(chamber: Chamber, { hearsFit }: Report): boolean {
  if (hearsFit === null || hearsFit.id === chamber.id) return false;
  return hearsFit.government === chamber.republic.government?.number;
}

/**
 * Whom this node would have lead: of itself and those it hears, who could, the one with the highest
 * log. Nobody while somebody it hears has a leader yet: all who come into question are known when
 * the last one has none, so that all choose alike.
 */
function best(chamber: Chamber): NodeId | null {
  const { state, republic } = chamber;
  // Whoever competes already goes on, though nobody may hear of its ballot yet.
  if (state.role.kind === "candidate") return chamber.id;
  const ownLog = knownLog({ ...attestedLog(chamber), decided: republic.slot });
  const own = couldLead(chamber) ? [{ id: chamber.id, log: ownLog }] : [];
  const others = heardReports(chamber)
    .filter(({ report }) => isReady(report, republic.government?.number))
    .map(({ id, report }) => ({ id, log: knownLog(report) }));
  const ready = [...own, ...others];
  // One who changed its mind at once would make two compete, each with its voice: it stands for a
  // while.
  const { choice } = state;
  const stands = choice !== null && state.now < choice.until;
  if (stands && ready.some(({ id }) => id === choice.id)) return choice.id;
  const [highest] = ready.toSorted((left, right) => {
    const order = compareLogs(right.log, left.log);
    return order === 0 ? compareIds(right.id, left.id) : order;
  });
  return highest?.id ?? null;
}

/** Chooses anew, unless the last choice stands; remembers it. */
function choose(chamber: Chamber): NodeId | null {
  const { state, options } = chamber;
  const isSettled = !chamber.hasSeat || fitLeader(chamber) !== null || anotherIsLed(chamber);
  const id = isSettled ? null : best(chamber);
  if (id === null) state.choice = null;
  else if (state.choice?.id !== id) {
    assert(chamber.republic.seats(id), "only members come into question");
    state.choice = { id, until: state.now + 2 * options.pingTicks, told: id === chamber.id };
  }
  const { choice } = state;
  assert(choice === null || choice.id === id, "what is said is what is remembered");
  return id;
}

/** Who has just started attests less than it holds; what it knows decided it holds as well. */
function knownLog({ accepted, length, decided }: LogRank & Pick<Report, "decided">): LogRank {
  return { accepted, length: Math.max(length, decided) };
}

function isReady(report: Report, government: number | undefined): boolean {
  const { quorumConnected, timely, leading } = report;
  return report.government === government && quorumConnected && timely && leading === null;
}

/** Whether a majority, itself included, would have this node lead. */
export function isEndorsed(chamber: Chamber): boolean {
  const { government } = chamber.republic;
  const voices = heardReports(chamber).filter(({ report }) => {
    return report.chooses === chamber.id && report.government === government?.number;
  });
  const own = choose(chamber) === chamber.id ? 1 : 0;
  const seats = government?.parliament.length ?? 0;
  assert(voices.length + own <= seats, "each seat has one voice");
  return voices.length + own >= chamber.majority();
}

/** Whom this node has chosen and not told so yet, or null. */
export function newChoice(chamber: Chamber): NodeId | null {
  const id = choose(chamber);
  const { choice } = chamber.state;
  if (id === null || choice === null || choice.told) return null;
  assert(id !== chamber.id, "who chose itself need not be told");
  choice.told = true;
  return id;
}
