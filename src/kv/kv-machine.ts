/**
 * The key–value map as a state machine: a function of its commands in the log, and of log time.
 * Knows no clock, no network and no client; entries that are not its own only let time pass.
 */
import { assert, unreachable } from "../../consensus/index.ts";
import type { MachineEntry, StateMachine, Wake } from "../machine/state-machine.ts";
import { decodeCommand, encodeCommand, encodeResult } from "./kv-command.ts";
import type { Condition, KvCommand, KvResult } from "./kv-command.ts";
import { KvEvents } from "./kv-events.ts";
import { Leases } from "./kv-leases.ts";
import { itemBytesMax, kvLimits } from "./kv-limits.ts";
import { decodeQuestion, encodeAnswer } from "./kv-question.ts";
import type { KvAnswer, KvQuestion, KvRecord } from "./kv-question.ts";
import { readState, stateOf, type KvState } from "./kv-state.ts";
import { SortedKeys } from "./sorted-keys.ts";

type Put = Omit<Extract<KvCommand, { readonly kind: "put" }>, "kind">;

const tick = encodeCommand({ kind: "tick" });

export class KvMachine implements StateMachine {
  readonly #records = new Map<string, KvRecord>();
  #keys = new SortedKeys();
  #leases = new Leases();
  #events = new KvEvents();
  #bytes = 0;
  #time = 0;
  /** For information: no part of the state. */
  #expired = 0;

  /** Leases that run, and those that ended by time since this machine was made. */
  get leaseCounts(): { readonly active: number; readonly expired: number } {
    return { active: this.#leases.count, expired: this.#expired };
  }

  /** How many keys there are. */
  get size(): number {
    return this.#records.size;
  }

  apply({ bytes, index, time }: MachineEntry): Uint8Array | undefined {
    this.#time = Math.max(this.#time, time);
    this.#expire(index);
    const command = decodeCommand(bytes);
    return command === null ? undefined : encodeResult(this.#carryOut(command, index));
  }

  /** The record under `key`, or null. */
  get(key: string): KvRecord | null {
    return this.#records.get(key) ?? null;
  }

  query(question: Uint8Array): Uint8Array {
    return encodeAnswer(this.#answer(decodeQuestion(question)));
  }

  /** The first lease to end wants an entry to end at. */
  wake(): Wake | null {
    const { endsFirst } = this.#leases;
    return endsFirst === Infinity ? null : { time: endsFirst, entry: tick };
  }

  snapshot(): Iterable<Uint8Array> {
    // Records, leases and events are never changed in place: to keep the references is a copy.
    const records: KvRecord[] = [];
    for (const key of this.#keys.from("")) {
      const record = this.#records.get(key);
      assert(record !== undefined, "a key has its record");
      records.push(record);
    }
    const { past } = this.#events;
    const events = this.#events.all();
    return stateOf({ time: this.#time, records, leases: this.#leases.all(), events, past });
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const state = await readState(pieces);
    this.#replace(state);
  }

  #replace({ time, records, leases, events, past }: KvState): void {
    this.#time = time;
    this.#records.clear();
    this.#keys = new SortedKeys();
    this.#leases = new Leases();
    this.#bytes = 0;
    for (const lease of leases) this.#leases.set(lease);
    for (const record of records) this.#keep(record);
    this.#events = KvEvents.after(past.numberLast - events.length, past.compacted);
    for (const event of events) this.#events.restore(event);
  }

  #carryOut(command: KvCommand, index: number): KvResult {
    switch (command.kind) {
      case "put":
        return this.#put(command, index);
      case "set":
        return this.#put({ ...command, lease: this.get(command.key)?.lease ?? 0 }, index);
      case "delete":
        return this.#delete(command, index);
      case "grant": {
        if (this.#leases.count >= kvLimits.leasesMax) return { status: "full", number: 0 };
        const { ttlMs } = command;
        this.#leases.set({ id: index, ttlMs, endsAt: this.#time + ttlMs });
        return { status: "ok", number: index };
      }
      case "keepAlive": {
        const lease = this.#leases.get(command.lease);
        if (lease === null) return { status: "noLease", number: 0 };
        this.#leases.set({ ...lease, endsAt: this.#time + lease.ttlMs });
        return { status: "ok", number: lease.ttlMs };
      }
      case "revoke": {
        if (this.#leases.get(command.lease) === null) return { status: "noLease", number: 0 };
        return { status: "ok", number: this.#end(command.lease, "delete", index) };
      }
      case "tick":
        return { status: "ok", number: 0 };
      default:
        return unreachable(command);
    }
  }

  #put({ key, value, lease, condition }: Put, index: number): KvResult {
    const before = this.get(key);
    const refusal = this.#refusal(before, condition) ?? this.#noRoom(key, value, { before, lease });
    if (refusal !== null) return refusal;
    if (before !== null) this.#drop(before);
    // The entry's bytes are a view into a batch, which would be kept as a whole.
    const kept = value.slice();
    const created = before?.created ?? index;
    this.#keep({ key, value: kept, revision: index, created, lease });
    this.#events.add({ kind: "put", key, value: kept, revision: index });
    return { status: "ok", number: index };
  }

  #delete(
    { key, condition }: { readonly key: string; readonly condition: Condition },
    index: number,
  ): KvResult {
    const before = this.get(key);
    const refusal = this.#refusal(before, condition);
    if (refusal !== null) return refusal;
    if (before === null) return { status: "ok", number: 0 };
    this.#remove(before, "delete", index);
    return { status: "ok", number: before.revision };
  }

  #refusal(before: KvRecord | null, { expected, fence }: Condition): KvResult | null {
    if (fence !== null) {
      const token = this.get(fence.key)?.created ?? 0;
      if (token !== fence.token) return { status: "fenced", number: token };
    }
    const revision = before?.revision ?? 0;
    if (expected === null || expected === revision) return null;
    return { status: "conflict", number: revision };
  }

  #noRoom(
    key: string,
    value: Uint8Array,
    { before, lease }: { readonly before: KvRecord | null; readonly lease: number },
  ): KvResult | null {
    if (lease !== 0 && this.#leases.get(lease) === null) return { status: "noLease", number: 0 };
    const bytes = this.#bytes + costOf(key, value) - (before === null ? 0 : costOfRecord(before));
    const keys = this.size + (before === null ? 1 : 0);
    const isFull = bytes > kvLimits.bytesMax || keys > kvLimits.keysMax;
    const leased = this.#leases.keysOf(lease);
    const isLeaseFull = leased.size >= kvLimits.leaseKeysMax && !leased.has(key);
    return isFull || isLeaseFull ? { status: "full", number: 0 } : null;
  }

  /** Ends the leases whose time has come, and what goes with them. */
  #expire(index: number): void {
    for (const { id } of this.#leases.due(this.#time)) {
      this.#expired += 1;
      this.#end(id, "expire", index);
    }
  }

  #end(lease: number, kind: "delete" | "expire", index: number): number {
    const keys = this.#leases.end(lease);
    for (const key of keys) {
      const record = this.get(key);
      assert(record?.lease === lease, "a key that goes with a lease is there");
      this.#remove(record, kind, index);
    }
    return keys.length;
  }

  #remove(record: KvRecord, kind: "delete" | "expire", index: number): void {
    this.#drop(record);
    this.#keys.delete(record.key);
    this.#events.add({ kind, key: record.key, value: new Uint8Array(0), revision: index });
  }

  #keep(record: KvRecord): void {
    this.#records.set(record.key, record);
    this.#keys.add(record.key);
    this.#bytes += costOfRecord(record);
    if (record.lease !== 0) this.#leases.attach(record.lease, record.key);
  }

  #drop(record: KvRecord): void {
    this.#records.delete(record.key);
    this.#bytes -= costOfRecord(record);
    if (record.lease !== 0) this.#leases.detach(record.lease, record.key);
  }

  #answer(question: KvQuestion): KvAnswer {
    switch (question.kind) {
      case "get":
        return { kind: "record", record: this.get(question.key) };
      case "list":
        return this.#page(question);
      case "watch":
        return this.#events.watch(question);
      case "lease": {
        const lease = this.#leases.get(question.lease);
        if (lease === null) return { kind: "noLease" };
        const leftMs = Math.max(0, lease.endsAt - this.#time);
        const keys = this.#leases.keysOf(lease.id).size;
        return { kind: "lease", ttlMs: lease.ttlMs, leftMs, keys };
      }
      default:
        return unreachable(question);
    }
  }

  #page({
    prefix,
    after,
    most,
  }: {
    readonly prefix: string;
    readonly after: string;
    readonly most: number;
  }): KvAnswer {
    const records: KvRecord[] = [];
    let bytes = 0;
    for (const key of this.#keys.from(after > prefix ? after : prefix)) {
      if (key === after) continue;
      if (!key.startsWith(prefix)) break;
      if (records.length >= most || bytes >= kvLimits.pageBytesMax) {
        return { kind: "page", records, isMore: true };
      }
      const record = this.get(key);
      assert(record !== null, "a key has its record");
      records.push(record);
      bytes += costOfRecord(record);
    }
    return { kind: "page", records, isMore: false };
  }
}

function costOfRecord({ key, value }: KvRecord): number {
  return costOf(key, value);
}

/** UTF-16 units of the key stand for its bytes: the same on every node, which is what counts. */
function costOf(key: string, value: Uint8Array): number {
  return itemBytesMax + key.length + value.length;
}
