/**
 * Who may be given a seat, and who may lose it (M8): held against what is chosen, and against what
 * a leader was answered. Knows no rule by which a leader chooses.
 */
import {
  emptyRepublic,
  Republic,
  type Answer,
  type LegislatorInput,
  type Message,
  type NodeId,
  type Outcome,
  type Succession,
} from "../../consensus/index.ts";
import type { Chosen } from "./chosen.ts";
import type { CoreNode } from "./core-node.ts";
import { demand } from "./violation.ts";

export class Seats {
  readonly #chosen: Chosen;
  /** What is chosen, up to where it was looked at. */
  readonly #republic = new Republic(emptyRepublic());
  readonly #silences = new Silences();

  constructor(chosen: Chosen) {
    this.#chosen = chosen;
  }

  /** Nothing of `outcome` has left its node, or is durable, yet. */
  onOutcome(node: CoreNode, input: LegislatorInput, outcome: Outcome): void {
    this.#checkChosen();
    this.#silences.onOutcome(node, input, outcome);
    const { persist } = outcome;
    if (persist?.accepted.id !== node.id) return;
    for (const decree of persist.decrees) {
      const { value } = decree;
      if (value.kind !== "succession" || this.#chosen.isKnown(decree)) continue;
      const seats = this.#republic.government?.parliament ?? [];
      const taken = seats.filter((id) => !value.parliament.includes(id));
      this.#silences.check(node, taken);
    }
  }

  #checkChosen(): void {
    for (;;) {
      const decree = this.#chosen.at(this.#republic.slot + 1)?.decree;
      if (decree === undefined) return;
      if (decree.value.kind === "succession") checkSeats(this.#republic, decree.value);
      this.#republic.apply(decree);
    }
  }
}

/** The next government, as what is chosen before it allows. */
export function checkSeats(republic: Republic, { parliament, leaving }: Succession): void {
  const before = republic.government?.parliament ?? [];
  const taken = before.filter((id) => !parliament.includes(id));
  const given = parliament.filter((id) => !before.includes(id));
  const says = `${before.join(" ")} is followed by ${parliament.join(" ")}`;
  for (const id of given) {
    const member = republic.member(id);
    const isFit = member !== null && member.naturalized && member.eligible;
    demand(isFit, "M8", () => `${says}, where ${id} may have no seat`);
  }
  demand(taken.length <= 1 && given.length <= 2, "M8", () => `${says}, all at once`);
  const isMeant = taken.every((id) => leaving.includes(id) || !republic.member(id)?.eligible);
  demand(parliament.length >= before.length || isMeant, "M8", () => {
    return `${says}, which is smaller, and nobody asked for that`;
  });
}

/** What one life of a node knows of others by their answers. */
interface Life {
  round: number;
  /** The last round that each has answered, or else the first in which it was asked. */
  readonly answered: Map<NodeId, number>;
}

/** Nobody loses its seat unasked that has answered lately. */
export class Silences {
  readonly #lives = new Map<string, Life>();
  /** Whoever was ever to lose a seat by an operator's word. */
  readonly #asked = new Set<NodeId>();

  onOutcome(node: CoreNode, input: LegislatorInput, { send }: Outcome): void {
    this.#noteAsked(input);
    const life = this.#lifeOf(node);
    const answer = input.kind === "receive" ? answerIn(input.message) : null;
    if (input.kind === "receive" && answer?.starts === node.starts) {
      const { round } = answer;
      const silenceRounds = Math.ceil(node.timing.silenceTicks / node.timing.pingTicks);
      const before = life.answered.get(input.from) ?? 0;
      // Later than that, or of another life: no answer.
      const isAnswer = round <= life.round && round > life.round - silenceRounds;
      if (isAnswer) life.answered.set(input.from, Math.max(round, before));
    }
    for (const { to, message } of send) {
      if (message.kind !== "ping" && message.kind !== "pong") continue;
      life.round = message.round;
      if (!life.answered.has(to)) life.answered.set(to, message.round);
    }
  }

  /** `leader` proposes to take these seats. */
  check(leader: CoreNode, taken: readonly NodeId[]): void {
    const { replaceTicks, pingTicks } = leader.timing;
    const { round, answered } = this.#lifeOf(leader);
    for (const id of taken) {
      if (this.#asked.has(id)) continue;
      const silent = round - (answered.get(id) ?? round);
      const isLong = replaceTicks !== null && silent >= Math.floor(replaceTicks / pingTicks);
      demand(isLong, "M8", () => {
        return `${leader.id} takes the seat of ${id}, which missed ${silent} pings, unasked`;
      });
    }
  }

  #noteAsked(input: LegislatorInput): void {
    if (input.kind === "exile" || input.kind === "demote") this.#asked.add(input.id);
    if (input.kind === "promote" && input.insteadOf !== null) this.#asked.add(input.insteadOf);
  }

  #lifeOf({ id, cookie, starts }: CoreNode): Life {
    const key = `${id} ${cookie} ${starts}`;
    const life = this.#lives.get(key) ?? { round: 0, answered: new Map<NodeId, number>() };
    this.#lives.set(key, life);
    return life;
  }
}

function answerIn(message: Message): Answer | null {
  return message.kind === "ping" || message.kind === "pong" ? message.answer : null;
}
