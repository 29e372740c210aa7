/**
 * Answers the requests of peers and clients: hands messages to the core, enqueues and registers for
 * publishers, forwards at most one hop to the leader, serves reads. Refuses what is malformed.
 */
import type {
  Applied,
  Batch,
  Citizen,
  Decree,
  Legislator,
  NodeId,
  Outcome,
  RefusalReason,
  Registration,
  RepublicIdentity,
} from "../../consensus/index.ts";
import type { Callee, Hello } from "../../transport/index.ts";
import type { Status } from "../api.ts";
import { isBodyOf, verifyBatch } from "../codec/batch.ts";
import { checkedCitizen } from "./citizens.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { LogReader } from "./log-reader.ts";
import type { Logger } from "../logger.ts";
import { decreesOf } from "../codec/message-codec.ts";
import type { Peers } from "./peers.ts";
import type {
  BarrierRequest,
  EnqueueRequest,
  EntriesRequest,
  ExileRequest,
  ImmigrateRequest,
  NodeReport,
  ReceiveRequest,
  RegisterRequest,
  Request,
  Response,
  TransferRequest,
} from "../requests.ts";
import type { LegislatorRequest } from "./run-loop.ts";
import type { Bodies } from "../storage/bodies.ts";
import { isHexText, isIdText } from "../codec/shapes.ts";
import type { Clock } from "../world.ts";

/** A request came from a client, or was forwarded once by a node that does not lead. */
const hopsMax = 1;
const forwardMs = 5_000;
const waitMsMax = 30_000;
const readBytesMax = 1_048_576;

type Settled = (response: Response) => void;

/** What a node that does not lead asks of the leader in the asker's stead. */
type Forwarded = Extract<Request, { readonly hops: number }>;

export interface ServiceOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly bodies: Bodies;
  readonly reader: LogReader;
  readonly peers: Pick<Peers, "answer" | "call">;
  readonly legislator: Pick<Legislator, "role" | "republic" | "view">;
  play(request: LegislatorRequest, answered?: (outcome: Outcome) => void): void;
  hello(): Hello;
  /** The republic that this node belongs to, or null. */
  identity(): RepublicIdentity | null;
  /** Every member that is known. */
  contacts(): readonly Citizen[];
  status(signal: AbortSignal): Promise<Status>;
  report(): NodeReport;
}

export class Service implements Callee<Request, Response> {
  readonly #options: ServiceOptions;
  /** Who waits for the effect of a batch or registration, by its key. */
  readonly #pending = new Map<string, Settled[]>();
  readonly #barriers = new Map<number, (slot: number | null) => void>();
  #barrierLast = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  hello(): Hello {
    return this.#options.hello();
  }

  refused({ address, error }: { readonly address: string; readonly error: Error }): void {
    this.#options.logger.warn(
      { event: "refused", address, reason: error.message },
      "refused at the door",
    );
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
    const { id, cookie } = from.node;
    const departed = this.#options.legislator.republic.departed(id, cookie);
    if (departed !== null) this.#options.peers.answer(departed);
    this.#options.play({ kind: "receive", from: id, cookie, message: request.message });
  }

  async answer(request: Request, from: Hello, signal: AbortSignal): Promise<Response> {
    switch (request.method) {
      case "receive":
        this.hear(request, from);
        return { kind: "enqueued" };
      case "immigrate":
        return await this.#immigrate(request, signal);
      case "enqueue":
        verifyBatch(request.batch, request.body);
        return await this.enqueue(request, signal);
      case "register":
        return await this.register(request, signal);
      case "barrier":
        return await this.barrier(request, signal);
      case "exile":
        return await this.exile(request, signal);
      case "transfer":
        return await this.transfer(request, signal);
      case "entries":
        return await this.#entries(request, signal);
      case "status":
        return { kind: "document", document: await this.#options.status(signal) };
      case "report":
        return { kind: "document", document: this.#options.report() };
    }
  }

  /** Has a batch decided; answers with its effect, or why it was not taken. */
  async enqueue(request: EnqueueRequest, signal: AbortSignal): Promise<Response> {
    const { batch, body } = request;
    this.#options.bodies.set(batch, body);
    return await this.#propose(request, { key: keyOf(batch), value: batch }, signal);
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
    const { leader } = this.#options.legislator.view();
    const response = await this.#forward(request, leader, signal);
    if (response.kind !== "barrier") return response;
    return await this.#reached(response.slot, signal);
  }

  /** Taken by the leader, or refused; only of the incarnation that was meant. */
  async exile(request: ExileRequest, signal: AbortSignal): Promise<Response> {
    const { id, cookie } = request;
    const { role, republic } = this.#options.legislator;
    if (role === "leading" && republic.member(id)?.cookie !== cookie) {
      return refusal("notFound", this.#options.legislator.view().leader);
    }
    return await this.#order(request, { kind: "exile", id }, signal);
  }

  async transfer(request: TransferRequest, signal: AbortSignal): Promise<Response> {
    return await this.#order(request, { kind: "transfer", to: request.to }, signal);
  }

  /** Tells those who wait what became of their batches and registrations. */
  take(applied: readonly Applied[]): void {
    if (this.#pending.size === 0) return;
    for (const { decree, effect } of applied) {
      const key = keyOfDecree(decree);
      if (key !== null) this.#settle(key, { kind: "effect", effect });
    }
  }

  /** Barriers that the core has answered. */
  takeBarriers(
    barriers: readonly { readonly barrier: number; readonly slot: number | null }[],
  ): void {
    for (const { barrier, slot } of barriers) {
      this.#barriers.get(barrier)?.(slot);
      this.#barriers.delete(barrier);
    }
  }

  /**
   * This node does not lead any more, or stops: who waits asks again elsewhere. What was proposed
   * may yet be decided, so nobody is told that it was refused (contract C7).
   */
  release(): void {
    for (const key of this.#pending.keys()) this.#settle(key, undecided);
    for (const answered of this.#barriers.values()) answered(null);
    this.#barriers.clear();
  }

  #settle(key: string, response: Response): void {
    const waiting = this.#pending.get(key);
    if (waiting === undefined) return;
    this.#pending.delete(key);
    for (const settled of waiting) settled(response);
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
      if (reply?.kind === "enqueued") this.#await(key, settled, signal);
      else if (reply?.kind === "settled") settled({ kind: "effect", effect: reply.effect });
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
    const { promise, resolve } = Promise.withResolvers<Response>();
    const onAbort = (): void => resolve(undecided);
    // A node that has stopped plays nothing, and answers nothing.
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#options.play(input, ({ reply }) => {
      signal.removeEventListener("abort", onAbort);
      if (!signal.aborted) onReply(reply, resolve);
    });
    const response = await promise;
    const isElsewhere = response.kind === "refused" && response.reason === "notLeading";
    return isElsewhere ? await this.#forward(request, response.leader, signal) : response;
  }

  #await(key: string, settled: Settled, signal: AbortSignal): void {
    const onAbort = (): void => this.#giveUp(key, told);
    const told = (response: Response): void => {
      signal.removeEventListener("abort", onAbort);
      settled(response);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const waiting = this.#pending.get(key);
    if (waiting === undefined) this.#pending.set(key, [told]);
    else waiting.push(told);
  }

  #giveUp(key: string, settled: Settled): void {
    const waiting = this.#pending.get(key)?.filter((other) => other !== settled) ?? [];
    if (waiting.length === 0) this.#pending.delete(key);
    else this.#pending.set(key, waiting);
    settled(undecided);
  }

  /** Asks the leader in the asker's stead; at most one hop. */
  async #forward(
    request: Forwarded,
    leader: NodeId | null,
    signal: AbortSignal,
  ): Promise<Response> {
    const { hops } = request;
    if (hops >= hopsMax || leader === null) return refusal("notLeading", leader);
    const forwarded = { ...request, hops: hops + 1 };
    const options = { timeoutMs: forwardMs, signal };
    return (
      (await this.#options.peers.call(leader, forwarded, options)) ?? refusal("notLeading", null)
    );
  }

  /** Has the leader take, or refuse, what an operator wants; the log shows whether it is done. */
  async #order(
    request: ExileRequest | TransferRequest,
    input: LegislatorRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    return await this.#playHereOrForward(request, input, signal, (reply, settled) => {
      if (reply?.kind === "enqueued") settled(undecided);
      else settled(reply?.kind === "refused" ? reply : refusal("busy", null));
    });
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
    const { reader } = this.#options;
    await reader.reached({ slot }, signal);
    if (reader.slot < slot) return refusal("busy", null);
    return { kind: "barrier", slot, index: reader.indexLast };
  }

  async #entries(request: EntriesRequest, signal: AbortSignal): Promise<Response> {
    const { reader } = this.#options;
    const { index, bytesMax, waitMs } = request;
    if (waitMs > 0 && index > reader.indexLast) {
      using deadline = new Deadline(this.#options.clock, Math.min(waitMs, waitMsMax), signal);
      await reader.reached({ index }, deadline.signal);
    }
    const batches = await reader.read(index, Math.min(bytesMax, readBytesMax));
    return { kind: "entries", batches, indexLast: reader.indexLast };
  }

  async #immigrate(request: ImmigrateRequest, signal: AbortSignal): Promise<Response> {
    const citizen = checkedCitizen(request.citizen);
    const republic = this.#options.legislator.republic.identity;
    if (republic === null) return refusal("noRepublic", null);
    if (request.republic !== null && request.republic !== republic.name) {
      throw wrongRepublic(request.republic, republic.name);
    }
    const input = { kind: "immigrate", citizen } as const;
    return await this.#playHereOrForward(request, input, signal, (reply, settled) => {
      if (reply?.kind === "admitted") {
        const { slot } = reply;
        settled({ kind: "admitted", republic, slot, contacts: this.#options.contacts() });
      } else settled(reply?.kind === "refused" ? reply : undecided);
    });
  }
}

/** Taken, and nothing more is known: it may or may not be decided. */
const undecided: Response = { kind: "enqueued" };

function refusal(reason: RefusalReason, leader: NodeId | null): Response {
  return { kind: "refused", reason, leader };
}

function wrongRepublic(wanted: string, found: string): KibitzerError {
  return new KibitzerError(
    "KBZ_REPUBLIC",
    `Wanted the republic "${wanted}", found "${found}" at this endpoint. Join at an endpoint of ` +
      `"${wanted}", or leave the name out to join "${found}".`,
    { retryable: false, outcome: "none" },
  );
}

function keyOf({ publisher, sequence }: Batch): string {
  return `${publisher}/${sequence}`;
}

function keyOfDecree({ value }: Decree): string | null {
  if (value.kind === "batch") return keyOf(value);
  return value.kind === "registration" ? value.nonce : null;
}
