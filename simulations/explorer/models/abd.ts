/**
 * A register shared by a majority (Attiya, Bar-Noy, Dolev, "Sharing Memory Robustly in
 * Message-Passing Systems", 1995): each operation asks a majority for the newest value, then has a
 * majority record one. With 2 servers and 2 clients it has 544 states, as Stateright publishes.
 */
import {
  RegisterModel,
  type ClientMessage,
  type Protocol,
  type Reaction,
} from "./register-model.ts";
import { registerEmpty } from "./register-history.ts";

/** When a value was written: a clock, and who wrote it. */
interface Stamp {
  readonly clock: number;
  readonly server: number;
}

interface Recorded {
  readonly stamp: Stamp;
  readonly value: string;
}

type AbdMessage =
  | { readonly kind: "query"; readonly request: number }
  | { readonly kind: "queried"; readonly request: number; readonly held: Recorded }
  | { readonly kind: "record"; readonly request: number; readonly held: Recorded }
  | { readonly kind: "recorded"; readonly request: number };

interface Operation {
  readonly request: number;
  readonly client: number;
  /** What is to be written; null for a read. */
  readonly write: string | null;
}

type Phase =
  | {
      readonly kind: "asking";
      readonly operation: Operation;
      /** By server, so that the order of arrival is no state. */
      readonly answers: Readonly<Record<number, Recorded>>;
    }
  | {
      readonly kind: "recording";
      readonly operation: Operation;
      readonly value: string;
      /** Sorted. */
      readonly recorded: readonly number[];
    };

interface AbdServer {
  readonly id: number;
  readonly held: Recorded;
  readonly phase: Phase | null;
}

/** A bug to be found: a write does not move the clock on. */
export type AbdBug = "still-clock";

type Message = AbdMessage | ClientMessage;
type Step = Reaction<AbdServer, Message> | null;

const servers = 2;
const majority = 2;

export function abdModel(bug: AbdBug | null = null): RegisterModel<AbdServer, AbdMessage> {
  return new RegisterModel<AbdServer, AbdMessage>(new Abd(bug), { servers, clients: 2 });
}

class Abd implements Protocol<AbdServer, Message> {
  readonly #tick: number;

  constructor(bug: AbdBug | null) {
    this.#tick = bug === "still-clock" ? 0 : 1;
  }

  start(id: number): AbdServer {
    return { id, held: { stamp: { clock: 0, server: id }, value: registerEmpty }, phase: null };
  }

  receive(
    server: AbdServer,
    { from, message }: { readonly from: number; readonly message: Message },
  ): Step {
    const { request } = message;
    switch (message.kind) {
      case "put":
        return ask(server, { request, client: from, write: message.value });
      case "get":
        return ask(server, { request, client: from, write: null });
      case "query": {
        const answer: Message = { kind: "queried", request, held: server.held };
        return { state: server, send: [{ to: from, message: answer }] };
      }
      case "queried":
        return this.#queried(server, from, message);
      case "record": {
        const answer: Message = { kind: "recorded", request };
        return { state: newer(server, message.held), send: [{ to: from, message: answer }] };
      }
      case "recorded":
        return recorded(server, from, request);
      case "putOk":
      case "getOk":
        return null;
    }
  }

  /** With the answers of a majority: the newest value, or a newer one, is to be recorded. */
  #queried(
    server: AbdServer,
    from: number,
    { request, held }: { readonly request: number; readonly held: Recorded },
  ): Step {
    const { phase } = server;
    if (phase?.kind !== "asking" || phase.operation.request !== request) return null;
    const answers = { ...phase.answers, [from]: held };
    const known = Object.values(answers);
    if (known.length !== majority)
      return { state: { ...server, phase: { ...phase, answers } }, send: [] };
    const newest = known.reduce((left, right) => (isNewer(right, left) ? right : left));
    const { operation } = phase;
    const { write } = operation;
    const stamp = { clock: newest.stamp.clock + this.#tick, server: server.id };
    const next = write === null ? newest : { stamp, value: write };
    const recording: Phase = {
      kind: "recording",
      operation,
      value: next.value,
      recorded: [server.id],
    };
    return {
      state: { ...newer(server, next), phase: recording },
      send: toOther(server.id, { kind: "record", request, held: next }),
    };
  }
}

function ask(server: AbdServer, operation: Operation): Step {
  if (server.phase !== null) return null;
  const { request } = operation;
  return {
    state: {
      ...server,
      phase: { kind: "asking", operation, answers: { [server.id]: server.held } },
    },
    send: toOther(server.id, { kind: "query", request }),
  };
}

function recorded(server: AbdServer, from: number, request: number): Step {
  const { phase } = server;
  if (phase?.kind !== "recording" || phase.operation.request !== request) return null;
  if (phase.recorded.includes(from)) return null;
  const known = [...phase.recorded, from].toSorted((left, right) => left - right);
  if (known.length !== majority)
    return { state: { ...server, phase: { ...phase, recorded: known } }, send: [] };
  const { client, write } = phase.operation;
  const answer: Message =
    write === null ? { kind: "getOk", request, value: phase.value } : { kind: "putOk", request };
  return { state: { ...server, phase: null }, send: [{ to: client, message: answer }] };
}

function newer(server: AbdServer, held: Recorded): AbdServer {
  return isNewer(held, server.held) ? { ...server, held } : server;
}

function isNewer({ stamp: left }: Recorded, { stamp: right }: Recorded): boolean {
  return left.clock > right.clock || (left.clock === right.clock && left.server > right.server);
}

function toOther(id: number, message: Message): { to: number; message: Message }[] {
  return [{ to: servers - 1 - id, message }];
}
