/**
 * The shipped consensus core, three nodes of it, as a model to explore: which actions there are,
 * and what each one does. Messages are lost (by never being delivered), overtake each other and are
 * doubled; writes are durable later than they are written, and a loss of power may come in between.
 */
import type { NodeId } from "../../../consensus/index.ts";
import type { Model } from "../model.ts";
import type { StateHash } from "../state-hash.ts";
import { Draft, place, Workshop, type RepublicState } from "./draft.ts";
import { foundRepublic, NotFoundedError } from "./founding.ts";
import { nodeIds, type LiveNode } from "./live-node.ts";
import { NodeSteps } from "./node-steps.ts";
import { Packets } from "./packets.ts";
import {
  changed,
  electionsOf,
  fullBudget,
  isSubmitted,
  left,
  submitted,
  type Scope,
} from "./scope.ts";

/** The kind in the low bits, then the node, then whatever else there is to say. */
export type RepublicAction = number;

const kinds = 8;
/** Added to the kind of an action out of the plain order. */
const deviates = kinds;
const nodes = nodeIds.length;
const kind = {
  deliver: 0,
  double: 1,
  persist: 2,
  crash: 3,
  submit: 4,
  round: 5,
  stand: 6,
  lose: 7,
} as const;

interface Parts {
  readonly kind: number;
  readonly node: number;
  readonly detail: number;
}

function pack({ kind, node, detail }: Parts): RepublicAction {
  return kind + 2 * kinds * (node + nodes * detail);
}

function unpack(action: RepublicAction): Parts {
  const rest = Math.floor(action / (2 * kinds));
  return { kind: action % kinds, node: rest % nodes, detail: Math.floor(rest / nodes) };
}

/** How far an exploration got, besides its number of states. */
export interface Coverage {
  /** Distinct states of single nodes, and distinct steps of them. */
  readonly nodeStates: number;
  readonly nodeSteps: number;
  readonly messages: number;
  readonly ghostStates: number;
  /** The most that any one state had: ballots that were led, slots chosen, ballots that chose. */
  readonly ballots: number;
  readonly chosen: number;
  readonly ballotsChoosing: number;
}

export class KibitzerModel implements Model<RepublicState, RepublicAction> {
  readonly #scope: Scope;
  readonly #workshop: Workshop;

  /** What is broken already where the exploration would start, or 0. */
  #breachAtStart = 0;

  constructor(scope: Scope, found: (publishers: number) => readonly LiveNode[] = foundRepublic) {
    this.#scope = scope;
    const packets = new Packets();
    let failure: string | null = null;
    let founded: readonly LiveNode[] = [];
    try {
      founded = found(scope.values);
    } catch (error) {
      if (!(error instanceof NotFoundedError)) throw error;
      failure = error.message;
    }
    const last = founded[0]?.disk.durable.log.length ?? 0;
    const steps = new NodeSteps(founded, packets, (value) => {
      // The last decrees of the founding register the publishers; each publishes one entry.
      const publisher = last - value;
      return { kind: "batch", publisher, sequence: 1, count: 1, size: 8, checksum: value + 1 };
    });
    this.#workshop = new Workshop(steps, packets, scope.isAtomic);
    if (failure !== null) this.#breachAtStart = this.#workshop.breaches.push(failure) - 1;
  }

  get coverage(): Coverage {
    const { steps, packets, ghosts } = this.#workshop;
    return {
      nodeStates: steps.size,
      nodeSteps: steps.stepped,
      messages: packets.size,
      ghostStates: ghosts.size,
      ballots: ghosts.ballotsMost,
      chosen: ghosts.chosenMost,
      ballotsChoosing: ghosts.ballotsChoosingMost,
    };
  }

  initial(): readonly RepublicState[] {
    const { steps, ghosts } = this.#workshop;
    const nodeStates = nodeIds.map((_, node) => steps.founded[node] ?? 0);
    return [[...nodeStates, ghosts.first, fullBudget(this.#scope), this.#breachAtStart]];
  }

  actions(state: RepublicState): readonly RepublicAction[] {
    const onward = [...this.#ofDisks(state), ...this.#ofNetwork(state, kind.deliver)];
    const events: RepublicAction[] = [];
    for (let node = 0; node < nodes; node += 1) {
      this.#ofFaults(state, node, events);
      this.#ofTime(state, node, events);
      this.#ofPublishers(state, node, events);
    }
    if (this.#scope.deviations === null) return [...onward, ...events];
    const first = onward.find((action) => this.next(state, action) !== null);
    if (first === undefined) return events;
    if (left(state[place.budget] ?? 0, "deviations") === 0) return [first];
    const others = onward.filter((action) => action !== first);
    const deviating = [...others, ...this.#ofNetwork(state, kind.lose), ...events];
    return [first, ...deviating.map((action) => action + deviates)];
  }

  next(state: RepublicState, action: RepublicAction): RepublicState | null {
    const draft = new Draft(this.#workshop, state);
    if ((action & deviates) !== 0) draft.budget = changed(draft.budget, "deviations", -1);
    return this.#act(draft, unpack(action)) ? draft.finish() : null;
  }

  hash(state: RepublicState, into: StateHash): void {
    for (const word of state) into.word(word);
  }

  broken(state: RepublicState): string | null {
    const breach = state[place.breach] ?? 0;
    return breach === 0 ? null : (this.#workshop.breaches[breach] ?? null);
  }

  describe(state: RepublicState, action: RepublicAction): readonly string[] {
    const story: string[] = [];
    const parts = unpack(action);
    this.#act(new Draft(this.#workshop, state, story), parts);
    return [this.#title(parts), ...story];
  }

  #ofNetwork(state: RepublicState, what: number): readonly RepublicAction[] {
    return state.slice(place.packets).map((packet) => {
      return pack({ kind: what, node: this.#workshop.packets.at(packet).to, detail: packet });
    });
  }

  /** How many of the writes under way are durable when the node is told. */
  #ofDisks(state: RepublicState): readonly RepublicAction[] {
    const actions: RepublicAction[] = [];
    for (let node = 0; node < nodes; node += 1) {
      const { pending } = this.#workshop.steps.at(state[node] ?? 0);
      for (let writes = pending; writes > 0; writes -= 1) {
        actions.push(pack({ kind: kind.persist, node, detail: writes }));
      }
    }
    return actions;
  }

  /** How many of the writes under way are durable when power is lost; what arrives once more. */
  #ofFaults(state: RepublicState, node: number, actions: RepublicAction[]): void {
    const budget = state[place.budget] ?? 0;
    const { pending } = this.#workshop.steps.at(state[node] ?? 0);
    if (left(budget, "crashes") > 0) {
      for (let writes = 0; writes <= pending; writes += 1) {
        actions.push(pack({ kind: kind.crash, node, detail: writes }));
      }
    }
    if (left(budget, "duplicates") === 0) return;
    for (const action of this.#ofNetwork(state, kind.double)) {
      if (unpack(action).node === node) actions.push(action);
    }
  }

  /**
   * A follower that hears both others, or one of them no more, gets that by an election as well: it
   * is asked to answer partial rounds only when nobody has vouched for it yet.
   */
  #ofTime(state: RepublicState, node: number, actions: RepublicAction[]): void {
    const budget = state[place.budget] ?? 0;
    const { role, isFresh } = this.#workshop.steps.at(state[node] ?? 0);
    if (left(budget, "rounds") > 0) {
      const fewest = role === "follower" ? (isFresh ? 1 : everybody) : 0;
      for (let answering = fewest; answering <= everybody; answering += 1) {
        actions.push(pack({ kind: kind.round, node, detail: answering }));
      }
    }
    for (const silent of othersOf(node)) {
      if (electionsLeft(budget, [node]) === 0) break;
      actions.push(pack({ kind: kind.stand, node, detail: silent }));
    }
    if (electionsLeft(budget, othersOf(node)) > 0) {
      actions.push(pack({ kind: kind.stand, node, detail: node }));
    }
  }

  /** Publishers are alike: the next one begins when the one before it has. */
  #ofPublishers(state: RepublicState, node: number, actions: RepublicAction[]): void {
    if (this.#workshop.steps.at(state[node] ?? 0).role !== "leading") return;
    const budget = state[place.budget] ?? 0;
    for (let value = 0; value < this.#scope.values; value += 1) {
      const isFirst = !isSubmitted(budget, value);
      if (isFirst || left(budget, "retries") > 0) {
        actions.push(pack({ kind: kind.submit, node, detail: value }));
      }
      if (isFirst) return;
    }
  }

  /** False when the action cannot happen. */
  #act(draft: Draft, { kind: what, node, detail }: Parts): boolean {
    switch (what) {
      case kind.deliver:
        draft.take(detail);
        draft.step(node, { kind: "receive", packet: detail });
        return true;
      case kind.lose:
        draft.lose(detail);
        return true;
      case kind.double:
        draft.budget = changed(draft.budget, "duplicates", -1);
        draft.step(node, { kind: "receive", packet: detail });
        return true;
      case kind.persist:
        draft.step(node, { kind: "persisted", writes: detail });
        return true;
      case kind.crash:
        draft.budget = changed(changed(draft.budget, "crashes", -1), "rounds", 1);
        draft.step(node, { kind: "crash", writes: detail });
        return true;
      case kind.submit: {
        const isAgain = isSubmitted(draft.budget, detail);
        draft.budget = isAgain
          ? changed(draft.budget, "retries", -1)
          : submitted(draft.budget, detail);
        draft.step(node, { kind: "enqueue", value: detail });
        return true;
      }
      case kind.round:
        draft.budget = changed(draft.budget, "rounds", -1);
        this.#round(draft, node, detail);
        return true;
      default:
        return node === detail ? this.#elect(draft, node) : this.#stand(draft, node, detail);
    }
  }

  /** A round of pings; who answers, does so at once, and the others' pings or pongs are lost. */
  #round(draft: Draft, node: number, answering: number): void {
    const pings = draft.step(node, { kind: "event" });
    const answers = othersOf(node).filter((_, at) => ((answering >> at) & 1) === 1);
    for (const other of answers)
      this.#talk(draft, this.#between(pings, [other]), [node, ...answers]);
  }

  /** Whatever pings and pongs these lead to among `present`: answers, and whom they would elect. */
  #talk(draft: Draft, first: readonly number[], present: readonly number[]): void {
    let waiting = first;
    for (let spoken = 0; spoken < wordsMax && waiting.length > 0 && !draft.isOver; spoken += 1) {
      const [word = 0, ...others] = waiting;
      waiting = [...others, ...this.#between(draft.hear(word), present)];
    }
  }

  #between(heartbeats: readonly number[], receivers: readonly number[]): readonly number[] {
    return heartbeats.filter((packet) => receivers.includes(this.#workshop.packets.at(packet).to));
  }

  /**
   * An election against the will of all: `node` loses its connection to `silent`, and of the third
   * one it hears no more than that it is there, since that one hears nobody. So nobody chooses it,
   * and nobody keeps it from standing up when it has waited long enough. Neither is told: if they
   * lead, they go on.
   */
  #stand(draft: Draft, node: number, silent: number): boolean {
    const third = othersOf(node).find((other) => other !== silent) ?? node;
    const before = draft.electionsLeft(node);
    for (const other of [silent, node]) draft.step(third, { kind: "sent", to: idOf(other) });
    // Once to find out that it may, and once more after the time that it waits.
    for (let asked = 0; asked < 2 && !draft.isOver; asked += 1) {
      if (draft.electionsLeft(node) < before) break;
      const pings = draft.step(node, { kind: "sent", to: idOf(silent) });
      // Who has just started has no connections to lose: its first round asks.
      const asking = pings.length > 0 ? pings : draft.step(node, { kind: "event" });
      this.#talk(draft, this.#between(asking, [third]), [node, third]);
    }
    return draft.isOver || draft.electionsLeft(node) < before;
  }

  /**
   * An election as it is meant: the others lose their connections to `silent`, talk about whom they
   * would have lead, and that one stands up.
   */
  #elect(draft: Draft, silent: number): boolean {
    const present = othersOf(silent);
    const before = electionsLeft(draft.budget, present);
    const pings = present.flatMap((node) => draft.step(node, { kind: "sent", to: idOf(silent) }));
    this.#talk(draft, this.#between(pings, present), present);
    return draft.isOver || electionsLeft(draft.budget, present) < before;
  }

  #title({ kind: what, node, detail }: Parts): string {
    const id = idOf(node);
    switch (what) {
      case kind.deliver:
        return this.#workshop.packets.text(detail);
      case kind.lose:
        return `lost: ${this.#workshop.packets.text(detail)}`;
      case kind.double:
        return `${this.#workshop.packets.text(detail)}, and stays under way`;
      case kind.persist:
        return `${id} is told that ${detail} of its writes are durable`;
      case kind.crash:
        return `${id} loses power when ${detail} of its writes under way are durable`;
      case kind.submit:
        return `value ${detail + 1} is submitted at ${id}`;
      case kind.round: {
        const answering = othersOf(node).filter((_, at) => ((detail >> at) & 1) === 1);
        return `${id} pings; answered by ${answering.map(idOf).join(" and ") || "nobody"}`;
      }
      default:
        if (node === detail) return `${id} is silent, and the others elect`;
        return `${id} stands up, asked by nobody: ${idOf(detail)} is silent`;
    }
  }
}

function othersOf(node: number): readonly number[] {
  return others[node] ?? [];
}

/** Both others, as bits. */
const everybody = 3;

/** Pings and pongs of one action, at most; by far more than there are, and the rest is lost. */
const wordsMax = 24;

const others = [
  [1, 2],
  [0, 2],
  [0, 1],
];

function idOf(node: number): NodeId {
  return nodeIds[node] ?? "";
}

function electionsLeft(budget: number, candidates: readonly number[]): number {
  return candidates.reduce((sum, node) => sum + left(budget, electionsOf[node] ?? "a"), 0);
}
