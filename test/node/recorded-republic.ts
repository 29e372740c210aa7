/** Three consensus states in one process, joined by the codec alone, each with its recording. */
import assert from "node:assert/strict";
import {
  ballotZero,
  emptyRepublic,
  Islander,
  Legislator,
  type Batch,
  type Decree,
  type DurableState,
  type IslanderInput,
  type LegislatorInput,
  type Outcome,
} from "../../consensus/index.ts";
import { ConsensusState } from "../../src/consensus-state.ts";
import { decreesOf } from "../../src/codec/message-codec.ts";
import { digestIslanderOutcome, digestOutcome } from "../../src/recording/outcome-digest.ts";
import { EnvelopeRecorder } from "../../src/recording/envelope-recorder.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { Bodies } from "../../src/storage/bodies.ts";
import type { Clock } from "../../src/world.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { batchOf } from "../storage/samples.ts";
import { joined } from "./codec-harness.ts";

export interface RepublicOptions {
  readonly bytesMax?: number;
  readonly recordBodies?: boolean;
  /** At which step of node a another digest than its outcome's is recorded. */
  readonly lieAt?: number;
}

export interface RecordedNode {
  readonly id: string;
  state: ConsensusState;
  recorder: EnvelopeRecorder;
  /** How many inputs were recorded. */
  steps: number;
  readonly log: Map<number, Decree>;
}

type Unstamped<Input> = Input extends unknown ? Omit<Input, "now" | "when"> : never;

const ids = ["a", "b", "c"];
const nothingDurable: DurableState = {
  promised: ballotZero,
  accepted: ballotZero,
  republic: emptyRepublic(),
  decrees: [],
  lostUpTo: 0,
  heard: [],
  writeLast: 0,
};

export const clock: Clock = {
  now: () => 0,
  wall: () => 1_700_000_000_000,
  after: () => ({ cancel: () => {} }),
  soon: (callback) => void setImmediate(callback),
};

export class RecordedRepublic {
  readonly files: MemoryFiles = new MemoryFiles();
  readonly nodes: Map<string, RecordedNode> = new Map();
  readonly #bodies = new Bodies();
  readonly #options: RepublicOptions;
  readonly #queue: (() => void)[] = [];
  #now = 0;
  #sequence = 0;
  #publisher = 0;

  private constructor(options: RepublicOptions) {
    this.#options = options;
  }

  /** A republic of three seats with a registered publisher. */
  static async found(options: RepublicOptions = {}): Promise<RecordedRepublic> {
    const republic = new RecordedRepublic(options);
    for (const id of ids) await republic.#begin(id, 1, nothingDurable);
    republic.#populate();
    return republic;
  }

  node(id: string): RecordedNode {
    const node = this.nodes.get(id);
    assert.ok(node !== undefined);
    return node;
  }

  /** Publishes entries through node a, one batch each, until all are decided everywhere. */
  publish(count: number): void {
    for (let nth = 0; nth < count; nth += 1) {
      this.#sequence += 1;
      const body = new TextEncoder().encode(`entry ${this.#sequence}`);
      const value: Batch = { ...batchOf(body, this.#sequence), publisher: this.#publisher };
      this.#bodies.set(value, body);
      this.#play("a", { kind: "enqueue", value });
      if (nth % 7 === 0) this.#play("a", { kind: "barrier", barrier: this.#sequence });
      if (nth % 5 === 0) this.#tick();
      this.#drain();
    }
    this.#playIslanderOnce();
    for (let round = 0; round < 3; round += 1) this.#tick();
  }

  /** Ends one node in order and starts it again from what was decided. */
  async restart(id: string): Promise<void> {
    const { state, recorder } = this.node(id);
    await recorder.close();
    const { republic } = state.legislator;
    const { promised, accepted, length, decided } = state.legislator.view();
    assert.equal(length, decided, "everything is decided");
    const durable = { promised, accepted, republic: republic.state(), decrees: [], heard: [] };
    await this.#begin(id, 2, { ...durable, lostUpTo: 0, writeLast: 1_000_000 });
  }

  async close(): Promise<void> {
    for (const { recorder } of this.nodes.values()) await recorder.close();
  }

  async #begin(id: string, starts: number, durable: DurableState): Promise<void> {
    const clockwork = { pingTicks: 50, silenceTicks: 400, stallTicks: 2000, replaceTicks: null };
    const legislator = new Legislator({ id, cookie: cookieOf(id), starts, ...clockwork }, durable);
    const state = new ConsensusState(legislator, new Islander());
    const { bytesMax, recordBodies = false } = this.#options;
    const recorder = await EnvelopeRecorder.open({
      files: this.files,
      directory: `/${id}/recording`,
      clock,
      subject: { id, starts },
      state,
      bodyOf: recordBodies ? (batch): Uint8Array | null => this.#bodies.get(batch) : null,
      onError: (error) => assert.fail(error),
      ...(bytesMax === undefined ? {} : { bytesMax }),
    });
    const before = this.nodes.get(id);
    const log = before?.log ?? new Map<number, Decree>();
    this.nodes.set(id, { id, state, recorder, steps: before?.steps ?? 0, log });
  }

  #populate(): void {
    const republic = { name: "r", identity: "0123456789abcdef" };
    const [founder, ...others] = ids.map((id) => citizenOf(id));
    assert.ok(founder !== undefined);
    this.#play("a", { kind: "bootstrap", republic, founder, parliamentSize: 3 });
    this.#tick();
    for (const citizen of others) {
      this.#play("a", { kind: "immigrate", citizen });
      this.#tick();
      this.#play(citizen.id, { kind: "naturalize" });
      this.#play(citizen.id, { kind: "join", republic, contacts: [founder] });
      for (let round = 0; round < 4; round += 1) this.#tick();
    }
    for (let round = 0; round < 8; round += 1) this.#tick();
    const reply = this.#play("a", {
      kind: "enqueue",
      value: { kind: "registration", nonce: "00000000000000aa" },
    }).reply;
    assert.equal(reply?.kind, "enqueued");
    this.#tick();
    this.#publisher = this.node("a").state.legislator.republic.slot;
    const parliament = this.node("a").state.legislator.republic.government?.parliament;
    assert.deepEqual(parliament, ids);
  }

  #tick(): void {
    this.#now += 50;
    for (const id of ids) this.#play(id, { kind: "event", jitter: 0.5 });
    this.#drain();
  }

  #drain(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next();
  }

  #play(id: string, request: Unstamped<LegislatorInput>): Outcome {
    const node = this.node(id);
    const input: LegislatorInput = { ...request, now: this.#now, when: 1000 + this.#now };
    node.recorder.recordLegislator(input);
    node.steps += 1;
    const outcome = node.state.stepLegislator(input);
    const isLie = id === "a" && node.steps === this.#options.lieAt;
    node.recorder.outcome(isLie ? "0000000000000001" : digestOutcome(outcome));
    this.#carryOut(node, outcome);
    return outcome;
  }

  #carryOut(node: RecordedNode, outcome: Outcome): void {
    assert.equal(outcome.halt, null);
    const { persist } = outcome;
    if (persist !== null) {
      this.#queue.push(() => this.#play(node.id, { kind: "persisted", write: persist.number }));
    }
    for (const { decree } of outcome.applied) node.log.set(decree.slot, decree);
    for (const { to, slotFirst, slotLast, decided } of outcome.sendSlots) {
      const decrees = [...node.log.values()].filter(
        ({ slot }) => slot >= slotFirst && slot <= slotLast,
      );
      const bodies = decrees.map(({ value }) => this.#bodyOf(value));
      const message = { kind: "learn", decrees, decided } as const;
      const sent = joined(requestCodec.encode({ method: "receive", message, bodies }));
      this.#queue.push(() => this.#receive(node.id, to, sent));
    }
    for (const { to, message } of outcome.send) {
      const bodies = decreesOf(message).map(({ value }) => this.#bodyOf(value));
      const sent = joined(requestCodec.encode({ method: "receive", message, bodies }));
      this.#queue.push(() => this.#receive(node.id, to, sent));
    }
  }

  #bodyOf(value: Decree["value"]): Uint8Array | null {
    return value.kind === "batch" ? this.#bodies.get(value) : null;
  }

  #receive(from: string, to: string, bytes: Uint8Array): void {
    const request = requestCodec.decode(bytes);
    assert.ok(request.method === "receive");
    const { message, bodies } = request;
    decreesOf(message).forEach(({ value }, position) => {
      const body = bodies[position] ?? null;
      if (value.kind === "batch" && body !== null) this.#bodies.set(value, body);
    });
    this.#play(to, { kind: "receive", from, cookie: cookieOf(from), message });
  }

  /** The islander of node a registers, and gets no answer. */
  #playIslanderOnce(): void {
    const node = this.node("a");
    const stamp = { now: this.#now, when: 1000 + this.#now };
    const open = { kind: "open", ...stamp, nonce: "00000000000000bb" } as const;
    const resume = { publisher: this.#publisher, sequenceNext: this.#sequence + 1 };
    const inputs: readonly IslanderInput[] = [
      { ...open, resume },
      { kind: "event", ...stamp },
    ];
    for (const input of inputs) {
      node.recorder.recordIslander(input);
      node.steps += 1;
      node.recorder.outcome(digestIslanderOutcome(node.state.stepIslander(input)));
    }
  }
}

function cookieOf(id: string): string {
  return id.charCodeAt(0).toString(16).padStart(16, "0");
}

function citizenOf(id: string): {
  readonly id: string;
  readonly cookie: string;
  readonly url: string;
  readonly properties: Readonly<Record<string, string>>;
} {
  return { id, cookie: cookieOf(id), url: `tcp://${id}`, properties: {} };
}
