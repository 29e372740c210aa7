/**
 * Servers that implement one register, clients that write once and then read once, and a network
 * that reorders, and delivers each message at most once. Servers come first in the numbering. What
 * a server ignores stays in the network, as in the published models that this one is measured by.
 */
import type { Model } from "../model.ts";
import type { StateHash } from "../state-hash.ts";
import {
  emptyHistory,
  invoke,
  isLinearizable,
  returned,
  type RegisterHistory,
} from "./register-history.ts";

/** What clients and servers say to each other; servers have messages of their own besides. */
export type ClientMessage =
  | { readonly kind: "put"; readonly request: number; readonly value: string }
  | { readonly kind: "get"; readonly request: number }
  | { readonly kind: "putOk"; readonly request: number }
  | { readonly kind: "getOk"; readonly request: number; readonly value: string };

export interface Sent<Message> {
  readonly to: number;
  readonly message: Message;
}

export interface Reaction<Server, Message> {
  readonly state: Server;
  readonly send: readonly Sent<Message>[];
}

/** What a server does; the same for all of them. */
export interface Protocol<Server, Message> {
  start(server: number): Server;
  /** Null when the message is ignored. */
  receive(
    server: Server,
    envelope: { readonly from: number; readonly to: number; readonly message: Message },
  ): Reaction<Server, Message> | null;
}

interface Client {
  readonly awaited: number | null;
  readonly asked: number;
}

interface Envelope<Message> extends Sent<Message> {
  readonly from: number;
}

interface State<Server> {
  readonly servers: readonly Server[];
  readonly clients: readonly Client[];
  readonly history: RegisterHistory;
  /** Envelopes as JSON, sorted: a multiset. */
  readonly network: readonly string[];
}

/** The envelope that is delivered, as JSON. */
type Action = string;

export class RegisterModel<
  Server extends object,
  Message extends { readonly kind: string },
> implements Model<State<Server>, Action> {
  readonly #protocol: Protocol<Server, Message | ClientMessage>;
  readonly #serverCount: number;
  readonly #clientCount: number;
  readonly #numbers = new WeakMap<object, number>();
  readonly #numbersOfTexts = new Map<string, number>();
  readonly #envelopes = new Map<string, Envelope<Message | ClientMessage>>();

  constructor(
    protocol: Protocol<Server, Message | ClientMessage>,
    { servers, clients }: { readonly servers: number; readonly clients: number },
  ) {
    this.#protocol = protocol;
    this.#serverCount = servers;
    this.#clientCount = clients;
  }

  initial(): readonly State<Server>[] {
    const servers = Array.from({ length: this.#serverCount }, (_, at) => this.#protocol.start(at));
    let history = emptyHistory(this.#clientCount);
    const clients: Client[] = [];
    const network: string[] = [];
    for (let client = 0; client < this.#clientCount; client += 1) {
      const id = this.#serverCount + client;
      const value = String.fromCharCode(65 + client);
      clients.push({ awaited: id, asked: 1 });
      const message: ClientMessage = { kind: "put", request: id, value };
      network.push(this.#seal({ from: id, to: id % this.#serverCount, message }));
      history = invoke(history, client, message);
    }
    return [{ servers, clients, history, network: network.toSorted() }];
  }

  actions({ network }: State<Server>): readonly Action[] {
    return network.filter((text, at) => text !== network[at - 1]);
  }

  next(state: State<Server>, action: Action): State<Server> | null {
    const envelope = this.#envelopes.get(action);
    if (envelope === undefined) return null;
    return envelope.to < this.#serverCount
      ? this.#serve(state, action, envelope)
      : this.#answer(state, action, envelope);
  }

  /** Most parts are those of the state before: each is written out once, and has a number then. */
  hash({ servers, clients, history, network }: State<Server>, into: StateHash): void {
    for (const server of servers) into.word(this.#numberOf(server));
    into.word(this.#numberOf(clients));
    into.word(this.#numberOf(history));
    for (const text of network) into.word(this.#numberOfText(text));
  }

  #numberOf(part: object): number {
    const known = this.#numbers.get(part);
    if (known !== undefined) return known;
    const number = this.#numberOfText(JSON.stringify(part));
    this.#numbers.set(part, number);
    return number;
  }

  #numberOfText(text: string): number {
    const number = this.#numbersOfTexts.get(text) ?? this.#numbersOfTexts.size;
    this.#numbersOfTexts.set(text, number);
    return number;
  }

  broken({ history }: State<Server>): string | null {
    return isLinearizable(history) ? null : `linearizable: ${JSON.stringify(history)}`;
  }

  describe(_state: State<Server>, action: Action): readonly string[] {
    const envelope = this.#envelopes.get(action);
    if (envelope === undefined) return [action];
    const { kind, ...rest } = envelope.message;
    return [`${envelope.from} → ${envelope.to}: ${kind} ${JSON.stringify(rest)}`];
  }

  #seal(envelope: Envelope<Message | ClientMessage>): string {
    const text = JSON.stringify(envelope);
    this.#envelopes.set(text, envelope);
    return text;
  }

  #serve(
    state: State<Server>,
    action: Action,
    envelope: Envelope<Message | ClientMessage>,
  ): State<Server> | null {
    const server = state.servers[envelope.to];
    if (server === undefined) return null;
    const reaction = this.#protocol.receive(server, envelope);
    if (reaction === null) return null;
    const sent = reaction.send.map(({ to, message }) =>
      this.#seal({ from: envelope.to, to, message }),
    );
    const servers = state.servers.with(envelope.to, reaction.state);
    return { ...state, servers, network: replaced(state.network, action, sent) };
  }

  /** A client that got what it waits for reads next, from the server after the one it wrote to. */
  #answer(
    state: State<Server>,
    action: Action,
    { to, message }: Envelope<Message | ClientMessage>,
  ): State<Server> | null {
    const at = to - this.#serverCount;
    const client = state.clients[at];
    if (client === undefined || !isAnswer(message) || message.request !== client.awaited)
      return null;
    const value = message.kind === "getOk" ? message.value : null;
    let history = returned(state.history, at, value);
    const asked = client.asked + 1;
    if (message.kind === "getOk") {
      const clients = state.clients.with(at, { awaited: null, asked });
      return { ...state, clients, history, network: replaced(state.network, action, []) };
    }
    const get: ClientMessage = { kind: "get", request: asked * to };
    history = invoke(history, at, { kind: "get", value: null });
    const sent = this.#seal({
      from: to,
      to: (to + client.asked) % this.#serverCount,
      message: get,
    });
    const clients = state.clients.with(at, { awaited: get.request, asked });
    return { ...state, clients, history, network: replaced(state.network, action, [sent]) };
  }
}

function isAnswer(
  message: { readonly kind: string } | ClientMessage,
): message is Extract<ClientMessage, { kind: "putOk" | "getOk" }> {
  return message.kind === "putOk" || message.kind === "getOk";
}

function replaced(
  network: readonly string[],
  gone: string,
  come: readonly string[],
): readonly string[] {
  return [...network.toSpliced(network.indexOf(gone), 1), ...come].toSorted();
}
