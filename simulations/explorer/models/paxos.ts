/**
 * Single-decree Paxos behind a register (Lamport, "Paxos Made Simple", 2001): each write begins a
 * ballot, the first value that is chosen is what every read returns. With 3 servers and 2 clients
 * it has the 16,668 states that Stateright publishes of its own model. Nothing is stored on disk.
 */
import {
  RegisterModel,
  type ClientMessage,
  type Protocol,
  type Reaction,
} from "./register-model.ts";

interface Ballot {
  readonly round: number;
  readonly server: number;
}

interface Proposal {
  readonly request: number;
  readonly client: number;
  readonly value: string;
}

interface Vote {
  readonly ballot: Ballot;
  readonly proposal: Proposal;
}

type PaxosMessage =
  | { readonly kind: "prepare"; readonly ballot: Ballot }
  | { readonly kind: "prepared"; readonly ballot: Ballot; readonly vote: Vote | null }
  | { readonly kind: "accept"; readonly ballot: Ballot; readonly proposal: Proposal }
  | { readonly kind: "accepted"; readonly ballot: Ballot }
  | { readonly kind: "decided"; readonly ballot: Ballot; readonly proposal: Proposal };

interface PaxosServer {
  readonly id: number;
  readonly ballot: Ballot;
  readonly proposal: Proposal | null;
  /** Who promised the own ballot, with its vote; by id, whatever the order of arrival. */
  readonly promises: Readonly<Record<number, Vote | null>>;
  /** Who accepted in the own ballot, sorted. */
  readonly accepts: readonly number[];
  readonly vote: Vote | null;
  readonly isDecided: boolean;
}

/** A bug to be found: a leader proposes its own value whatever was accepted before. */
export type PaxosBug = "own-value";

type Message = PaxosMessage | ClientMessage;
type Step = Reaction<PaxosServer, Message> | null;

const servers = 3;
const majority = 2;

export function paxosModel(bug: PaxosBug | null = null): RegisterModel<PaxosServer, PaxosMessage> {
  return new RegisterModel<PaxosServer, PaxosMessage>(new Paxos(bug), { servers, clients: 2 });
}

class Paxos implements Protocol<PaxosServer, Message> {
  readonly #bug: PaxosBug | null;

  constructor(bug: PaxosBug | null) {
    this.#bug = bug;
  }

  start(id: number): PaxosServer {
    const ballot = { round: 0, server: 0 };
    return { id, ballot, proposal: null, promises: {}, accepts: [], vote: null, isDecided: false };
  }

  receive(
    server: PaxosServer,
    { from, message }: { readonly from: number; readonly message: Message },
  ): Step {
    if (server.isDecided) return answerRead(server, from, message);
    switch (message.kind) {
      case "put":
        return put(server, { request: message.request, client: from, value: message.value });
      case "prepare":
        return prepare(server, from, message.ballot);
      case "prepared":
        return same(server.ballot, message.ballot)
          ? this.#prepared(server, from, message.vote)
          : null;
      case "accept":
        return accept(server, from, message);
      case "accepted":
        return same(server.ballot, message.ballot) ? accepted(server, from) : null;
      case "decided": {
        const { ballot, proposal } = message;
        return {
          state: { ...server, ballot, vote: { ballot, proposal }, isDecided: true },
          send: [],
        };
      }
      case "get":
      case "putOk":
      case "getOk":
        return null;
    }
  }

  #prepared(server: PaxosServer, from: number, vote: Vote | null): Step {
    const promises = { ...server.promises, [from]: vote };
    const { ballot } = server;
    const votes = Object.values(promises);
    if (votes.length !== majority) return { state: { ...server, promises }, send: [] };
    const highest = this.#bug === "own-value" ? null : highestOf(votes);
    const proposal = highest?.proposal ?? server.proposal;
    if (proposal === null) return null;
    const own = { proposal, vote: { ballot, proposal }, accepts: [server.id] };
    return {
      state: { ...server, promises, ...own },
      send: toOthers(server.id, { kind: "accept", ballot, proposal }),
    };
  }
}

function answerRead({ vote, ...server }: PaxosServer, from: number, message: Message): Step {
  if (message.kind !== "get" || vote === null) return null;
  const { value } = vote.proposal;
  const answer: Message = { kind: "getOk", request: message.request, value };
  return { state: { ...server, vote }, send: [{ to: from, message: answer }] };
}

function put(server: PaxosServer, proposal: Proposal): Step {
  if (server.proposal !== null) return null;
  const ballot = { round: server.ballot.round + 1, server: server.id };
  const promises = { [server.id]: server.vote };
  return {
    state: { ...server, ballot, proposal, promises, accepts: [] },
    send: toOthers(server.id, { kind: "prepare", ballot }),
  };
}

function prepare(server: PaxosServer, from: number, ballot: Ballot): Step {
  if (compare(ballot, server.ballot) <= 0) return null;
  const message: Message = { kind: "prepared", ballot, vote: server.vote };
  return { state: { ...server, ballot }, send: [{ to: from, message }] };
}

function accept(
  server: PaxosServer,
  from: number,
  { ballot, proposal }: { readonly ballot: Ballot; readonly proposal: Proposal },
): Step {
  if (compare(ballot, server.ballot) < 0) return null;
  return {
    state: { ...server, ballot, vote: { ballot, proposal } },
    send: [{ to: from, message: { kind: "accepted", ballot } }],
  };
}

function accepted(server: PaxosServer, from: number): Step {
  const accepts = [...new Set([...server.accepts, from])].toSorted((left, right) => left - right);
  const { ballot, proposal } = server;
  if (accepts.length !== majority || proposal === null) {
    return { state: { ...server, accepts }, send: [] };
  }
  const answer: Message = { kind: "putOk", request: proposal.request };
  return {
    state: { ...server, accepts, isDecided: true },
    send: [
      ...toOthers(server.id, { kind: "decided", ballot, proposal }),
      { to: proposal.client, message: answer },
    ],
  };
}

function toOthers(id: number, message: Message): { to: number; message: Message }[] {
  const others = [0, 1, 2].filter((other) => other !== id);
  return others.map((to) => ({ to, message }));
}

function compare(left: Ballot, right: Ballot): number {
  return left.round - right.round || left.server - right.server;
}

function same(left: Ballot, right: Ballot): boolean {
  return compare(left, right) === 0;
}

function highestOf(votes: readonly (Vote | null)[]): Vote | null {
  return votes.reduce((left, right) => {
    if (left === null || right === null) return left ?? right;
    return compare(right.ballot, left.ballot) > 0 ? right : left;
  }, null);
}
