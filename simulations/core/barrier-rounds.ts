/**
 * Ghost of all rounds of confirmations: a barrier is answered only when, in a round that was begun
 * after it was asked, a majority of distinct members confirmed the leader (A10, C5).
 */
import type { Ballot, LegislatorInput, NodeId, Outcome } from "../../consensus/index.ts";
import { sameBallot } from "../../consensus/index.ts";
import { isMajority, type Chosen } from "./chosen.ts";
import type { CoreNode } from "./core-node.ts";
import { demand } from "./violation.ts";

interface Round {
  readonly ballot: Ballot;
  readonly number: number;
  readonly begunAt: number;
  readonly confirmed: Set<NodeId>;
}

/** Of one life of one node. */
interface Ghost {
  readonly life: number;
  readonly asked: Map<number, number>;
  readonly rounds: Round[];
}

const roundsKept = 16;

export class BarrierRounds {
  readonly #chosen: Chosen;
  readonly #ghosts = new Map<CoreNode, Ghost>();
  #steps = 0;

  constructor(chosen: Chosen) {
    this.#chosen = chosen;
  }

  onOutcome(node: CoreNode, input: LegislatorInput, { send, barriers }: Outcome): void {
    this.#steps += 1;
    const ghost = this.#ghostOf(node);
    const { asked, rounds } = ghost;
    if (input.kind === "barrier") asked.set(input.barrier, this.#steps);
    for (const { message } of send) {
      if (message.kind === "confirm") this.#begin(ghost, message.ballot, message.round);
    }
    if (input.kind === "receive" && input.message.kind === "confirmed") {
      const { ballot, round } = input.message;
      roundOf(rounds, ballot, round)?.confirmed.add(input.from);
    }
    for (const { barrier, slot } of barriers) {
      const since = asked.get(barrier);
      asked.delete(barrier);
      if (slot !== null && since !== undefined) this.#judge(node, barrier, since);
    }
  }

  #ghostOf(node: CoreNode): Ghost {
    let ghost = this.#ghosts.get(node);
    if (ghost?.life !== node.starts) {
      ghost = { life: node.starts, asked: new Map(), rounds: [] };
      this.#ghosts.set(node, ghost);
    }
    return ghost;
  }

  #begin({ rounds }: Ghost, ballot: Ballot, number: number): void {
    if (roundOf(rounds, ballot, number) !== undefined) return;
    rounds.push({ ballot, number, begunAt: this.#steps, confirmed: new Set() });
    if (rounds.length > roundsKept) rounds.shift();
  }

  #judge(node: CoreNode, barrier: number, since: number): void {
    // Whoever is alone in its government knows first that it is not any more.
    const government = node.isUp ? node.legislator.republic.government : null;
    if (isMajority(new Set([node.id]), government?.parliament ?? [])) return;
    const rounds = this.#ghosts.get(node)?.rounds ?? [];
    const isConfirmed = rounds.some(({ ballot, begunAt, confirmed }) => {
      const parliament = this.#chosen.government(ballot.government)?.parliament ?? [];
      return begunAt >= since && isMajority(new Set([...confirmed, node.id]), parliament);
    });
    demand(isConfirmed, "C5", () => {
      return `${node.id} answers barrier ${barrier}, though no majority has confirmed it since`;
    });
  }
}

function roundOf(rounds: readonly Round[], ballot: Ballot, number: number): Round | undefined {
  return rounds.find((round) => round.number === number && sameBallot(round.ballot, ballot));
}
