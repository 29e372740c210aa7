/**
 * The replicated state: what the decided decrees have made of the republic so far. The same
 * function of the log on every node; never reads a clock, never refuses a decided decree.
 */
import { assert, unreachable } from "./assert.ts";
import {
  sameBatch,
  type Batch,
  type Citizen,
  type Decree,
  type Refounding,
  type RepublicIdentity,
} from "./decree.ts";
import { hashZero, Mixer } from "./hash.ts";
import { compareIds, type Cookie, type Hash, type NodeId, type Slot } from "./identifiers.ts";
import { limits } from "./limits.ts";
import type { Applied, Effect } from "./outcome.ts";
import type {
  Departed,
  Government,
  Member,
  PublisherResult,
  Refounded,
  RepublicState,
} from "./republic-state.ts";

/** The state before anything is decided. */
export function emptyRepublic(): RepublicState {
  return {
    republic: null,
    parliamentSize: 0,
    slot: 0,
    hash: hashZero,
    stateHash: hashZero,
    time: 0,
    index: 0,
    government: null,
    members: [],
    departed: [],
    refounded: [],
    publishers: [],
  };
}

interface PublisherRow {
  sequenceNext: number;
  results: PublisherResult[];
  time: number;
}

const none: Effect = { kind: "none" };

export class Republic {
  #identity: RepublicIdentity | null;
  #parliamentSize: number;
  #slot: Slot;
  #hash: Hash;
  #stateHash: Hash;
  #time: number;
  #index: number;
  #government: Government | null;
  #departed: readonly Departed[];
  #refounded: readonly Refounded[];
  #members: Map<NodeId, Member>;
  #publishers: Map<number, PublisherRow>;

  constructor(state: RepublicState) {
    this.#identity = state.republic;
    this.#parliamentSize = state.parliamentSize;
    this.#slot = state.slot;
    this.#hash = state.hash;
    this.#stateHash = state.stateHash;
    this.#time = state.time;
    this.#index = state.index;
    this.#government = state.government;
    this.#departed = state.departed;
    this.#refounded = state.refounded;
    this.#members = membersOf(state);
    this.#publishers = publishersOf(state);
  }

  /** Becomes a later state as a whole, which others have come to decree by decree. */
  install(state: RepublicState): void {
    assert(state.slot > this.#slot, "a snapshot never takes the state back");
    assert(state.time >= this.#time && state.index >= this.#index, "log time and index never fall");
    this.#identity = state.republic;
    this.#parliamentSize = state.parliamentSize;
    this.#slot = state.slot;
    this.#hash = state.hash;
    this.#stateHash = state.stateHash;
    this.#time = state.time;
    this.#index = state.index;
    this.#government = state.government;
    this.#departed = state.departed;
    this.#refounded = state.refounded;
    this.#members = membersOf(state);
    this.#publishers = publishersOf(state);
  }

  get identity(): RepublicIdentity | null {
    return this.#identity;
  }
  get parliamentSize(): number {
    return this.#parliamentSize;
  }
  get slot(): Slot {
    return this.#slot;
  }
  get hash(): Hash {
    return this.#hash;
  }
  get stateHash(): Hash {
    return this.#stateHash;
  }
  get time(): number {
    return this.#time;
  }
  get index(): number {
    return this.#index;
  }
  get government(): Government | null {
    return this.#government;
  }
  get publisherCount(): number {
    return this.#publishers.size;
  }
  /** In the order of their admission. */
  get members(): readonly Member[] {
    return [...this.#members.values()];
  }
  member(id: NodeId): Member | null {
    return this.#members.get(id) ?? null;
  }
  /** This incarnation, if it was exiled, as far back as that is remembered. */
  departed(id: NodeId, cookie: Cookie): Departed | null {
    return this.#departed.find((each) => each.id === id && each.cookie === cookie) ?? null;
  }
  /** How often, and from what, this republic went on under another identity. */
  get refounded(): readonly Refounded[] {
    return this.#refounded;
  }
  /** Whether `id` has a seat in the government in force. */
  seats(id: NodeId): boolean {
    return this.#government !== null && this.#government.parliament.includes(id);
  }

  /** The whole state as plain data, in a canonical order. */
  state(): RepublicState {
    const publishers = [...this.#publishers].map(([publisher, row]) => ({
      publisher,
      sequenceNext: row.sequenceNext,
      results: [...row.results],
      time: row.time,
    }));
    return {
      republic: this.#identity,
      parliamentSize: this.#parliamentSize,
      slot: this.#slot,
      hash: this.#hash,
      stateHash: this.#stateHash,
      time: this.#time,
      index: this.#index,
      government: this.#government,
      members: this.members,
      departed: this.#departed,
      refounded: this.#refounded,
      publishers,
    };
  }

  /**
   * Looks up what the publisher table says of a batch now: its outcome when it has one, null when
   * it comes next, a gap when predecessors are missing (contract C6).
   */
  outcomeOf(batch: Batch): Effect | null {
    const row = this.#publishers.get(batch.publisher);
    if (row === undefined) return { kind: "unknownPublisher" };
    if (batch.sequence > row.sequenceNext) return { kind: "gap", expected: row.sequenceNext };
    if (batch.sequence === row.sequenceNext) return null;
    const before = row.results.find((result) => result.batch.sequence === batch.sequence);
    if (before === undefined || !sameBatch(before.batch, batch)) return { kind: "conflict" };
    return { kind: "duplicate", index: before.index };
  }

  /**
   * The batch whose first entry took effect as `sequence` of `publisher`; null when there is none,
   * or it is forgotten.
   */
  batchOf(publisher: number, sequence: number): Batch | null {
    const row = this.#publishers.get(publisher);
    return row?.results.find(({ batch }) => batch.sequence === sequence)?.batch ?? null;
  }

  /** Applies the next decided decree. Its hash was checked against the log when it was appended. */
  apply(decree: Decree): Applied {
    assert(decree.slot === this.#slot + 1, "decrees are applied in slot order without a hole");
    assert(decree.time >= this.#time, "log time never falls");
    const government = this.#government?.number ?? 0;
    this.#time = decree.time;
    const effect = this.#enact(decree);
    this.#slot = decree.slot;
    this.#hash = decree.hash;
    this.#stateHash = this.#mix(effect);
    return { decree, effect, government: Math.max(government, 1), stateHash: this.#stateHash };
  }

  // oxlint-disable-next-line complexity -- one case a kind of decree.
  #enact({ slot, when, value }: Decree): Effect {
    switch (value.kind) {
      case "bootstrap":
        assert(slot === 1, "a republic is founded once, by its first decree");
        this.#identity = value.republic;
        this.#parliamentSize = value.parliamentSize;
        this.#members.set(value.founder.id, {
          ...value.founder,
          admitted: slot,
          naturalized: true,
          eligible: true,
        });
        this.#government = {
          number: 1,
          parliament: [value.founder.id],
          leader: value.founder.id,
          leaving: [],
          slot,
        };
        return { kind: "government" };
      case "opening":
        return none;
      case "admission":
        return this.#admit(slot, value.citizen);
      case "naturalization":
        return this.#amend(value, { naturalized: true });
      case "eligibility":
        return this.#amend(value, { eligible: value.eligible });
      case "relocation":
        return this.#amend(value, { url: value.url });
      case "exile":
        return this.#exile(slot, value.id, value.cookie);
      case "succession":
        assert(
          value.government === (this.#government?.number ?? 0) + 1,
          "governments are numbered",
        );
        assert(value.parliament.includes(value.leader), "the first leader has a seat");
        this.#government = {
          number: value.government,
          parliament: value.parliament,
          leader: value.leader,
          // Whose exile was decided ahead of this stop-sign may come again under the id.
          leaving: value.leaving.filter((id) => this.#members.has(id)),
          slot,
        };
        return { kind: "government" };
      case "registration":
        return this.#register(slot, value.nonce);
      case "batch":
        return this.#settle(value);
      case "refounding":
        return this.#refound(slot, when, value);
      default:
        return unreachable(value);
    }
  }

  #admit(slot: Slot, citizen: Citizen): Effect {
    if (this.#members.has(citizen.id) || this.#members.size >= limits.membersMax) return none;
    if (this.departed(citizen.id, citizen.cookie) !== null) return none;
    assert(this.#identity !== null, "there is a republic to be admitted to");
    const newcomer = { ...citizen, admitted: slot, naturalized: false, eligible: true };
    this.#members.set(citizen.id, newcomer);
    return { kind: "membership" };
  }

  /** Changes what is known of this incarnation; of another under its id, nothing. */
  #amend(
    { id, cookie }: Pick<Citizen, "id" | "cookie">,
    change: Partial<Pick<Member, "naturalized" | "eligible" | "url">>,
  ): Effect {
    const member = this.#members.get(id);
    if (member === undefined || member.cookie !== cookie) return none;
    assert(member.id === id, "a member stands under its own id");
    const { naturalized, eligible, url } = { ...member, ...change };
    const isSame =
      naturalized === member.naturalized && eligible === member.eligible && url === member.url;
    if (isSame) return none;
    this.#members.set(id, { ...member, naturalized, eligible, url });
    return { kind: "membership" };
  }

  #exile(slot: Slot, id: NodeId, cookie: Cookie): Effect {
    const member = this.#members.get(id);
    if (member === undefined || member.cookie !== cookie || this.seats(id)) return none;
    this.#members.delete(id);
    this.#left(id);
    const departed = { id, cookie, url: member.url, slot };
    this.#departed = [...this.#departed, departed].slice(-limits.departedKept);
    return { kind: "membership" };
  }

  /** Index, log time and publishers go on; all members leave, and the founder is the first. */
  #refound(slot: Slot, when: number, { cause, republic, founder, government }: Refounding): Effect {
    assert(this.#identity !== null, "there is a republic that goes on");
    assert(government > (this.#government?.number ?? 0), "governments are numbered");
    const before = this.#identity;
    const left = this.members.map(({ id, cookie, url }) => ({ id, cookie, url, slot }));
    this.#departed = [...this.#departed, ...left].slice(-limits.departedKept);
    this.#refounded = [...this.#refounded, { cause, slot, when, before }].slice(
      -limits.refoundedKept,
    );
    this.#identity = republic;
    this.#members.clear();
    this.#members.set(founder.id, {
      ...founder,
      admitted: slot,
      naturalized: true,
      eligible: true,
    });
    const parliament = [founder.id];
    this.#government = { number: government, parliament, leader: founder.id, leaving: [], slot };
    return { kind: "government" };
  }

  /** Its exile is seen through: who joins under the id from now on is another incarnation. */
  #left(id: NodeId): void {
    if (this.#government === null) return;
    const leaving = this.#government.leaving.filter((each) => each !== id);
    this.#government = { ...this.#government, leaving };
  }

  #register(slot: Slot, nonce: string): Effect {
    for (const idleMs of [limits.publisherExpiryMs, limits.publisherCrowdedMs]) {
      if (this.#publishers.size >= limits.publishersMax) this.#expire(idleMs);
    }
    if (this.#publishers.size >= limits.publishersMax)
      return { kind: "refusedRegistration", nonce };
    assert(!this.#publishers.has(slot), "a slot names one publisher");
    this.#publishers.set(slot, { sequenceNext: 1, results: [], time: this.#time });
    return { kind: "registered", publisher: slot, nonce };
  }

  /** Forgets idle publishers, by log time only, so that it is the same slot on every node. */
  #expire(idleMs: number): void {
    for (const [publisher, row] of this.#publishers) {
      if (this.#wasIdle(row, idleMs)) this.#publishers.delete(publisher);
    }
  }

  #wasIdle(row: PublisherRow, ms: number): boolean {
    return row.time + ms < this.#time;
  }

  #settle(batch: Batch): Effect {
    const row = this.#publishers.get(batch.publisher);
    const isLate = row !== undefined && this.#wasIdle(row, limits.publisherExpiryMs);
    if (isLate) this.#publishers.delete(batch.publisher);
    const before = this.outcomeOf(batch);
    if (before !== null) return before;
    assert(row !== undefined, "a batch that comes next has a publisher");
    const index = this.#index + 1;
    this.#index += batch.count;
    row.sequenceNext = batch.sequence + batch.count;
    row.time = this.#time;
    assert(row.sequenceNext > batch.sequence, "sequences rise");
    // A copy: the shell hangs the bytes on the identity of the descriptor, and this table outlives
    // it.
    row.results.push({ batch: { ...batch }, index });
    if (row.results.length > limits.publisherResultsMax) row.results.shift();
    return { kind: "applied", index };
  }

  #mix(effect: Effect): Hash {
    const mixer = new Mixer().text(this.#stateHash).text(this.#hash).text(effect.kind);
    mixer.number(this.#index).number(this.#government?.number ?? 0);
    mixer.number(this.#members.size).number(this.#publishers.size);
    if ("index" in effect) mixer.number(effect.index);
    if ("publisher" in effect) mixer.number(effect.publisher);
    return mixer.digest();
  }
}

function membersOf({ members }: RepublicState): Map<NodeId, Member> {
  return new Map(members.map((member) => [member.id, member]));
}

function publishersOf({ publishers }: RepublicState): Map<number, PublisherRow> {
  return new Map(
    publishers.map(({ publisher, sequenceNext, results, time }) => {
      return [publisher, { sequenceNext, results: [...results], time }];
    }),
  );
}

/** Members in the order of their ids. */
export function sortedIds(ids: Iterable<NodeId>): NodeId[] {
  return [...ids].toSorted(compareIds);
}
