/**
 * The state from which the exploration starts, made by the reducer itself: `a` founds a republic,
 * admits `b` and `c`, all three get seats, and `a` leads with nothing under way. Every message
 * arrives, every write is durable at once.
 */
import {
  InvariantViolation,
  type LegislatorInput,
  type Message,
  type NodeId,
} from "../../../consensus/index.ts";
import { VirtualDisk } from "../../core/virtual-disk.ts";
import { cookieOf, nodeIds, start, type LiveNode } from "./live-node.ts";

type Unstamped = LegislatorInput extends infer Input
  ? Input extends LegislatorInput
    ? Omit<Input, "now" | "when">
    : never
  : never;

interface Packet {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
}

const republic = { name: "explored", identity: "e".repeat(16) };
const ticksMax = 60;

/** The core does not even get to where the exploration starts. */
export class NotFoundedError extends Error {
  override readonly name = "NotFoundedError";
}

/**
 * @param publishers How many publishers the log registers; the slots name them.
 * @throws {NotFoundedError} when an assertion of the core fails, or nothing comes of it.
 */
export function foundRepublic(publishers: number): readonly LiveNode[] {
  try {
    return new Founding().run(publishers);
  } catch (error) {
    if (!(error instanceof InvariantViolation)) throw error;
    throw new NotFoundedError(`assertion, before the start: ${error.message}`);
  }
}

class Founding {
  readonly #nodes = nodeIds.map((id) => start(id, 1, new VirtualDisk()));
  readonly #packets: Packet[] = [];
  #now = 0;

  run(publishers: number): readonly LiveNode[] {
    const [founder, ...others] = this.#nodes;
    if (founder === undefined) throw new Error("somebody must found");
    const citizen = citizenOf(founder.id);
    this.#step(founder, { kind: "bootstrap", republic, founder: citizen, parliamentSize: 3 });
    this.#ticksUntil(() => founder.legislator.role === "leading");
    for (const node of others) {
      this.#step(founder, { kind: "immigrate", citizen: citizenOf(node.id) });
      this.#step(node, { kind: "join", republic, contacts: [citizen] });
      this.#step(node, { kind: "naturalize" });
    }
    this.#ticksUntil(() => founder.legislator.republic.government?.parliament.length === 3);
    this.#ticksUntil(() => founder.legislator.role === "leading");
    for (let count = 1; count <= publishers; count += 1) {
      const nonce = String(count).padStart(16, "0");
      this.#step(founder, { kind: "enqueue", value: { kind: "registration", nonce } });
    }
    const isSettled = (): boolean => {
      const slots = this.#nodes.map(({ legislator }) => legislator.view());
      return slots.every(
        ({ length, decided }) => length === decided && length === slots[0]?.length,
      );
    };
    this.#ticksUntil(isSettled);
    // Reports, too, are to be as they are in a republic that has been at rest for a while.
    for (let rounds = 0; rounds < 4; rounds += 1) this.#tick();
    if (!isSettled()) throw new NotFoundedError("a republic at rest does not stay so");
    return this.#nodes;
  }

  #ticksUntil(isReached: () => boolean): void {
    for (let ticks = 0; !isReached(); ticks += 1) {
      if (ticks > ticksMax) throw new NotFoundedError("the republic is not founded in time");
      this.#tick();
    }
  }

  #tick(): void {
    this.#now += 1;
    for (const node of this.#nodes) this.#step(node, { kind: "event", jitter: 0 });
  }

  /** A step, and all that follows from it. */
  #step(node: LiveNode, input: Unstamped): void {
    this.#only(node, input);
    for (let packet = this.#packets.shift(); packet !== undefined; packet = this.#packets.shift()) {
      const { from, to, message } = packet;
      const receiver = this.#nodes.find(({ id }) => id === to);
      if (receiver === undefined) continue;
      this.#only(receiver, { kind: "receive", from, cookie: cookieOf(from), message });
    }
  }

  #only(node: LiveNode, input: Unstamped): void {
    const outcome = node.legislator.step({ ...input, now: this.#now, when: 0 });
    if (outcome.persist !== null) node.disk.append(outcome.persist);
    for (const { to, slotFirst, slotLast, decided } of outcome.sendSlots) {
      const decrees = node.disk.written.log.slice(slotFirst - 1, slotLast);
      this.#packets.push({ from: node.id, to, message: { kind: "learn", decrees, decided } });
    }
    for (const { to, message } of outcome.send) this.#packets.push({ from: node.id, to, message });
    for (let write = node.disk.harden(); write !== null; write = node.disk.harden()) {
      this.#only(node, { kind: "persisted", write: write.number });
    }
  }
}

function citizenOf(id: NodeId): {
  readonly id: NodeId;
  readonly cookie: string;
  readonly url: string;
  readonly properties: Readonly<Record<string, string>>;
} {
  return { id, cookie: cookieOf(id), url: `sim://${id}`, properties: {} };
}
