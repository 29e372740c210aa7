/**
 * Answers the requests of peers and clients: hands messages to the core, enqueues and registers for
 * publishers, forwards at most one hop to the leader, serves reads. Refuses what is malformed.
 */
import {
  type Applied,
  type Batch,
  type Decree,
  type Message,
  type NodeId,
  type RefusalReason,
} from "../consensus/index.ts";
import type { Callee, Hello } from "../transport/index.ts";
import { verifyBatch } from "./batch.ts";
import { checkedCitizen } from "./citizens.ts";
import type { Engine } from "./engine.ts";
import { KibitzerError } from "./kibitzer-error.ts";
import type {
  BarrierRequest,
  EnqueueRequest,
  EntriesRequest,
  ExileRequest,
  ImmigrateRequest,
  ReceiveRequest,
  RegisterRequest,
  Request,
  Response,
  TransferRequest,
} from "./requests.ts";
import { crc32 } from "./crc32.ts";
import { isHexText, isIdText } from "./storage/shapes.ts";
import type { LegislatorRequest } from "./run-loop.ts";

/** A request came from a client, or was forwarded once by a node that does not lead. */
const hopsMax = 1;
const forwardMs = 5_000;
const waitMsMax = 30_000;
const readBytesMax = 1_048_576;

type Settled = (response: Response) => void;

export class Service implements Callee<Request, Response> {
  readonly #engine: Engine;
  /** Who waits for the effect of a batch or registration, by its key. */
  readonly #pending = new Map<string, Settled[]>();
  readonly #barriers = new Map<number, (slot: number | null) => void>();
  #barrierLast = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  hello(): Hello {
    return this.#engine.hello();
  }

  refused({ address, error }: { readonly address: string; readonly error: Error }): void {
    this.#engine.logger.warn(
      { event: "refused", address, reason: error.message },
      "refused at the door",
    );
  }

  hear(request: Request, from: Hello): void {
    if (request.method !== "receive" || from.node === null) return;
    const { identity } = this.#engine;
    if (identity === null || from.republic !== identity.identity) return;
    if (!isIdText(from.node.id) || !isHexText(from.node.cookie)) return;
    if (!this.#holds(request)) {
      const { id } = from.node;
      this.#engine.logger.warn(
        { event: "damaged", from: id },
        "dropped a message with damaged bodies",
      );
      return;
    }
    const { id, cookie } = from.node;
    const departed = this.#engine.state.legislator.republic.departed(id, cookie);
    if (departed !== null) this.#engine.peers.answer(departed);
    this.#engine.play({ kind: "receive", from: id, cookie, message: request.message });
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
        return { kind: "document", document: await this.#engine.status(signal) };
      case "report":
        return { kind: "document", document: this.#engine.report() };
    }
  }

  /** Has a batch decided; answers with its effect, or why it was not taken. */
  async enqueue(request: EnqueueRequest, signal: AbortSignal): Promise<Response> {
    const { batch, body, hops } = request;
    this.#engine.bodies.set(batch, body);
    return await this.#propose(keyOf(batch), batch, { request, hops, signal });
  }

  async register(request: RegisterRequest, signal: AbortSignal): Promise<Response> {
    const { nonce, hops } = request;
    const value = { kind: "registration", nonce } as const;
    return await this.#propose(nonce, value, { request, hops, signal });
  }

  /** A slot after which a local read is linearizable, applied here when this resolves. */
  async barrier({ hops }: BarrierRequest, signal: AbortSignal): Promise<Response> {
    const slot = await this.#ownBarrier();
    if (slot !== null) return await this.#reached(slot, signal);
    const { leader } = this.#engine.view();
    const request: BarrierRequest = { method: "barrier", hops: hops + 1 };
    const response = await this.#forward(request, { hops, leader, signal });
    if (response.kind !== "barrier") return response;
    return await this.#reached(response.slot, signal);
  }

  /** Taken by the leader, or refused; only of the incarnation that was meant. */
  async exile(request: ExileRequest, signal: AbortSignal): Promise<Response> {
    const { id, cookie } = request;
    const { role, republic } = this.#engine.state.legislator;
    if (role === "leading" && republic.member(id)?.cookie !== cookie) {
      return refusal("notFound", this.#engine.view().leader);
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
      if (body === null || body.length !== value.size || crc32(body) !== value.checksum)
        return false;
      this.#engine.bodies.set(value, body);
      return true;
    });
  }

  async #propose(
    key: string,
    value: Batch | Extract<Decree["value"], { kind: "registration" }>,
    asked: {
      readonly request: EnqueueRequest | RegisterRequest;
      readonly hops: number;
      readonly signal: AbortSignal;
    },
  ): Promise<Response> {
    const { request, hops, signal } = asked;
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#engine.play({ kind: "enqueue", value }, ({ reply }) => {
      if (reply?.kind === "enqueued") this.#await(key, resolve, signal);
      else if (reply?.kind === "settled") resolve({ kind: "effect", effect: reply.effect });
      else if (reply?.kind === "refused") resolve(reply);
      else resolve(refusal("noRepublic", null));
    });
    const response = await promise;
    const isElsewhere = response.kind === "refused" && response.reason === "notLeading";
    if (!isElsewhere) return response;
    const forwarded = { ...request, hops: hops + 1 };
    return await this.#forward(forwarded, { hops, leader: response.leader, signal });
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
    request: Extract<Request, { readonly hops: number }>,
    { hops, leader, signal }: { hops: number; leader: NodeId | null; signal: AbortSignal },
  ): Promise<Response> {
    if (hops >= hopsMax || leader === null) return refusal("notLeading", leader);
    const response = await this.#engine.peers.call(leader, request, {
      timeoutMs: forwardMs,
      signal,
    });
    return response ?? refusal("notLeading", null);
  }

  /** Has the leader take, or refuse, what an operator wants; the log shows whether it is done. */
  async #order(
    request: ExileRequest | TransferRequest,
    input: LegislatorRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#engine.play(input, ({ reply }) => {
      if (reply?.kind === "enqueued") resolve(undecided);
      else resolve(reply?.kind === "refused" ? reply : refusal("busy", null));
    });
    const onAbort = (): void => resolve(undecided);
    // A node that has stopped plays nothing, and answers nothing.
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const response = await promise;
    signal.removeEventListener("abort", onAbort);
    const isElsewhere = response.kind === "refused" && response.reason === "notLeading";
    if (!isElsewhere) return response;
    const { hops } = request;
    const forwarded = { ...request, hops: hops + 1 };
    return await this.#forward(forwarded, { hops, leader: response.leader, signal });
  }

  #ownBarrier(): Promise<number | null> {
    this.#barrierLast += 1;
    const barrier = this.#barrierLast;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#barriers.set(barrier, resolve);
    this.#engine.play({ kind: "barrier", barrier });
    return promise;
  }

  async #reached(slot: number, signal: AbortSignal): Promise<Response> {
    const { reader } = this.#engine;
    await reader.reached({ slot }, signal);
    if (reader.slot < slot) return refusal("busy", null);
    return { kind: "barrier", slot, index: reader.indexLast };
  }

  async #entries(request: EntriesRequest, signal: AbortSignal): Promise<Response> {
    const { reader } = this.#engine;
    const { index, bytesMax, waitMs } = request;
    if (waitMs > 0 && index > reader.indexLast) {
      const patience = this.#engine.patience(Math.min(waitMs, waitMsMax), signal);
      await reader.reached({ index }, patience.signal);
      patience.cancel();
    }
    const batches = await reader.read(index, Math.min(bytesMax, readBytesMax));
    return { kind: "entries", batches, indexLast: reader.indexLast };
  }

  async #immigrate(request: ImmigrateRequest, signal: AbortSignal): Promise<Response> {
    const { hops } = request;
    const citizen = checkedCitizen(request.citizen);
    const { republic } = this.#engine;
    if (republic === null) return refusal("noRepublic", null);
    if (request.republic !== null && request.republic !== republic.name) {
      throw wrongRepublic(request.republic, republic.name);
    }
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#engine.play({ kind: "immigrate", citizen }, ({ reply }) => {
      if (reply?.kind === "admitted") {
        resolve({
          kind: "admitted",
          republic,
          slot: reply.slot,
          contacts: this.#engine.contacts(),
        });
      } else if (reply?.kind === "refused") resolve(reply);
      else resolve({ kind: "enqueued" });
    });
    const response = await promise;
    if (response.kind !== "refused" || response.reason !== "notLeading") return response;
    const forwarded = { ...request, hops: hops + 1 };
    return await this.#forward(forwarded, { hops, leader: response.leader, signal });
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

/** The decrees that a message carries. */
export function decreesOf(message: Message): readonly Decree[] {
  return "decrees" in message ? message.decrees : [];
}
