/**
 * A few legislators whose messages, writes and time move only when a script says so, under all
 * invariants of the core's simulation. Heartbeats alone travel by themselves, on links that are not
 * cut; they are never shown.
 */
import {
  sameBallot,
  type Batch,
  type Citizen,
  type Message,
  type NodeId,
  type Outcome,
} from "../consensus/index.ts";
import {
  ballotText,
  messageText,
  outcomeLines,
  valueText,
} from "../simulations/core/abbreviate.ts";
import {
  clockwork,
  CoreNode,
  type Clockwork,
  type Unstamped,
} from "../simulations/core/core-node.ts";
import { Invariants } from "../simulations/core/invariants.ts";
import type { VirtualDisk } from "../simulations/core/virtual-disk.ts";
import { Prng } from "../simulations/prng.ts";

interface Packet {
  readonly from: CoreNode;
  readonly to: NodeId;
  readonly message: Message;
}

/** Whoever is silent for two seconds gives way. */
const timing: Clockwork = { ...clockwork, replaceTicks: 2000 };
const identity = { name: "scene", identity: "5ce9e00000000000" };

export class Scene {
  readonly #prng = new Prng("scene");
  readonly #nodes = new Map<NodeId, CoreNode>();
  readonly #deadlines = new Map<NodeId, number>();
  readonly #cuts = new Set<string>();
  readonly #invariants = new Invariants();
  readonly #backups = new Map<NodeId, VirtualDisk>();
  readonly #liars = new Set<NodeId>();
  readonly #jammed = new Set<NodeId>();
  #heartbeats: Packet[] = [];
  #packets: Packet[] = [];
  #lines: string[] = [];
  #now = 0;
  #batches = 0;

  /** What happened since the last call. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Puts lines back in front of what happened since. */
  put(lines: readonly string[]): void {
    this.#lines.unshift(...lines);
  }

  node(id: NodeId): CoreNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** A republic of these nodes, all seated, the first one leading; nothing is under way. */
  found(ids: readonly NodeId[], parliamentSize: number): void {
    const [founder, ...others] = ids;
    if (founder === undefined) throw new Error("somebody must found");
    for (const id of ids) this.start(id);
    this.bootstrap(founder, parliamentSize);
    this.settle();
    for (const id of others) this.admit(id, founder);
    const { legislator } = this.node(founder);
    for (
      let round = 0;
      legislator.republic.government?.parliament.length !== ids.length;
      round += 1
    ) {
      if (round > 40) throw new Error("no seats for all");
      this.wait(50);
      this.settle();
    }
    for (let round = 0; round < 3; round += 1) {
      this.wait(50);
      this.settle();
    }
    this.#lines = [];
    this.show();
  }

  start(id: NodeId): void {
    const node = this.#nodes.get(id) ?? new CoreNode(id, this.#prng.fork(id), timing);
    this.#nodes.set(id, node);
    this.#invariants.onStart(node, node.start(this.#now, false));
    this.#step(node, { kind: "event", jitter: 0 });
    if (node.isUp && node.disk.durable.log.length > 0) this.#step(node, { kind: "naturalize" });
  }

  bootstrap(id: NodeId, parliamentSize: number): void {
    const founder = this.node(id).citizen;
    this.#step(this.node(id), { kind: "bootstrap", republic: identity, founder, parliamentSize });
  }

  /** `newcomer` is admitted by `host`, and begins to follow it. */
  admit(newcomer: NodeId, host: NodeId): void {
    const node = this.node(newcomer);
    this.#step(this.node(host), { kind: "immigrate", citizen: node.citizen });
    this.settle();
    const contacts = [this.node(host).citizen];
    this.#step(node, { kind: "join", republic: identity, contacts });
    this.#step(node, { kind: "naturalize" });
  }

  /** Asks `host` to admit `newcomer`. */
  immigrate(newcomer: NodeId, host: NodeId): void {
    const { citizen } = this.node(newcomer);
    this.#step(this.node(host), { kind: "immigrate", citizen });
  }

  /** `id` tells `host` that it is called elsewhere by now. */
  move(id: NodeId, host: NodeId): void {
    const citizen: Citizen = { ...this.node(id).citizen, url: `sim://${id}/moved` };
    this.#step(this.node(host), { kind: "immigrate", citizen });
  }

  /** The same id asks again, with another disk. */
  immigrateAnew(newcomer: NodeId, host: NodeId): void {
    const citizen: Citizen = { ...this.node(newcomer).citizen, cookie: "0ther0ther0ther0" };
    this.#step(this.node(host), { kind: "immigrate", citizen });
  }

  /** A batch of one publisher; its bytes are told apart by `checksum`. */
  batch(id: NodeId, fields: Pick<Batch, "publisher" | "sequence" | "count" | "checksum">): void {
    this.#step(this.node(id), { kind: "enqueue", value: { kind: "batch", size: 8, ...fields } });
  }

  enqueue(id: NodeId): void {
    this.#batches += 1;
    const nonce = this.#batches.toString(16).repeat(4).slice(0, 4).padEnd(16, "0");
    this.#step(this.node(id), { kind: "enqueue", value: { kind: "registration", nonce } });
  }

  step(id: NodeId, input: Unstamped): void {
    this.#step(this.node(id), input);
  }

  crash(id: NodeId): void {
    this.node(id).crash();
    this.#jammed.delete(id);
    this.#deadlines.delete(id);
    this.#packets = this.#packets.filter(({ from }) => from.id !== id);
    this.#heartbeats = this.#heartbeats.filter(({ from }) => from.id !== id);
  }

  cut(left: NodeId, right: NodeId): void {
    this.#cuts.add(`${left}>${right}`).add(`${right}>${left}`);
  }

  cutOneWay(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** All links but these, written `a-b`, are cut. */
  keepOnly(links: readonly string[]): void {
    this.#cuts.clear();
    const ids = [...this.#nodes.keys()];
    for (const left of ids) {
      for (const right of ids) {
        const kept = links.includes(`${left}-${right}`) || links.includes(`${right}-${left}`);
        if (left !== right && !kept) this.#cuts.add(`${left}>${right}`);
      }
    }
  }

  /** Keeps a copy of the disk of `id`, as a backup does. */
  backUp(id: NodeId): void {
    this.#backups.set(id, this.node(id).disk.backUp());
  }

  /** Puts the copy in the place of the disk, as nobody must. */
  rollBack(id: NodeId): void {
    const backup = this.#backups.get(id);
    if (backup === undefined) throw new Error(`there is no backup of ${id}`);
    this.node(id).disk.rollBack(backup);
    this.#invariants.rollBack(this.node(id));
  }

  /** From now on `id` tells of another replicated state than it has. */
  lie(id: NodeId): void {
    this.#liars.add(id);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Until it crashes, the disk of `id` takes writes, but never says that they are durable. */
  jam(id: NodeId): void {
    this.#jammed.add(id);
  }

  /** Whether the disk of `id` has room for further entries. */
  room(id: NodeId, hasRoom: boolean): void {
    this.#step(this.node(id), { kind: "room", hasRoom });
  }

  /** Everything that `id` wrote is durable now. */
  persist(id: NodeId): void {
    const node = this.node(id);
    if (this.#jammed.has(id)) return;
    let last = 0;
    for (;;) {
      const before = node.disk.durable.accepted;
      const write = node.disk.harden();
      if (write === null) break;
      this.#invariants.onDurable(node, write, !sameBallot(before, write.accepted));
      last = write.number;
    }
    if (last > 0) this.#step(node, { kind: "persisted", write: last });
  }

  /** Takes one message of this kind on its way from `from` to `to` off the network. */
  #pull(from: NodeId, to: NodeId, kind: string, which = 0): Packet {
    const wanted = this.#packets.filter((packet) => {
      return packet.from.id === from && packet.to === to && packet.message.kind === kind;
    });
    const packet = wanted.at(which);
    if (packet === undefined) {
      this.flight();
      const found = this.take().join("\n");
      throw new Error(`no ${kind} is on its way from ${from} to ${to}, but:\n${found}`);
    }
    this.#packets = this.#packets.filter((each) => each !== packet);
    return packet;
  }

  deliver(from: NodeId, to: NodeId, kind: string): void {
    this.#hand(this.#pull(from, to, kind));
  }

  /** The message that was sent last overtakes the others of its kind. */
  overtake(from: NodeId, to: NodeId, kind: string): void {
    this.#hand(this.#pull(from, to, kind, -1));
  }

  /** Delivers it under the sender's id, but another cookie. */
  impersonate(from: NodeId, to: NodeId, kind: string): void {
    const { message } = this.#pull(from, to, kind);
    const cookie = "0ther0ther0ther0";
    this.#step(this.node(to), { kind: "receive", from, cookie, message });
  }

  /** Like deliver, but a copy stays on the network. */
  duplicate(from: NodeId, to: NodeId, kind: string): void {
    const packet = this.#pull(from, to, kind);
    this.#packets.push(packet);
    this.#hand(packet);
  }

  drop(from: NodeId, to: NodeId, kind: string): void {
    this.#pull(from, to, kind);
  }

  /** Delivers and persists everything until nothing is under way. */
  settle(): void {
    for (let round = 0; round < 1000; round += 1) {
      for (const { id } of this.#up()) this.persist(id);
      const packets = this.#packets.splice(0);
      for (const packet of packets) this.#hand(packet);
      const writing = this.#up().some(({ id, disk }) => {
        return disk.pending.length > 0 && !this.#jammed.has(id);
      });
      if (packets.length === 0 && !writing) return;
    }
    throw new Error("it never settles");
  }

  /** Time passes; pings travel, everything else waits on the network. */
  wait(ticks: number): void {
    const until = this.#now + ticks;
    for (;;) {
      const due = this.#up()
        .map((node) => ({ node, at: this.#deadlineOf(node) }))
        .filter(({ at }) => at <= until)
        .toSorted((left, right) => left.at - right.at)[0];
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.at);
      this.#step(due.node, { kind: "event", jitter: 0 });
    }
    this.#now = until;
  }

  /** Time passes for nobody: all clocks go on, and no node runs. */
  freeze(ticks: number): void {
    this.#now += ticks;
  }

  /** Time passes, and everything is delivered and durable soon. */
  live(ticks: number): void {
    const until = this.#now + ticks;
    this.settle();
    while (this.#now < until) {
      this.wait(Math.min(10, until - this.#now));
      this.settle();
    }
  }

  /** One line for each node. */
  show(): void {
    for (const node of this.#nodes.values()) {
      if (!node.isUp) {
        this.#lines.push(`${node.id}: down`);
        continue;
      }
      const { role, promised, accepted, length, decided } = node.legislator.view();
      const seats = node.legislator.republic.government?.parliament.join(" ") ?? "-";
      this.#lines.push(
        `${node.id}: ${role} promised=${ballotText(promised)} ` +
          `log=${ballotText(accepted)}#${length} decided=${decided} seats=${seats}`,
      );
    }
  }

  /** What is on its way. */
  flight(): void {
    for (const { from, to, message } of this.#packets) {
      this.#lines.push(`${from.id} -> ${to}  ${messageText(message)}`);
    }
  }

  /** The log that `id` would find after a loss of power. */
  disk(id: NodeId): void {
    const { log, decided } = this.node(id).disk.durable;
    const values = log.map(({ value }) => valueText(value)).join(", ");
    this.#lines.push(`${id}: ${values}; decided=${decided}`);
  }

  #up(): readonly CoreNode[] {
    return [...this.#nodes.values()].filter((node) => node.isUp);
  }

  #deadlineOf(node: CoreNode): number {
    return this.#deadlines.get(node.id) ?? Infinity;
  }

  #hand({ from, to, message }: Packet): void {
    const node = this.#nodes.get(to);
    if (node === undefined || !node.isUp || this.#cuts.has(`${from.id}>${to}`)) {
      const next = this.#heartbeats.shift();
      if (next !== undefined) this.#hand(next);
      return;
    }
    this.#step(node, { kind: "receive", from: from.id, cookie: from.cookie, message });
  }

  #step(node: CoreNode, unstamped: Unstamped): void {
    const input = node.stamp(this.#now, unstamped);
    const outcome = node.step(input);
    this.#tell(node, outcome);
    if (outcome.persist !== null) {
      node.disk.append(outcome.persist);
      this.#invariants.onWritten(node, outcome.persist);
    }
    // Where somebody lies it is right that nodes halt, which no honest run explains.
    if (this.#liars.size === 0) this.#invariants.onOutcome(node, input, outcome);
    for (const { to, slotFirst, slotLast, decided } of outcome.sendSlots) {
      const decrees = node.disk.written.log.slice(slotFirst - 1, slotLast);
      this.#packets.push({ from: node, to, message: { kind: "learn", decrees, decided } });
    }
    for (const { to, message } of outcome.send) this.#send({ from: node, to, message });
    if (outcome.deadline === null) this.#deadlines.delete(node.id);
    else this.#deadlines.set(node.id, this.#now + node.untilTick(this.#now, outcome.deadline));
    // The shell ends the process of a node that says so.
    if (outcome.halt !== null) this.crash(node.id);
    // Each step hands on one heartbeat, whose own step hands on the next.
    const heartbeat = this.#heartbeats.shift();
    if (heartbeat !== undefined) this.#hand(heartbeat);
  }

  #send(packet: Packet): void {
    const { from, message } = packet;
    if (message.kind !== "ping" && message.kind !== "pong") {
      this.#packets.push(packet);
      return;
    }
    const { report } = message;
    const stateHash = this.#liars.has(from.id) ? "1ie1ie1ie1ie1ie1" : report.stateHash;
    this.#heartbeats.push({ ...packet, message: { ...message, report: { ...report, stateHash } } });
  }

  #tell(node: CoreNode, outcome: Outcome): void {
    for (const line of outcomeLines(outcome)) {
      // Heartbeats and the notes of what was heard are not what scripts are about.
      if (/^-> \S+ {2}p[io]ng /.test(line) || line.includes(" heard=[")) continue;
      this.#lines.push(`${node.id}: ${line}`);
    }
  }
}
