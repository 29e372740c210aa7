/**
 * The shipped reducer as a table: states of a node and inputs are numbers, and each pair is stepped
 * once. A step thaws legislator and disk, carries out what the outcome asks, checks it, and freezes
 * the representative of what came out. Nothing here knows of more than one node.
 */
import {
  InvariantViolation,
  type Decree,
  type Hash,
  type LegislatorInput,
  type Outcome,
  type Plain,
  type Write,
} from "../../../consensus/index.ts";
import { Legislator } from "../../../consensus/index.ts";
import { outcomeLines } from "../../core/abbreviate.ts";
import { Violation } from "../../core/violation.ts";
import type { VirtualDisk } from "../../core/virtual-disk.ts";
import { PairTable } from "../pair-table.ts";
import { ballotNumber } from "./ballots.ts";
import type { GhostEvent, Log } from "./ghost.ts";
import { Interner } from "./interner.ts";
import { cookieOf, diskWith, mayStandUpAt, nodeIds, start, type LiveNode } from "./live-node.ts";
import { inputNumber, type NodeInput } from "./node-inputs.ts";
import { normalize } from "./normalize.ts";
import type { Packets } from "./packets.ts";
import { fields, list, whole } from "./plain-fields.ts";
import { StepChecks } from "./step-checks.ts";

/** A state of one node, and what is asked of it often. */
export interface NodeState {
  readonly node: number;
  /** Image of the disk, writes under way and checkpoint, as JSON. */
  readonly text: string;
  readonly pending: number;
  readonly role: ReturnType<Legislator["view"]>["role"];
  /** Whether nobody has vouched for its disk in this life: it may not vote. */
  readonly isFresh: boolean;
  readonly promisedDurably: number;
}

export interface Transition {
  readonly to: number;
  readonly packets: readonly number[];
  /** Of the events for the ghost state, in order; 0 is the empty list. */
  readonly events: number;
  /** Whether the node stood up in a new ballot. */
  readonly stoodUp: boolean;
  readonly breach: string | null;
}

/** The value number `value` of the publishers that the founding registered. */
export type ValueOf = (value: number) => Extract<LegislatorInput, { kind: "enqueue" }>["value"];

export class NodeSteps {
  readonly #packets: Packets;
  readonly #valueOf: ValueOf;
  /** The last slot of the founding, and the last that every disk knew to be decided. */
  readonly #base: number;
  readonly #slotKept: number;
  readonly #states = new Interner<NodeState>();
  readonly #images = new Interner<VirtualDisk>();
  readonly #republics = new Interner<Plain>();
  readonly #decrees = new Map<Hash, number>();
  readonly #events = new Interner<readonly GhostEvent[]>();
  readonly #known = new PairTable();
  readonly #transitions: Transition[] = [];
  readonly #checks: StepChecks;
  /** The states of the nodes as they were founded. */
  readonly founded: readonly number[];

  constructor(founded: readonly LiveNode[], packets: Packets, valueOf: ValueOf) {
    this.#packets = packets;
    this.#valueOf = valueOf;
    this.#base = Math.max(0, ...founded.map(({ disk }) => disk.durable.log.length));
    this.#slotKept = Math.min(...founded.map(({ disk }) => disk.durable.decided));
    this.#checks = new StepChecks(founded[0]?.disk.durable.log ?? []);
    this.#events.number("[]", () => []);
    this.founded = founded.map((node) => this.#freeze(node));
  }

  get size(): number {
    return this.#states.size;
  }

  get stepped(): number {
    return this.#transitions.length;
  }

  at(state: number): NodeState {
    return this.#states.at(state);
  }

  eventsAt(events: number): readonly GhostEvent[] {
    return this.#events.at(events);
  }

  step(state: number, input: NodeInput): Transition {
    const number = inputNumber(input);
    const known = this.#transitions[this.#known.get(state, number)];
    if (known !== undefined) return known;
    const { transition } = this.#stepAnew(state, input);
    this.#known.add(state, number, this.#transitions.length);
    this.#transitions.push(transition);
    return transition;
  }

  /** What a step asked for, for people. */
  lines(state: number, input: NodeInput): readonly string[] {
    return this.#stepAnew(state, input).lines;
  }

  #stepAnew(state: number, input: NodeInput): { transition: Transition; lines: string[] } {
    const node = this.#thaw(state);
    const turn = new Turn(node);
    try {
      const live = this.#carryOut(turn, input);
      const events = this.#eventsNumber(turn.events);
      const to = this.#freeze(live);
      const { packets, lines } = turn;
      return { transition: { to, packets, events, stoodUp: turn.stoodUp, breach: null }, lines };
    } catch (error) {
      const breach = breachOf(error, node.id);
      const nothing = { packets: [], events: 0, stoodUp: false };
      return { transition: { to: state, ...nothing, breach }, lines: turn.lines };
    }
  }

  #eventsNumber(events: readonly GhostEvent[]): number {
    return this.#events.number(JSON.stringify(events), () => events);
  }

  #carryOut(turn: Turn, input: NodeInput): LiveNode {
    const { node } = turn;
    switch (input.kind) {
      case "receive": {
        const { from, message } = this.#packets.at(input.packet);
        const id = nodeIds[from] ?? "";
        this.#step(turn, { kind: "receive", from: id, cookie: cookieOf(id), message }, 0);
        return node;
      }
      case "persisted": {
        const write = this.#harden(turn, input.writes);
        this.#step(turn, { kind: "persisted", write }, 0);
        return node;
      }
      case "crash":
        return this.#crash(turn, input.writes);
      case "event":
        this.#step(turn, { kind: "event", jitter: 0 }, turn.roundAt);
        return node;
      case "sent":
        this.#step(turn, { kind: "sent", to: input.to }, turn.mayStandUpAt);
        return node;
      case "enqueue":
        this.#step(turn, { kind: "enqueue", value: this.#valueOf(input.value) }, 0);
        return node;
    }
  }

  #crash(turn: Turn, writes: number): LiveNode {
    const { id, starts, disk } = turn.node;
    this.#harden(turn, writes);
    disk.crash();
    const next = start(id, starts + 1, disk);
    turn.lines.push(`comes back with what ${writes} of its writes under way left on the disk`);
    const { decided } = next.legislator.view();
    const log = this.#log(disk.durable.log.slice(0, decided));
    turn.events.push({ kind: "decides", node: nodeIds.indexOf(id), log });
    return next;
  }

  /** Makes the oldest writes under way durable; returns the number of the last. */
  #harden({ node, events }: Turn, writes: number): number {
    let number = 0;
    for (let count = 0; count < writes; count += 1) {
      const before = this.#log(node.disk.durable.log);
      const write = node.disk.harden();
      if (write === null) throw new RangeError(`${node.id} has no ${writes} writes under way`);
      number = write.number;
      const { accepted, log } = node.disk.durable;
      events.push({
        kind: "durable",
        node: nodeIds.indexOf(node.id),
        ballot: ballotNumber(accepted),
        log: this.#log(log),
        before,
      });
    }
    return number;
  }

  #step(turn: Turn, unstamped: Unstamped, now: number): void {
    const { node } = turn;
    const before = node.legislator.view();
    const logBefore = this.#log(node.disk.written.log);
    // Information for people, which may be anything: here it tells the ballots' decrees apart.
    const when = ballotNumber(before.promised);
    const outcome = node.legislator.step({ ...unstamped, now, when });
    turn.lines.push(...outcomeLines(outcome));
    if (outcome.persist !== null) node.disk.append(outcome.persist);
    this.#checks.check(node, outcome, before.decided);
    this.#observe(turn, before, logBefore);
    this.#send(turn, outcome);
  }

  /** Tells the ghost what this step means for others. */
  #observe({ node, events }: Turn, before: View, logBefore: Log): void {
    const after = node.legislator.view();
    const at = nodeIds.indexOf(node.id);
    const ballot = ballotNumber(after.promised);
    const log = this.#log(node.disk.written.log);
    if (after.role === "leading") {
      const isNew = before.role !== "leading" || ballotNumber(before.promised) !== ballot;
      const hasGrown = log.length !== logBefore.length || log.at(-1) !== logBefore.at(-1);
      if (isNew) events.push({ kind: "leads", node: at, ballot, log });
      else if (hasGrown) events.push({ kind: "proposes", ballot, log });
    }
    if (after.decided > before.decided) {
      const decided = log.slice(0, Math.max(0, after.decided - this.#base));
      events.push({ kind: "decides", node: at, log: decided });
    }
  }

  #send(turn: Turn, outcome: Outcome): void {
    const { node, packets } = turn;
    const from = nodeIds.indexOf(node.id);
    for (const { to, slotFirst, slotLast, decided } of outcome.sendSlots) {
      const decrees = node.disk.written.log.slice(slotFirst - 1, slotLast);
      packets.push(this.#packets.number(from, to, { kind: "learn", decrees, decided }));
    }
    for (const { to, message } of outcome.send) {
      packets.push(this.#packets.number(from, to, message));
    }
  }

  /** The decrees after the founding, as numbers. */
  #log(decrees: readonly Decree[]): Log {
    return decrees.slice(this.#base).map(({ hash }) => {
      const number = this.#decrees.get(hash) ?? this.#decrees.size;
      this.#decrees.set(hash, number);
      return number;
    });
  }

  #freeze({ id, legislator, disk }: LiveNode): number {
    const checkpoint = legislator.checkpoint();
    const shift = whole(fields(fields(fields(checkpoint)["state"])["durable"])["write"]) - 1;
    const pending = disk.pending.map((write) => ({ ...write, number: write.number - shift }));
    const normal = normalize(checkpoint, this.#slotKept);
    const durable = fields(normal["durable"]);
    const republicPlain = durable["republic"] ?? null;
    const republic = this.#republics.number(JSON.stringify(republicPlain), () => republicPlain);
    const image = this.#freezeImage(disk);
    const frozen = { ...normal, durable: { ...durable, republic } };
    const text = JSON.stringify([image, pending, frozen]);
    return this.#states.number(text, () => ({
      node: nodeIds.indexOf(id),
      text,
      pending: pending.length,
      role: legislator.role,
      isFresh: list(fields(normal["state"])["vouchers"]).length === 0,
      promisedDurably: ballotNumber(disk.durable.promised),
    }));
  }

  /** A log is told by the hash of its last decree, which chains over all before it. */
  #freezeImage(disk: VirtualDisk): number {
    const { promised, accepted, log, decided, heard } = disk.durable;
    const text = JSON.stringify([promised, accepted, log.at(-1)?.hash, decided, [...heard]]);
    return this.#images.number(text, () => disk.backUp());
  }

  #thaw(state: number): LiveNode {
    const { node, text } = this.#states.at(state);
    const parsed: Frozen = JSON.parse(text);
    const [image, pending, frozen] = parsed;
    const durable = fields(frozen["durable"]);
    const republic = this.#republics.at(whole(durable["republic"]));
    const checkpoint = { ...frozen, durable: { ...durable, republic } };
    const options = fields(frozen["options"]);
    return {
      id: nodeIds[node] ?? "",
      starts: whole(options["starts"]),
      legislator: Legislator.restore(checkpoint),
      disk: diskWith(this.#images.at(image), pending),
    };
  }
}

type Frozen = readonly [number, readonly Write[], ReturnType<typeof fields>];
type View = ReturnType<Legislator["view"]>;
type Unstamped = LegislatorInput extends infer Input
  ? Input extends LegislatorInput
    ? Omit<Input, "now" | "when">
    : never
  : never;

/** One step under way, and what comes of it. */
class Turn {
  readonly node: LiveNode;
  readonly packets: number[] = [];
  readonly events: GhostEvent[] = [];
  readonly lines: string[] = [];
  readonly #ballotBefore: string;

  constructor(node: LiveNode) {
    this.node = node;
    this.#ballotBefore = JSON.stringify(node.legislator.view().promised);
  }

  get stoodUp(): boolean {
    const { role, promised } = this.node.legislator.view();
    const isCompeting = role === "candidate" || role === "leading";
    return isCompeting && JSON.stringify(promised) !== this.#ballotBefore;
  }

  /** When the next round begins; the clock stands at zero. */
  get roundAt(): number {
    return whole(this.#state["roundAt"]);
  }

  get mayStandUpAt(): number {
    return mayStandUpAt(this.#state, nodeIds.indexOf(this.node.id));
  }

  get #state(): ReturnType<typeof fields> {
    return fields(fields(this.node.legislator.checkpoint())["state"]);
  }
}

function breachOf(error: unknown, id: string): string {
  if (error instanceof Violation) return error.message;
  if (error instanceof InvariantViolation) return `assertion: ${id}: ${error.message}`;
  throw error;
}
