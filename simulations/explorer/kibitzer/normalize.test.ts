/**
 * The rules of `normalize.ts`, against the reducer: whatever happens to a node and to the
 * representative of its state, they stay alike and send the same. The one node lives on without
 * ever being normalised; only its log time is held, which is part of what decrees are.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Legislator, type Message, type Plain } from "../../../consensus/index.ts";
import { Prng } from "../../prng.ts";
import { ballotNumber } from "./ballots.ts";
import { foundRepublic } from "./founding.ts";
import { cookieOf, mayStandUpAt, nodeIds, start, type LiveNode } from "./live-node.ts";
import type { NodeInput } from "./node-inputs.ts";
import { NodeSteps, type ValueOf } from "./node-steps.ts";
import { normalize } from "./normalize.ts";
import { Packets } from "./packets.ts";
import { fields, whole } from "./plain-fields.ts";

const values = 2;
const slotKept = 9;

/** A node that nobody normalises. */
class RawNode {
  #live: LiveNode;
  #now: number;

  constructor(live: LiveNode) {
    this.#live = live;
    this.#now = whole(this.#state["now"]);
  }

  get #state(): ReturnType<typeof fields> {
    return fields(fields(this.#live.legislator.checkpoint())["state"]);
  }

  get #node(): number {
    return nodeIds.indexOf(this.#live.id);
  }

  get essence(): string {
    return essence(normalize(this.#live.legislator.checkpoint(), slotKept));
  }

  step(input: NodeInput, packets: Packets): readonly number[] {
    if (input.kind === "crash") {
      this.#crash(input.writes);
      return [];
    }
    this.#holdLogTime();
    const { legislator, disk } = this.#live;
    const from = this.#node;
    const when = ballotNumber(legislator.view().promised);
    const outcome = legislator.step({ ...this.#unstamped(input, packets), now: this.#now, when });
    if (outcome.persist !== null) disk.append(outcome.persist);
    const sent = outcome.send.map(({ to, message }) => packets.number(from, to, message));
    const slots = outcome.sendSlots.map(({ to, slotFirst, slotLast, decided }) => {
      const decrees = disk.written.log.slice(slotFirst - 1, slotLast);
      return packets.number(from, to, { kind: "learn", decrees, decided });
    });
    return [...slots, ...sent];
  }

  #crash(writes: number): void {
    const { id, starts, disk } = this.#live;
    for (let count = 0; count < writes; count += 1) disk.harden();
    disk.crash();
    this.#live = start(id, starts + 1, disk);
    this.#now = 0;
  }

  #unstamped(input: Exclude<NodeInput, { kind: "crash" }>, packets: Packets): RawInput {
    switch (input.kind) {
      case "receive": {
        const { from, message } = packets.at(input.packet);
        const id = nodeIds[from] ?? "";
        return { kind: "receive", from: id, cookie: cookieOf(id), message: this.#round(message) };
      }
      case "persisted": {
        let write = 0;
        for (let count = 0; count < input.writes; count += 1) {
          write = this.#live.disk.harden()?.number ?? 0;
        }
        return { kind: "persisted", write };
      }
      case "event":
        this.#now = Math.max(this.#now, whole(this.#state["roundAt"]));
        return { kind: "event", jitter: 0 };
      case "sent":
        this.#now = Math.max(this.#now, mayStandUpAt(this.#state, this.#node));
        return { kind: "sent", to: input.to };
      case "enqueue":
        return { kind: "enqueue", value: valueOf(input.value) };
    }
  }

  /** A pong answers the round that this node is in. */
  #round(message: Message): Message {
    if (message.kind !== "pong") return message;
    return { ...message, answer: { ...message.answer, round: whole(this.#state["round"]) } };
  }

  #holdLogTime(): void {
    const checkpoint = fields(this.#live.legislator.checkpoint());
    const state = fields(checkpoint["state"]);
    const role = fields(state["role"]);
    if (role["kind"] !== "leading") return;
    const held = { ...role, timeBase: -1_000_000, since: this.#now };
    const legislator = Legislator.restore({ ...checkpoint, state: { ...state, role: held } });
    this.#live = { ...this.#live, legislator };
  }
}

type Stamped = Parameters<Legislator["step"]>[0];
type RawInput = Stamped extends infer Input
  ? Input extends Stamped
    ? Omit<Input, "now" | "when">
    : never
  : never;

const valueOf: ValueOf = (value) => {
  const publisher = 10 - value;
  return { kind: "batch", publisher, sequence: 1, count: 1, size: 8, checksum: value + 1 };
};

/** What must be alike; the republic is told by the hash of the log that made it. */
function essence(normal: Plain): string {
  const { options, durable, state } = fields(normal);
  return JSON.stringify([options, state, fields(durable)["decrees"]]);
}

function frozenIn(text: string): string {
  const [, , frozen]: readonly Plain[] = JSON.parse(text);
  return essence(frozen ?? null);
}

/** Messages, writes, crashes and time at random, on nodes that lead two lives side by side. */
class Walk {
  readonly #prng: Prng;
  readonly #packets = new Packets();
  readonly #steps: NodeSteps;
  readonly #states: number[];
  readonly #raw: readonly RawNode[];
  readonly #network = new Set<number>();
  readonly done = new Set<NodeInput["kind"]>();
  leaders = 0;

  constructor(seed: number) {
    this.#prng = new Prng(`walk ${seed}`);
    this.#steps = new NodeSteps(foundRepublic(values), this.#packets, valueOf);
    this.#states = [...this.#steps.founded];
    this.#raw = foundRepublic(values).map((live) => new RawNode(live));
  }

  take(): void {
    const node = this.#prng.integer(0, 2);
    const input = this.#draw(node);
    if (input === null) return;
    const before = this.#states[node] ?? 0;
    const { to, packets, breach } = this.#steps.step(before, input);
    assert.equal(breach, null);
    const raw = this.#raw[node];
    assert.ok(raw !== undefined);
    assert.deepEqual(raw.step(input, this.#packets), packets, input.kind);
    assert.equal(raw.essence, frozenIn(this.#steps.at(to).text), input.kind);
    this.done.add(input.kind);
    if (this.#steps.at(to).role === "leading" && this.#steps.at(before).role !== "leading") {
      this.leaders += 1;
    }
    this.#states[node] = to;
    for (const packet of packets) this.#network.add(packet);
  }

  /** Mostly messages, the latest first: elections come to an end. */
  #draw(node: number): NodeInput | null {
    const { pending } = this.#steps.at(this.#states[node] ?? 0);
    const die = this.#prng.integer(0, 99);
    const other = nodeIds[(node + this.#prng.integer(1, 2)) % 3] ?? "";
    if (die < 1) return { kind: "crash", writes: this.#prng.integer(0, pending) };
    if (die < 6) return { kind: "event" };
    if (die < 12) return { kind: "sent", to: other };
    if (die < 17) return { kind: "enqueue", value: this.#prng.integer(0, values - 1) };
    if (die < 50 && pending > 0) {
      return { kind: "persisted", writes: this.#prng.integer(1, pending) };
    }
    const waiting = [...this.#network].filter((packet) => this.#packets.at(packet).to === node);
    const packet = waiting[waiting.length - 1 - this.#prng.integer(0, Math.min(4, waiting.length))];
    return packet === undefined ? null : { kind: "receive", packet };
  }
}

test("a step of the representative is the representative of the step", () => {
  const done = new Set<string>();
  let leaders = 0;
  for (let seed = 1; seed <= 16; seed += 1) {
    const walk = new Walk(seed);
    // Fewer rounds than make a node note what it heard of its peers.
    for (let steps = 0; steps < 200; steps += 1) walk.take();
    for (const kind of walk.done) done.add(kind);
    leaders += walk.leaders;
  }
  assert.equal(done.size, 6, [...done].join(" "));
  assert.ok(leaders >= 4, `${leaders} elections`);
});
