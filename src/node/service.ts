/**
 * Answers the requests of peers and clients: hands messages to the core, enqueues and registers for
 * publishers, forwards at most one hop to the leader, serves reads. Refuses what is malformed.
 */
import type {
  Applied,
  Batch,
  Citizen,
  Legislator,
  NodeId,
  Outcome,
  Registration,
} from "../../consensus/index.ts";
import type { Callee, Hello } from "../../transport/index.ts";
import type { Status } from "../api.ts";
import { isBodyOf, verifyBatch } from "../codec/batch.ts";
import type { Bell } from "./bell.ts";
import type { Invitations } from "./inviting.ts";
import { checkedCitizen } from "./citizens.ts";
import { Deadline } from "../deadline.ts";
import { wrongRepublic } from "./errors.ts";
import { Forwarding, type Forwarded } from "./forwarding.ts";
import type { Logger } from "../logger.ts";
import type { MachineDesk } from "../machine/machine-desk.ts";
import { decreesOf } from "../codec/message-codec.ts";
import type { Meter } from "../metrics/meter.ts";
import type { Peers } from "./peers.ts";
import type {
  BarrierRequest,
  EnqueueRequest,
  ImmigrateRequest,
  NodeReport,
  QueryRequest,
  ReceiveRequest,
  RegisterRequest,
  Request,
  Response,
} from "../requests.ts";
import { inputOf, objectionTo, type Order } from "./orders.ts";
import { Reading, type ReadingOptions } from "./reading.ts";
import { RefusalLog } from "./refusal-log.ts";
import { isNotLeading, refusal } from "./refusals.ts";
import type { LegislatorRequest } from "./run-loop.ts";
import { decided, keyOf, Settlements, undecided, type Settled } from "./settlements.ts";
import type { Bodies } from "../storage/bodies.ts";
import { isHexText, isIdText } from "../codec/shapes.ts";

/** Most changes of leader take less. */
const successionMs = 250;
/** Most admissions are decided in less; whoever joins asks again. */
const admissionMs = 250;

export interface ServiceOptions extends ReadingOptions {
  readonly logger: Logger;
  readonly meter: Meter;
  readonly bodies: Bodies;
  readonly machine: Pick<MachineDesk, "answer" | "complete" | "isBehind" | "reached">;
  readonly peers: Pick<Peers, "answer" | "call" | "heard" | "isThere" | "moved">;
  readonly legislator: Pick<Legislator, "role" | "republic" | "leader" | "lifeHeard">;
  play(request: LegislatorRequest, answered?: (outcome: Outcome) => void): void;
  hello(): Hello;
  /** Rings when another node may lead. */
  readonly changed: Bell;
  readonly invitations: Pick<Invitations, "answer">;
  /** Every member that is known. */
  contacts(): readonly Citizen[];
  /** A member speaks, maybe from elsewhere than the log has it. */
  met(node: Pick<Citizen, "id" | "cookie" | "url">): void;
  status(signal: AbortSignal): Promise<Status>;
  report(): NodeReport;
}

export class Service implements Callee<Request, Response> {
  readonly #options: ServiceOptions;
  readonly #reading: Reading;
  readonly #forwarding: Forwarding;
  readonly #refusals: RefusalLog;
  readonly #settlements: Settlements;
  readonly #barriers = new Map<number, (slot: number | null) => void>();
  #barrierLast = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#reading = new Reading(options);
    this.#forwarding = new Forwarding(options);
    this.#refusals = new RefusalLog(options);
    this.#settlements = new Settlements(options.meter.commits);
  }

  hello(): Hello {
    return this.#options.hello();
  }

  refused(detail: { readonly address: string; readonly error: Error }): void {
    this.#refusals.note(detail);
  }

  /** Whoever speaks for a member, as this node's log has it; others may yet become one. */
  knows({ republic, node }: Hello): boolean {
    const identity = this.#options.identity();
    if (node === null || identity === null || republic !== identity.identity) return false;
    const { legislator } = this.#options;
    return isIdText(node.id) && legislator.republic.member(node.id)?.cookie === node.cookie;
  }

  hear(request: Request, from: Hello): void {
    if (request.method !== "receive" || from.node === null) return;
    const identity = this.#options.identity();
    if (identity === null || from.republic !== identity.identity) return;
    if (!isIdText(from.node.id) || !isHexText(from.node.cookie)) return;
    if (!this.#holds(request)) {
      const { id } = from.node;
      this.#options.logger.warn(
        { event: "damaged", from: id },
        "dropped a message with damaged bodies",
      );
      return;
    }
    const { id, cookie, starts } = from.node;
    const { legislator, peers } = this.#options;
    peers.heard(id);
    // Exiled, or admitted behind this node's back: it is to be told of that, or asked. A copy of an
    // earlier life is to be told, too; no other copy may hear what makes it vote.
    const isMember = legislator.republic.member(id)?.cookie === cookie;
    const isToBeTold = !isMember || starts < legislator.lifeHeard(id, cookie);
    if (isToBeTold) peers.answer({ id, url: from.node.url });
    else this.#options.met(from.node);
    this.#options.play({ kind: "receive", from: id, cookie, message: request.message });
  }

  async answer(request: Request, from: Hello, signal: AbortSignal): Promise<Response> {
    switch (request.method) {
      case "receive":
        this.hear(request, from);
        return { kind: "enqueued" };
      case "immigrate":
        return await this.immigrate(request, signal);
      case "enqueue":
        verifyBatch(request.batch, request.body);
        return await this.enqueue(request, signal);
      case "register":
        return await this.register(request, signal);
      case "barrier":
        return await this.barrier(request, signal);
      case "exile":
      case "transfer":
      case "promote":
      case "demote":
        return await this.order(request, signal);
      case "invite":
        return await this.#options.invitations.answer(request, signal);
      case "entries":
        return await this.#reading.entries(request, signal);
      case "snapshot":
        return await this.#reading.snapshot(request, from);
      case "decrees":
        return await this.#reading.decrees(request);
      case "status":
        return { kind: "document", document: await this.#options.status(signal) };
      case "report":
        return { kind: "document", document: this.#options.report() };
      case "query":
        return await this.query(request, signal);
      case "repair":
        return await this.#reading.repair(request);
    }
  }

  /** Has a batch decided, unless the machine lags; answers with its effect, or why not. */
  async enqueue(request: EnqueueRequest, signal: AbortSignal): Promise<Response> {
    const { batch, body, hops } = request;
    const { bodies, machine, legislator } = this.#options;
    if (hops === 0 && machine.isBehind) return refusal("behind", legislator.leader);
    bodies.set(batch, body);
    const settled = await this.#propose(request, { key: keyOf(batch), value: batch }, signal);
    return hops === 0 ? await machine.complete(batch, settled, signal) : settled;
  }

  async register(request: RegisterRequest, signal: AbortSignal): Promise<Response> {
    const { nonce } = request;
    const value = { kind: "registration", nonce } as const;
    return await this.#propose(request, { key: nonce, value }, signal);
  }

  /** A slot after which a local read is linearizable, applied here when this resolves. */
  async barrier(request: BarrierRequest, signal: AbortSignal): Promise<Response> {
    const slot = await this.#ownBarrier();
    if (slot !== null) return await this.#reached(slot, signal);
    const { leader } = this.#options.legislator;
    const response = await this.#forwarding.forward(request, leader, signal);
    if (response.kind !== "barrier") return response;
    return await this.#reached(response.slot, signal);
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<Response> {
    const barrier = (): Promise<Response> => this.barrier({ method: "barrier", hops: 0 }, signal);
    return await this.#options.machine.answer(request, barrier, signal);
  }

  /** Has the leader take, or refuse, what an operator wants; the log shows whether it is done. */
  async order(request: Order, signal: AbortSignal): Promise<Response> {
    const { legislator } = this.#options;
    const status = async (): Promise<Status> => await this.#options.status(signal);
    const reason = await objectionTo(request, legislator, status);
    if (reason !== null) return refusal(reason, legislator.leader);
    const input = inputOf(request);
    return await this.#playHereOrForward(request, input, signal, (reply, settled) => {
      if (reply?.kind === "enqueued") settled(undecided);
      else settled(reply?.kind === "refused" ? reply : refusal("busy", null));
    });
  }

  /**
   * Whether another than `before` leads within `ms`. While leadership changes hands, requests are
   * held for a moment: quicker than asked again.
   */
  async isSucceeded(before: NodeId | null, ms: number, signal: AbortSignal): Promise<boolean> {
    const { changed, clock, legislator } = this.#options;
    using deadline = new Deadline(clock, ms, signal);
    const isKnown = (): boolean => {
      const { leader } = legislator;
      return leader !== null && leader !== before;
    };
    await changed.until(isKnown, deadline.signal);
    return isKnown();
  }

  /** Tells those who wait what became of their batches and registrations. */
  take(applied: readonly Applied[]): void {
    this.#settlements.take(applied);
  }

  /** Barriers that the core has answered. */
  takeBarriers(
    barriers: readonly { readonly barrier: number; readonly slot: number | null }[],
  ): void {
    for (const { barrier, slot } of barriers) {
      if (slot === null) this.#options.meter.readIndexFailures += 1;
      this.#barriers.get(barrier)?.(slot);
      this.#barriers.delete(barrier);
    }
  }

  /**
   * This node does not lead any more, or stops: who waits asks again elsewhere. What was proposed
   * may yet be decided, so nobody is told that it was refused (contract C7).
   */
  release(): void {
    this.#refusals.tellRest();
    this.#settlements.release();
    this.#options.meter.readIndexFailures += this.#barriers.size;
    for (const answered of this.#barriers.values()) answered(null);
    this.#barriers.clear();
  }

  /** Whether every batch of a message came with the bytes that its descriptor names. */
  #holds({ message, bodies }: ReceiveRequest): boolean {
    return decreesOf(message).every(({ value }, at) => {
      if (value.kind !== "batch") return true;
      const body = bodies[at] ?? null;
      if (body === null || !isBodyOf(value, body)) return false;
      this.#options.bodies.set(value, body);
      return true;
    });
  }

  async #propose(
    request: EnqueueRequest | RegisterRequest,
    { key, value }: { readonly key: string; readonly value: Batch | Registration },
    signal: AbortSignal,
  ): Promise<Response> {
    const input = { kind: "enqueue", value } as const;
    return await this.#playHereOrForward(request, input, signal, (reply, settled) => {
      if (reply?.kind === "enqueued") this.#settlements.await(key, settled, signal);
      else if (reply?.kind === "settled") settled(decided(reply.effect));
      else settled(reply?.kind === "refused" ? reply : refusal("noRepublic", null));
    });
  }

  /**
   * Plays `input`; what only the leader may take is asked of it instead.
   * @param onReply Told what the core replied; settles with the response, now or later.
   */
  async #playHereOrForward(
    request: Forwarded,
    input: LegislatorRequest,
    signal: AbortSignal,
    onReply: (reply: Outcome["reply"], settled: Settled) => void,
  ): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      const here = await this.#playHere(input, signal, onReply);
      if (!isNotLeading(here)) return here;
      const { leader: asked } = here;
      const there = await this.#forwarding.forward(request, asked, signal);
      // Whoever was forwarded to waits only for its own turn: it forwards no further.
      const mayWait = attempt === 1 && (this.#forwarding.mayForward(request) || asked === null);
      if (
        !mayWait ||
        !isNotLeading(there) ||
        !(await this.isSucceeded(asked, successionMs, signal))
      ) {
        return there;
      }
    }
  }

  async #playHere(
    input: LegislatorRequest,
    signal: AbortSignal,
    onReply: (reply: Outcome["reply"], settled: Settled) => void,
  ): Promise<Response> {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const onAbort = (): void => resolve(undecided);
    // A node that has stopped plays nothing, and answers nothing.
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#options.play(input, ({ reply }) => {
      signal.removeEventListener("abort", onAbort);
      if (!signal.aborted) onReply(reply, resolve);
    });
    return await promise;
  }

  #ownBarrier(): Promise<number | null> {
    this.#barrierLast += 1;
    const barrier = this.#barrierLast;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#barriers.set(barrier, resolve);
    this.#options.play({ kind: "barrier", barrier });
    return promise;
  }

  async #reached(slot: number, signal: AbortSignal): Promise<Response> {
    const { reader, machine } = this.#options;
    await reader.reached({ slot }, signal);
    const index = reader.indexLast;
    const isThere = reader.slot >= slot && (await machine.reached(slot, signal));
    return isThere ? { kind: "barrier", slot, index } : refusal("busy", null);
  }

  /** The slot that admits a node, at this endpoint, once this node's log has it so; or null. */
  async #admitted({ id, cookie, url }: Citizen, signal: AbortSignal): Promise<number | null> {
    const { changed, clock, legislator } = this.#options;
    const slot = (): number | null => {
      const member = legislator.republic.member(id);
      return member?.cookie === cookie && member.url === url ? member.admitted : null;
    };
    using deadline = new Deadline(clock, admissionMs, signal);
    await changed.until(() => slot() !== null, deadline.signal);
    return slot();
  }

  /** Has the leader admit a node; answers whether it has. */
  async immigrate(request: ImmigrateRequest, signal: AbortSignal): Promise<Response> {
    const citizen = checkedCitizen(request.citizen);
    const republic = this.#options.identity();
    if (republic === null || this.#options.legislator.republic.identity === null) {
      return refusal("noRepublic", null);
    }
    if (request.republic !== null && request.republic !== republic.name) {
      throw wrongRepublic(request.republic, republic.name);
    }
    const member = this.#options.legislator.republic.member(citizen.id);
    if (member?.cookie === citizen.cookie && member.url !== citizen.url) {
      // It answers where it is known: whoever says that it has moved is a copy.
      if (this.#options.peers.isThere(citizen)) return refusal("idTaken", null);
      this.#options.peers.moved(citizen);
    }
    const response = await this.#playHereOrForward(
      request,
      { kind: "immigrate", citizen },
      signal,
      (reply, settled) => settled(reply?.kind === "refused" ? reply : undecided),
    );
    if (response.kind !== "enqueued") return response;
    const slot = await this.#admitted(citizen, signal);
    if (slot === null) return response;
    return { kind: "admitted", republic, slot, contacts: this.#options.contacts() };
  }
}
