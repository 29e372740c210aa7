/**
 * Ghost state: what was voted for on durable disks, proposed and chosen so far. No node sees it. It
 * is part of an explored state, so it keeps no more than the invariants need: A1, A2, A6, A13, A14,
 * A15 and A16. Logs are lists of decree numbers, from the first slot after the founding on.
 */
import { Interner } from "./interner.ts";
import { ballotName } from "./ballots.ts";
import { demand } from "../../core/violation.ts";

export type Log = readonly number[];

export type GhostEvent =
  /** The disk of `node` holds `log` under `ballot` now, and held `before`. */
  | {
      readonly kind: "durable";
      readonly node: number;
      readonly ballot: number;
      readonly log: Log;
      readonly before: Log;
    }
  /** `node` begins to lead, with this log. */
  | { readonly kind: "leads"; readonly node: number; readonly ballot: number; readonly log: Log }
  | { readonly kind: "proposes"; readonly ballot: number; readonly log: Log }
  /** `node` takes `log` for decided. */
  | { readonly kind: "decides"; readonly node: number; readonly log: Log };

interface Votes {
  readonly ballot: number;
  readonly node: number;
  /** The longest log that the node ever held durably under the ballot. */
  readonly log: Log;
}

interface Ghost {
  /** The chosen decrees, each with the lowest ballot known to have chosen it. */
  readonly chosen: readonly { readonly decree: number; readonly ballot: number }[];
  readonly votes: readonly Votes[];
  /** What each ballot proposed, by the ballot. */
  readonly proposed: readonly { readonly ballot: number; readonly log: Log }[];
}

const nodes = [0, 1, 2];

export class Ghosts {
  readonly #interner = new Interner<Ghost>();
  readonly first: number = this.#intern({ chosen: [], votes: [], proposed: [] });
  /** The most that any state explored so far had. */
  chosenMost = 0;
  ballotsMost = 0;
  ballotsChoosingMost = 0;

  get size(): number {
    return this.#interner.size;
  }

  /** @throws {Violation} when an invariant does not hold. */
  after(ghost: number, event: GhostEvent): number {
    const before = this.#interner.at(ghost);
    switch (event.kind) {
      case "durable":
        return this.#intern(onDurable(before, event));
      case "leads":
        return this.#intern(onLeads(before, event));
      case "proposes":
        return this.#intern(propose(before, event.ballot, event.log));
      case "decides":
        onDecides(before, event.node, event.log);
        return ghost;
    }
  }

  #intern(ghost: Ghost): number {
    this.chosenMost = Math.max(this.chosenMost, ghost.chosen.length);
    this.ballotsMost = Math.max(this.ballotsMost, ghost.proposed.length);
    const choosing = new Set(ghost.chosen.map(({ ballot }) => ballot)).size;
    this.ballotsChoosingMost = Math.max(this.ballotsChoosingMost, choosing);
    return this.#interner.number(JSON.stringify(ghost), () => ghost);
  }
}

function decreesOf({ chosen }: Ghost): Log {
  return chosen.map(({ decree }) => decree);
}

function sharedLength(left: Log, right: Log): number {
  let length = 0;
  while (length < left.length && length < right.length && left[length] === right[length]) {
    length += 1;
  }
  return length;
}

function onDurable(ghost: Ghost, event: Extract<GhostEvent, { kind: "durable" }>): Ghost {
  const { node, ballot, log, before } = event;
  const chosen = decreesOf(ghost);
  const held = sharedLength(before, chosen);
  demand(sharedLength(log, chosen) >= held, "A16", () => {
    return `node ${node} drops slot ${held} after the founding, which is chosen`;
  });
  // What was learned as chosen stands in the log as well, under whatever ballot it had.
  const proposed = ghost.proposed.find((each) => each.ballot === ballot)?.log ?? [];
  const isProposed = log.every((decree, at) => proposed[at] === decree || chosen[at] === decree);
  const isUntouched = log.length === 0;
  demand(isUntouched || isProposed, "A13", () => {
    return `node ${node} holds what ${ballotName(ballot)} did not propose`;
  });
  const others = ghost.votes.filter((each) => each.node !== node || each.ballot !== ballot);
  const known = ghost.votes.find((each) => each.node === node && each.ballot === ballot)?.log ?? [];
  const longest = sharedLength(known, log) === log.length ? known : log;
  const votes = [...others, { ballot, node, log: longest }];
  return withoutSettled(choose({ ...ghost, votes }, ballot));
}

/** What a majority held under `ballot` is chosen, for ever. */
function choose(ghost: Ghost, ballot: number): Ghost {
  let { chosen } = ghost;
  const logOf = (node: number): Log => {
    return ghost.votes.find((each) => each.node === node && each.ballot === ballot)?.log ?? [];
  };
  const lengths = nodes.map((node) => {
    // A majority of three with this node in it: the one other that shares most.
    const shared = nodes.filter((other) => other !== node);
    return Math.max(...shared.map((other) => sharedLength(logOf(node), logOf(other))));
  });
  for (const node of nodes) {
    const log = logOf(node).slice(0, lengths[node]);
    chosen = merged(chosen, log, ballot);
  }
  return { ...ghost, chosen };
}

function merged(chosen: Ghost["chosen"], log: Log, ballot: number): Ghost["chosen"] {
  const merged = [...chosen];
  for (const [at, decree] of log.entries()) {
    const before = merged[at] ?? { decree, ballot };
    demand(before.decree === decree, "A1", () => {
      const slot = `slot ${at + 1} after the founding`;
      const [one, other] = [ballotName(before.ballot), ballotName(ballot)];
      return `${slot} was chosen in ${one}, and another value in ${other}`;
    });
    merged[at] = { decree, ballot: Math.min(before.ballot, ballot) };
  }
  return merged;
}

/**
 * Votes for nothing but what is chosen cannot choose anything else, and are forgotten. The lowest
 * ballot of a slot may then stay higher than it was: that makes A15 demand less, never more.
 */
function withoutSettled(ghost: Ghost): Ghost {
  const chosen = decreesOf(ghost);
  const open = ghost.votes.filter(({ log }) => sharedLength(log, chosen) < log.length);
  const sorted = open.toSorted((left, right) => {
    return left.ballot - right.ballot || left.node - right.node;
  });
  return { ...ghost, votes: sorted };
}

function onLeads(ghost: Ghost, event: Extract<GhostEvent, { kind: "leads" }>): Ghost {
  const { node, ballot, log } = event;
  demand(ballot % nodes.length === node, "A14", () => `${ballotName(ballot)} is not its own`);
  demand(!ghost.proposed.some((each) => each.ballot === ballot), "A6", () => {
    return `${ballotName(ballot)} is led twice`;
  });
  for (const [at, chosen] of ghost.chosen.entries()) {
    demand(chosen.ballot >= ballot || log[at] === chosen.decree, "A15", () => {
      const before = `chosen in ${ballotName(chosen.ballot)}`;
      return `${ballotName(ballot)} begins without slot ${at + 1} after the founding, ${before}`;
    });
  }
  return propose(ghost, ballot, log);
}

function propose(ghost: Ghost, ballot: number, log: Log): Ghost {
  const before = ghost.proposed.find((each) => each.ballot === ballot)?.log ?? [];
  demand(sharedLength(before, log) === before.length, "A6", () => {
    return `${ballotName(ballot)} proposes two values for one slot`;
  });
  const others = ghost.proposed.filter((each) => each.ballot !== ballot);
  const proposed = [...others, { ballot, log }];
  return { ...ghost, proposed: proposed.toSorted((left, right) => left.ballot - right.ballot) };
}

function onDecides(ghost: Ghost, node: number, log: Log): void {
  const chosen = decreesOf(ghost);
  demand(sharedLength(log, chosen) === log.length, "A2", () => {
    return `node ${node} takes slot ${log.length} after the founding for decided, not chosen`;
  });
}
