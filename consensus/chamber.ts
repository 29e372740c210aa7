/**
 * What all roles of one legislator share: options, state, log, republic, and the outcome of the
 * step under way. Holds no rule of the protocol but two: what a step writes is one atomic write,
 * and what is decided is applied in slot order.
 */
import { assert } from "./assert.ts";
import type { Citizen, Decree } from "./decree.ts";
import type { DurableState, LegislatorOptions } from "./durable-state.ts";
import {
  sameBallot,
  type Ballot,
  type Cookie,
  type Index,
  type NodeId,
  type Slot,
} from "./identifiers.ts";
import {
  barriersAt,
  initialState,
  unheardPeer,
  type LegislatorState,
  type Mark,
  type Peer,
} from "./legislator-state.ts";
import { forget, forgetAllBut } from "./forgetting.ts";
import { limits } from "./limits.ts";
import type { Message } from "./messages.ts";
import type {
  Applied,
  Dispatch,
  Download,
  Halt,
  Lane,
  LogBase,
  Outcome,
  Reply,
  SlotDispatch,
  Write,
} from "./outcome.ts";
import { majorityOf } from "./quorum.ts";
import { Republic } from "./republic.ts";
import type { RepublicState } from "./republic-state.ts";
import { SlotLog } from "./slot-log.ts";

/**
 * Messages that carry decrees, and what is decided of those: a `decide` that overtook them would be
 * of no use. Everything else must never wait behind them.
 */
const bulkKinds: ReadonlySet<Message["kind"]> = new Set([
  "promised",
  "synchronize",
  "accept",
  "decide",
  "learn",
]);

const nobody: readonly NodeId[] = [];

export class Chamber {
  readonly options: LegislatorOptions;
  readonly state: LegislatorState;
  readonly republic: Republic;
  readonly log: SlotLog;
  /** How many rounds of unanswered pings make a peer unheard. */
  readonly silenceRounds: number;

  /** Whose other seats were asked for last, and these: a parliament never changes in place. */
  #parliament: readonly NodeId[] = nobody;
  #otherSeats: readonly NodeId[] = nobody;
  #send: Dispatch[] = [];
  #sendSlots: SlotDispatch[] = [];
  #download: Download | null = null;
  #installed: LogBase | null = null;
  #applied: Applied[] = [];
  #barriers: { barrier: number; slot: Slot | null }[] = [];
  #reply: Reply | null = null;
  #staged: { slotFirst: Slot; decrees: Decree[] } | null = null;
  #promisedBefore: Ballot;
  #acceptedBefore: Ballot;
  #noteHeard = false;
  #when = 0;

  constructor(options: LegislatorOptions, durable: DurableState, state?: LegislatorState) {
    this.options = options;
    this.silenceRounds = Math.max(2, Math.ceil(options.silenceTicks / options.pingTicks));
    this.republic = new Republic(durable.republic);
    this.log = new SlotLog(this.republic.slot, this.republic.hash, durable.decrees);
    this.state = state ?? initialState(durable);
    this.#promisedBefore = this.state.promised;
    this.#acceptedBefore = this.state.accepted;
    if (state === undefined) this.takeSeat();
    const departed = this.republic.departed(options.id, options.cookie);
    if (departed !== null) this.halt({ kind: "exiled", slot: departed.slot });
  }

  /** The wall clock of the step under way; information for people only. */
  get when(): number {
    return this.#when;
  }
  get id(): NodeId {
    return this.options.id;
  }
  /** Whether the log names this very incarnation; another one under its id is somebody else. */
  get isMember(): boolean {
    return this.knows({ id: this.id, cookie: this.options.cookie });
  }
  /** Whether this incarnation has a seat in the government in force. */
  get hasSeat(): boolean {
    return this.isMember && this.republic.seats(this.id);
  }
  /** Whether this incarnation is a member, as far as this node's log goes. */
  knows({ id, cookie }: { readonly id: NodeId; readonly cookie: Cookie }): boolean {
    return this.republic.member(id)?.cookie === cookie;
  }
  /** Whom a node asks that does not find itself in the log yet. */
  get contacts(): readonly NodeId[] {
    const { joining } = this.state;
    if (joining === null || this.isMember) return nobody;
    const { contacts } = joining;
    return contacts.map(({ id }) => id).filter((id) => id !== this.id);
  }
  get halted(): boolean {
    return this.state.halt !== null;
  }

  /** The members of the parliament in force, without this node. */
  otherSeats(): readonly NodeId[] {
    const parliament = this.republic.government?.parliament ?? nobody;
    if (parliament !== this.#parliament) {
      this.#parliament = parliament;
      this.#otherSeats = parliament.filter((id) => id !== this.id);
    }
    return this.#otherSeats;
  }

  /** Majority of the government in force; only while there is one. */
  majority(): number {
    const { government } = this.republic;
    assert(government !== null, "a majority is of a government");
    return majorityOf(government.parliament.length);
  }

  peer(id: NodeId): Peer {
    assert(id !== this.id, "a node is not a peer of its own");
    let peer = this.state.peers.get(id);
    if (peer === undefined) {
      peer = unheardPeer(this.silenceRounds);
      this.state.peers.set(id, peer);
    }
    return peer;
  }

  /** Whether `id` answered a ping lately: the link works both ways. */
  hears(id: NodeId): boolean {
    const peer = this.state.peers.get(id);
    return peer !== undefined && peer.report !== null && peer.missed < this.silenceRounds;
  }

  /** Whether `id` answered so lately that it is not just about to count as silent. */
  hearsStill(id: NodeId): boolean {
    return this.hears(id) && this.peer(id).missed <= this.silenceRounds / 2;
  }

  /** A prepare or synchronize tells who competes or leads sooner than the next report does. */
  noteLeading(ballot: Ballot): void {
    const peer = this.peer(ballot.id);
    if (peer.report === null) return;
    peer.report = { ...peer.report, leading: ballot, quorumConnected: true, timely: true };
  }

  begin(now: number, when: number): void {
    assert(now >= this.state.now, "monotonic time never falls");
    this.state.now = now;
    this.#when = when;
    this.#send = [];
    this.#sendSlots = [];
    this.#download = null;
    this.#installed = null;
    this.#applied = [];
    this.#barriers = [];
    this.#reply = null;
    this.#staged = null;
    this.#promisedBefore = this.state.promised;
    this.#acceptedBefore = this.state.accepted;
    this.#noteHeard = false;
  }

  send(to: NodeId, message: Message): void {
    assert(to !== this.id, "a node sends itself nothing");
    const lane: Lane = bulkKinds.has(message.kind) ? "bulk" : "control";
    this.#send.push({ to, lane, message });
  }

  /** Sends decided slots from `slotFirst` on, as many as one `learn` may carry; up to which one. */
  sendSlots(to: NodeId, slotFirst: Slot): Slot {
    const decided = this.republic.slot;
    assert(slotFirst >= 1 && slotFirst <= decided, "only decided slots are sent so");
    const slotLast = Math.min(decided, slotFirst + limits.learnSlotsMax - 1);
    assert(slotLast >= slotFirst, "at least one slot is sent");
    this.#sendSlots.push({ to, slotFirst, slotLast, decided });
    return slotLast;
  }

  /** Has the shell download the snapshot after `slot`; what comes of it is an input. */
  download(from: NodeId, slot: Slot): void {
    assert(slot > this.republic.slot, "only what is ahead is downloaded");
    this.#download = { from, slot };
  }

  reply(reply: Reply): void {
    assert(this.#reply === null, "an input is answered once");
    this.#reply = reply;
  }

  /** Refuses the input under way. */
  refuse(reason: Extract<Reply, { kind: "refused" }>["reason"], leader: NodeId | null): void {
    this.reply({ kind: "refused", reason, leader });
  }

  answerBarrier(barrier: number, slot: Slot | null): void {
    this.#barriers.push({ barrier, slot });
  }

  halt(halt: Halt): void {
    this.state.halt ??= halt;
  }

  /** Has what was heard of peers written with this step. */
  noteHeard(): void {
    this.#noteHeard = true;
  }

  /** Replaces the log from `slotFirst` on, in memory now and on disk with this step's write. */
  stage(slotFirst: Slot, decrees: readonly Decree[]): void {
    if (slotFirst <= this.log.length) this.#disown(slotFirst - 1);
    assert(slotFirst > this.republic.slot, "what is decided is never written again");
    this.log.replaceFrom(slotFirst, decrees);
    if (this.state.lostUpTo <= this.log.length) this.state.lostUpTo = 0;
    const staged = this.#staged;
    if (staged === null || slotFirst <= staged.slotFirst) {
      this.#staged = { slotFirst, decrees: [...decrees] };
      return;
    }
    staged.decrees.length = Math.min(staged.decrees.length, slotFirst - staged.slotFirst);
    for (const decree of decrees) staged.decrees.push(decree);
  }

  /** What the disk holds after `shared` is not this log any more, whichever write it came with. */
  #disown(shared: Slot): void {
    const { state } = this;
    state.confirmed = Math.min(state.confirmed, shared);
    const clip = (mark: Mark): Mark => ({ ...mark, length: Math.min(mark.length, shared) });
    state.durable = clip(state.durable);
    for (const [at, mark] of state.writes.entries()) state.writes[at] = clip(mark);
  }

  /** Applies what is decided up to `slot`, all of which is in the log. */
  decide(slot: Slot): void {
    assert(slot <= this.log.length, "only what is in the log is applied");
    assert(slot >= this.republic.slot, "nothing is decided twice");
    const governmentBefore = this.republic.government?.number;
    while (this.republic.slot < slot) {
      const applied = this.republic.apply(this.log.shift());
      this.#applied.push(applied);
      this.#remember(applied);
    }
    if (this.republic.government?.number !== governmentBefore) this.takeSeat();
  }

  /**
   * Goes on from the state of a snapshot: the log is empty after it, in memory now, and on disk
   * with this step's write. Until that is durable the old log stands whole.
   */
  install(state: RepublicState): void {
    assert(this.#staged === null, "a snapshot is installed by itself");
    const { members: before, identity } = this.republic;
    const governmentBefore = this.republic.government?.number;
    this.#disown(this.republic.slot);
    this.republic.install(state);
    this.log.restart(state.slot, state.hash);
    this.#installed = { slot: state.slot, hash: state.hash };
    const { slot, stateHash } = state;
    // What was lost up to there is decided, and in it; what was attested after it still is.
    if (this.state.lostUpTo <= slot) this.state.lostUpTo = 0;
    this.state.hashes.set(slot % limits.hashesKept, { slot, hash: stateHash });
    if (state.republic?.identity !== identity?.identity) forgetAllBut(this.state, null);
    for (const { id, cookie } of before) if (!this.knows({ id, cookie })) forget(this.state, id);
    const departed = this.republic.departed(this.id, this.options.cookie);
    if (departed !== null) this.halt({ kind: "exiled", slot: departed.slot });
    if (this.republic.government?.number !== governmentBefore) this.takeSeat();
  }

  /** What this step went on from, if a snapshot was installed. */
  get installed(): LogBase | null {
    return this.#installed;
  }

  /** What was applied in this step so far. */
  get applied(): readonly Applied[] {
    return this.#applied;
  }

  /** Takes the role that the government in force gives this node. */
  takeSeat(): void {
    const { republic, state, options } = this;
    if (republic.government === null) return;
    // However the stop-sign came to be known as decided: who waits at its leader asks again.
    for (const barrier of barriersAt(state.role)) this.answerBarrier(barrier, null);
    state.role = { kind: this.hasSeat ? "follower" : "constituent" };
    state.attempts = 0;
    state.inherited.length = 0;
    // The leader that the government names goes first; the others wait for it, but not for ever.
    const isNamed = republic.government.leader === this.id;
    state.notBefore = isNamed ? 0 : state.now + options.silenceTicks / 2;
  }

  /** The hash of the replicated state at `slot`, while it is remembered. */
  stateHashAt(slot: Slot): string | null {
    const kept = this.state.hashes.get(slot % limits.hashesKept);
    return kept !== undefined && kept.slot === slot ? kept.hash : null;
  }

  finish(deadline: number | null): Outcome {
    return {
      send: this.#send,
      persist: this.#write(),
      sendSlots: this.#sendSlots,
      download: this.#download,
      installed: this.#installed === null ? null : this.#reached(this.#installed),
      applied: this.#applied,
      barriers: this.#barriers,
      reply: this.#reply,
      halt: this.state.halt,
      deadline,
    };
  }

  #reached({ slot }: LogBase): { readonly slot: Slot; readonly index: Index } {
    assert(slot === this.republic.slot, "nothing else is applied in the step that installs");
    return { slot, index: this.republic.index };
  }

  #remember(applied: Applied): void {
    const { slot } = applied.decree;
    this.state.hashes.set(slot % limits.hashesKept, { slot, hash: applied.stateHash });
    const { value } = applied.decree;
    if (value.kind === "refounding") forgetAllBut(this.state, value.founder.id);
    if (value.kind === "admission") this.#checkAdmission(value.citizen);
    if (value.kind !== "exile" || applied.effect.kind === "none") return;
    const { id, cookie } = value;
    forget(this.state, id);
    if (id === this.id && cookie === this.options.cookie) this.halt({ kind: "exiled", slot });
  }

  /** What a newcomer learned is the log of the republic that it joins, by its admission at last. */
  #checkAdmission(citizen: Citizen): void {
    const { joining } = this.state;
    const isOwn = citizen.id === this.id && citizen.cookie === this.options.cookie;
    if (!isOwn || joining === null) return;
    assert(
      this.republic.identity?.identity === joining.republic.identity,
      "a newcomer is admitted by the republic that it joins",
    );
  }

  #write(): Write | null {
    const { state, log } = this;
    const promisedChanged = !sameBallot(state.promised, this.#promisedBefore);
    const acceptedChanged = !sameBallot(state.accepted, this.#acceptedBefore);
    const isHardStateUnchanged = !promisedChanged && !acceptedChanged && !this.#noteHeard;
    const isLogUnchanged = this.#staged === null && this.#installed === null;
    if (isHardStateUnchanged && isLogUnchanged) return null;
    state.writeLast += 1;
    if (this.#installed !== null) state.installing = state.writeLast;
    assert(Number.isSafeInteger(state.writeLast), "write numbers do not run out");
    const { promised, accepted } = state;
    state.persistingSince ??= state.now;
    const { lostUpTo } = state;
    const mark = { promised, accepted, length: log.length, lostUpTo };
    state.writes.push({ write: state.writeLast, ...mark });
    const staged = this.#staged ?? { slotFirst: log.length + 1, decrees: [] };
    return {
      number: state.writeLast,
      promised: promisedChanged ? promised : null,
      accepted,
      slotFirst: staged.slotFirst,
      decrees: staged.decrees,
      decided: state.founding ? 0 : this.republic.slot,
      heard: this.#takeHeard(),
      lostUpTo,
      base: this.#installed,
    };
  }

  #takeHeard(): Write["heard"] {
    if (!this.#noteHeard) return null;
    this.state.heardChanged = false;
    return [...this.state.heard.values()];
  }
}
