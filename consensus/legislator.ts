/**
 * The Paxos participant: one way in, one outcome out. Dispatches to the roles and decides nothing
 * itself. Never reads a clock, draws a number, sends or writes.
 */
import {
  attest,
  onAccept,
  onConfirm,
  onDecide,
  onPrepare,
  onSynchronize,
  payPromise,
} from "./follower.ts";
import { assert, unreachable } from "./assert.ts";
import { maybeLead, onOwnPromise, onPromised } from "./candidate.ts";
import { Chamber } from "./chamber.ts";
import type { DurableState, LegislatorOptions } from "./durable-state.ts";
import {
  considerTakeOver,
  knownBallot,
  knownLeader,
  onEvent,
  onPing,
  onPong,
  onSent,
  pingAll,
  onTakeOver,
} from "./election.ts";
import { isQuorumConnected } from "./fitness.ts";
import { found, mayFound, onBootstrap, onJoin, resumeFounding } from "./founding.ts";
import { onInstall, onSnapshot } from "./installing.ts";
import type { Ballot, Cookie, Hash, Index, NodeId, Slot } from "./identifiers.ts";
import { checkState } from "./invariants.ts";
import { onAhead, onFetch, onLearn, serveWaiters } from "./learner.ts";
import { countVotes, gathersUntil, onAccepted, onResynchronize, propose } from "./leader.ts";
import type { LegislatorState, Role } from "./legislator-state.ts";
import {
  askForNaturalization,
  onAdmissionDurable,
  onExile,
  onImmigrate,
  onNaturalize,
} from "./membership.ts";
import type { LegislatorInput, Outcome, PersistedInput, ReceiveInput } from "./outcome.ts";
import { fromPlain, toPlain, type Plain } from "./plain.ts";
import type { Republic } from "./republic.ts";
import {
  confirmBarriers,
  handOver,
  onBarrier,
  onConfirmed,
  onEnqueue,
  onTransfer,
  repeatBarriers,
} from "./submission.ts";
import { onDemote, onPromote, shape } from "./seats.ts";
import { onRefused } from "./step-down.ts";
import { compareReached, hasDiverged, onApplied } from "./vouching.ts";

/** What may be looked at from outside, at any time. */
export interface LegislatorView {
  readonly role: Role["kind"];
  readonly promised: Ballot;
  readonly accepted: Ballot;
  readonly length: Slot;
  readonly decided: Slot;
  readonly index: Index;
  readonly stateHash: Hash;
  /** Who leads, as far as this node knows. */
  readonly leader: NodeId | null;
  /** The leader's ballot; without a leader the highest that this node promised. */
  readonly ballot: Ballot;
  readonly quorumConnected: boolean;
}

export class Legislator {
  readonly #chamber: Chamber;

  constructor(options: LegislatorOptions, durable: DurableState, state?: LegislatorState) {
    assert(options.pingTicks >= 1, "time passes between pings");
    assert(options.silenceTicks >= 2 * options.pingTicks, "one lost ping is not silence");
    this.#chamber = new Chamber(options, durable, state);
    resumeFounding(this.#chamber);
  }

  /**
   * Everything this legislator is, as plain JSON data; {@link Legislator.restore} goes on exactly.
   */
  checkpoint(): Plain {
    const { options, state, republic, log } = this.#chamber;
    const durable: DurableState = {
      promised: state.promised,
      accepted: state.accepted,
      republic: republic.state(),
      decrees: log.from(republic.slot + 1),
      lostUpTo: state.lostUpTo,
      heard: [],
      writeLast: state.writeLast,
    };
    return toPlain({ options, durable, state });
  }

  static restore(checkpoint: Plain): Legislator {
    const { options, durable, state } = fromCheckpoint(fromPlain(checkpoint));
    return new Legislator(options, durable, state);
  }

  get republic(): Pick<
    Republic,
    | "identity"
    | "government"
    | "members"
    | "member"
    | "departed"
    | "refounded"
    | "slot"
    | "hash"
    | "stateHash"
    | "time"
    | "index"
    | "parliamentSize"
    | "outcomeOf"
    | "publisherCount"
    | "batchOf"
    | "state"
  > {
    return this.#chamber.republic;
  }

  get role(): Role["kind"] {
    return this.#chamber.state.role.kind;
  }

  /** Who leads, as far as this node knows. */
  get leader(): NodeId | null {
    return knownLeader(this.#chamber);
  }

  /** Those whose state was found to differ from this node's, when it was compared last. */
  get differing(): readonly NodeId[] {
    const found: NodeId[] = [];
    for (const [id, { agrees, machineAgrees }] of this.#chamber.state.peers) {
      if (agrees === false || machineAgrees === false) found.push(id);
    }
    return found;
  }

  /** In which life this incarnation of a peer was heard last; 0 when it never was. */
  lifeHeard(id: NodeId, cookie: Cookie): number {
    const heard = this.#chamber.state.heard.get(id);
    return heard?.cookie === cookie ? heard.starts : 0;
  }

  view(): LegislatorView {
    const { state, log, republic } = this.#chamber;
    return {
      role: state.role.kind,
      promised: state.promised,
      accepted: state.accepted,
      length: log.length,
      decided: republic.slot,
      index: republic.index,
      stateHash: republic.stateHash,
      leader: this.leader,
      ballot: knownBallot(this.#chamber) ?? state.promised,
      quorumConnected: isQuorumConnected(this.#chamber),
    };
  }

  /** The only way in. Same state and same input give the same outcome, always (contract C2). */
  step(input: LegislatorInput): Outcome {
    const chamber = this.#chamber;
    chamber.begin(input.now, input.when);
    if (!chamber.halted) {
      const governmentBefore = chamber.republic.government?.number;
      const roleBefore = this.role;
      this.#dispatch(input);
      this.#settle(governmentBefore);
      const leadsFromNowOn = this.role === "leading" && roleBefore !== "leading";
      // Who has yet to hear how this node differs could take it for one that agrees.
      if (leadsFromNowOn || hasDiverged(chamber)) pingAll(chamber);
    }
    checkState(chamber);
    return chamber.finish(this.#deadline());
  }

  // oxlint-disable-next-line complexity -- one line a kind of input.
  #dispatch(input: LegislatorInput): void {
    const chamber = this.#chamber;
    switch (input.kind) {
      case "bootstrap":
        return onBootstrap(chamber, input);
      case "join":
        return onJoin(chamber, input);
      case "immigrate":
        return onImmigrate(chamber, input.citizen);
      case "naturalize":
        chamber.state.willing = true;
        return;
      case "exile":
        return onExile(chamber, input.id);
      case "promote":
        return onPromote(chamber, input);
      case "demote":
        return onDemote(chamber, input.id);
      case "transfer":
        return onTransfer(chamber, input.to);
      case "event":
        return this.#onEvent(input.jitter);
      case "receive":
        return this.#receive(input);
      case "enqueue":
        return onEnqueue(chamber, input.value);
      case "persisted":
        return this.#onPersisted(input);
      case "sent":
        return onSent(chamber, input.to);
      case "room":
        chamber.state.hasRoom = input.hasRoom;
        return;
      case "barrier":
        return onBarrier(chamber, input.barrier);
      case "applied":
        return onApplied(chamber, input);
      case "install":
        onInstall(chamber, input);
        return maybeLead(chamber);
      default:
        return unreachable(input);
    }
  }

  // oxlint-disable-next-line complexity -- one line a kind of message.
  #receive({ from, cookie, message }: ReceiveInput): void {
    const chamber = this.#chamber;
    if (from === chamber.id) return;
    // Votes count by (id, cookie): another incarnation under a member's id is not that member.
    if (!chamber.knows({ id: from, cookie }) && !mayAddress(chamber, { from, cookie, message })) {
      return;
    }
    switch (message.kind) {
      case "ping":
        return onPing(chamber, { id: from, cookie }, message);
      case "pong":
        return onPong(chamber, { id: from, cookie }, message);
      case "prepare":
        return onPrepare(chamber, from, message);
      case "promised":
        return onPromised(chamber, from, message);
      case "refused":
        return onRefused(chamber, from, message);
      case "synchronize":
        return onSynchronize(chamber, from, message);
      case "accept":
        return onAccept(chamber, from, message);
      case "accepted":
        return onAccepted(chamber, from, message.ballot, message.length);
      case "resynchronize":
        return onResynchronize(chamber, from, message);
      case "decide":
        return onDecide(chamber, from, message);
      case "confirm":
        return onConfirm(chamber, from, message);
      case "confirmed":
        return onConfirmed(chamber, from, message);
      case "fetch":
        return onFetch(chamber, { id: from, cookie }, message);
      case "learn":
        onLearn(chamber, from, message);
        return maybeLead(chamber);
      case "ahead":
        return onAhead(chamber, from, message);
      case "naturalize":
        return onNaturalize(chamber, from, cookie);
      case "takeOver":
        return onTakeOver(chamber, from, message);
      case "snapshot":
        return onSnapshot(chamber, from, message);
      default:
        return unreachable(message);
    }
  }

  #onPersisted({ write }: PersistedInput): void {
    const chamber = this.#chamber;
    const { state } = chamber;
    assert(write <= state.writeLast, "only what was written becomes durable");
    let reached = state.durable;
    while (state.writes[0] !== undefined && state.writes[0].write <= write) {
      reached = state.writes.shift() ?? reached;
    }
    if (reached === state.durable) return;
    const { length } = state.durable;
    state.durable = reached;
    onAdmissionDurable(chamber, length);
    state.persistingSince = state.writes.length > 0 ? state.now : null;
    found(chamber);
    payPromise(chamber);
    attest(chamber);
    onOwnPromise(chamber);
    countVotes(chamber);
  }

  #onEvent(jitter: number): void {
    const chamber = this.#chamber;
    const { round } = chamber.state;
    found(chamber);
    onEvent(chamber, jitter);
    if (chamber.state.round === round) return;
    askForNaturalization(chamber);
    repeatBarriers(chamber);
  }

  /**
   * What follows from any input: the next government begins, the leader proposes, waiters are
   * served.
   */
  #settle(governmentBefore: number | undefined): void {
    const chamber = this.#chamber;
    const { government } = chamber.republic;
    if (government?.number !== governmentBefore && government?.leader === chamber.id) {
      considerTakeOver(chamber);
    }
    shape(chamber);
    propose(chamber);
    confirmBarriers(chamber);
    handOver(chamber);
    if (chamber.applied.length === 0 && chamber.installed === null) return;
    serveWaiters(chamber);
    compareReached(chamber);
  }

  #deadline(): number | null {
    const { state } = this.#chamber;
    if (this.#chamber.halted) return null;
    if (state.role.kind === "stateless" && state.joining === null) {
      // A founder that came back with its decree on disk founds at the next event, others wait.
      return mayFound(this.#chamber) ? state.now : null;
    }
    const gathered = gathersUntil(this.#chamber) ?? Infinity;
    return Math.max(Math.min(state.roundAt, gathered), state.now);
  }
}

/**
 * Whether somebody who is no member here may say this. A newcomer knows no members yet, only whom
 * to ask; and who was admitted behind this node's back may ping, fetch, and give what was asked of
 * it. An answer goes to an id: to the member, so that another incarnation under its id gets none,
 * but for one that was exiled, and has to learn of that.
 */
function mayAddress(
  chamber: Chamber,
  { from, cookie, message: { kind } }: Pick<ReceiveInput, "from" | "cookie" | "message">,
): boolean {
  const { state, contacts, republic } = chamber;
  if (kind === "fetch") {
    return republic.member(from) === null || republic.departed(from, cookie) !== null;
  }
  if (kind === "learn" || kind === "snapshot") return state.fetching?.from === from;
  if (kind === "pong") return contacts.includes(from);
  return kind === "ping";
}

/**
 * A checkpoint was made by this code or checked by its reader: its shape is trusted, once, here.
 */
function fromCheckpoint(value: unknown): {
  readonly options: LegislatorOptions;
  readonly durable: DurableState;
  readonly state: LegislatorState;
} {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above.
  return value as ReturnType<typeof fromCheckpoint>;
}
