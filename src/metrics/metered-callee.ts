/**
 * A node's service as others see it: counts what clients ask and what peers say of
 * themselves, and hands all of it on unchanged.
 */
import { TransportError, type Callee, type Hello, type Traffic } from "../../transport/index.ts";
import { propose, traced, type Traced } from "../diagnostics/channels.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { EnqueueRequest, Request, Response } from "../requests.ts";
import { now, type Meter } from "./meter.ts";

/** What is metered: what nodes and clients ask and say. */
type Metered = Pick<
  Required<Callee<Request, Response>>,
  "hello" | "knows" | "refused" | "hear" | "answer"
>;

export class MeteredCallee implements Callee<Request, Response> {
  readonly #callee: Metered;
  readonly #meter: Meter;

  constructor(callee: Metered, meter: Meter) {
    this.#callee = callee;
    this.#meter = meter;
  }

  hello(): Hello {
    return this.#callee.hello();
  }

  knows(from: Hello): boolean {
    return this.#callee.knows(from);
  }

  refused(detail: { readonly address: string; readonly error: Error }): void {
    this.#callee.refused(detail);
  }

  traffic(from: Hello): Traffic | null {
    if (from.node === null || !this.knows(from)) return null;
    return this.#meter.peers().get(from.node.id) ?? null;
  }

  hear(request: Request, from: Hello): void {
    if (request.method === "receive" && from.node !== null) {
      const { message } = request;
      const isReport = message.kind === "ping" || message.kind === "pong";
      if (isReport && this.knows(from)) this.#meter.peers().get(from.node.id)?.heard(message);
    }
    this.#callee.hear(request, from);
  }

  /** The answer itself is the callee's: it comes not a turn later for being counted. */
  answer(request: Request, from: Hello, signal: AbortSignal): Promise<Response> {
    const began = now();
    const answered =
      request.method === "enqueue" && from.node === null
        ? traced(
            propose,
            () => proposed(this.#callee.hello(), request),
            () => this.#callee.answer(request, from, signal),
          )
        : this.#callee.answer(request, from, signal);
    if (request.method === "receive" || from.node !== null) return answered;
    const { requests, readings } = this.#meter;
    const reading = request.method === "entries" ? { next: request.index } : null;
    if (reading !== null) readings.add(reading);
    const note = (code: string): void => {
      if (reading !== null) readings.delete(reading);
      requests.note(request.method, code, now() - began);
    };
    answered.then(
      (response) => {
        if (request.method === "enqueue") this.#meter.proposed(response);
        note(response.kind === "refused" ? response.reason : "ok");
      },
      (error: unknown) => note(codeOf(error)),
    );
    return answered;
  }
}

/** What is told of a batch on its way. */
function proposed({ node }: Hello, { batch }: EnqueueRequest): Traced {
  const { publisher, sequence, count, size } = batch;
  return { node: node?.id ?? "", publisher, sequence, count, bytes: size };
}

function codeOf(error: unknown): string {
  const isKnown = error instanceof KibitzerError || error instanceof TransportError;
  return isKnown ? error.code : "KBZ_REMOTE";
}
