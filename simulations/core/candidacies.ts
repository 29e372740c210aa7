/**
 * Who stands up to lead: nobody that has been cut off from a majority, which could only depose who
 * leads well, over a link that works one way or once it is back (L4). Looks at links and lives
 * alone, never at what nodes know of each other.
 */
import type { LegislatorInput, NodeId, Outcome } from "../../consensus/index.ts";
import { isMajority } from "./chosen.ts";
import type { CoreNode } from "./core-node.ts";
import type { Network } from "./network.ts";
import { demand } from "./violation.ts";

/** Where the nodes are that stand up. */
export interface Surroundings {
  readonly network: Network;
  readonly nodes: ReadonlyMap<NodeId, CoreNode>;
  readonly now: number;
}

/** Of one life of one node: when each of its last rounds of pings began. */
interface Rounds {
  readonly life: number;
  readonly begun: number[];
}

export class Candidacies {
  readonly #around: Surroundings;
  readonly #rounds = new Map<CoreNode, Rounds>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  onOutcome(node: CoreNode, input: LegislatorInput, outcome: Outcome): void {
    if (input.kind === "event") this.#noteRound(node, outcome);
    if (outcome.persist?.promised?.id !== node.id) return;
    // Whom its leader asks to take over need not look for itself.
    const isAsked = input.kind === "receive" && input.message.kind === "takeOver";
    if (!isAsked) this.#mayStandUp(node);
  }

  #noteRound(node: CoreNode, { send }: Outcome): void {
    if (!send.some(({ message }) => message.kind === "ping")) return;
    const { now } = this.#around;
    const rounds = this.#rounds.get(node);
    if (rounds?.life !== node.starts) {
      this.#rounds.set(node, { life: node.starts, begun: [now] });
      return;
    }
    rounds.begun.push(now);
    if (rounds.begun.length > roundsInVain(node)) rounds.begun.shift();
  }

  #mayStandUp(node: CoreNode): void {
    const rounds = this.#rounds.get(node);
    if (rounds?.life !== node.starts || rounds.begun.length < roundsInVain(node)) return;
    const [since = 0] = rounds.begun;
    const parliament = node.legislator.republic.government?.parliament ?? [];
    const near = parliament.filter((id) => id === node.id || !this.#isCutOff(node, id, since));
    demand(isMajority(new Set(near), parliament), "L4", () => {
      const lasted = (this.#around.now - since).toFixed(0);
      return `${node.id} raises a ballot, after ${lasted} ms with ${near.join(" ")} alone`;
    });
  }

  /** Whether `id` can have answered nothing that `node` has asked since then. */
  #isCutOff(node: CoreNode, id: NodeId, since: number): boolean {
    const { network, nodes } = this.#around;
    const peer = nodes.get(id);
    if (peer === undefined || (!peer.isUp && peer.downSince < since)) return true;
    return Math.min(network.cutSince(node.id, id), network.cutSince(id, node.id)) < since;
  }
}

/** So many rounds without an answer are more than half of those that make silence. */
function roundsInVain({ timing: { pingTicks, silenceTicks } }: CoreNode): number {
  return Math.floor(Math.ceil(silenceTicks / pingTicks) / 2) + 1;
}
