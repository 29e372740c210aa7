/**
 * The key–value map as its users have it, at a node or through a client: publishes commands and
 * asks questions, nothing else. Holds no part of the map.
 */
import type { Log, QueryOptions, WaitOptions } from "../api.ts";
import { checkOptions, optionNames, type OptionNames } from "../arguments.ts";
import { DecodeError } from "../codec/bytes.ts";
import { systemClock } from "../system/system-clock.ts";
import type { Clock } from "../world.ts";
import {
  checkedAfter,
  checkedExpected,
  checkedFence,
  checkedFrom,
  checkedKey,
  checkedLease,
  checkedLimit,
  checkedPrefix,
  checkedTtl,
  checkedValue,
} from "./kv-checks.ts";
import { decodeResult, encodeCommand } from "./kv-command.ts";
import type { KvCommand, KvResult } from "./kv-command.ts";
import { noMap, notTaken, refusalOf, resultLost } from "./kv-errors.ts";
import { kvLimits } from "./kv-limits.ts";
import { acquire, type KvLock, type LockOptions } from "./kv-lock.ts";
import { decodeAnswer, encodeQuestion } from "./kv-question.ts";
import type { KvAnswer, KvEvent, KvQuestion, KvRecord } from "./kv-question.ts";
import { claim } from "./kv-runs.ts";
import { watch, type WatchOptions } from "./kv-watch.ts";

/** A node or a client. */
export type KvLog = Pick<Log, "publish" | "query">;

export interface KvOptions {
  /** Keeps locks alive; default that of this computer. */
  readonly clock?: Clock;
}

export interface ReadOptions extends WaitOptions {
  /** What the node asked has, without a barrier, though never older than what this has seen. */
  readonly stale?: boolean;
}

export interface WriteOptions extends WaitOptions {
  /** Refuse the write unless the lock is still held under this token. */
  readonly fence?: { readonly key: string; readonly token: number };
}

export interface PutOptions extends WriteOptions {
  /** The lease with which the key goes from now on, 0: none; default the one that it has. */
  readonly lease?: number;
}

export interface DeleteOptions extends WriteOptions {
  /** Refuse the deletion unless the key has this revision. */
  readonly expected?: number;
}

export interface ListOptions extends ReadOptions {
  /** Go on behind this key. */
  readonly after?: string;
  /** At most so many; default and most 1000. A page may be shorter. */
  readonly limit?: number;
}

export interface KvPage {
  readonly records: readonly KvRecord[];
  /** Whether there are more behind the last one. */
  readonly isMore: boolean;
}

/** What a compare-and-set found: the new revision, or the one that was there in its place. */
export interface Compared {
  readonly isSet: boolean;
  readonly revision: number;
}

export interface LeaseState {
  readonly ttlMs: number;
  /** Log time that was left at the last entry. */
  readonly leftMs: number;
  readonly keys: number;
}

/** What is written where; `what` names it to its caller. */
interface Write {
  readonly key: string;
  readonly value: string | Uint8Array;
  readonly expected: number | null;
  readonly what: string;
}

/** An answer, and the last entry that it knows of. */
export interface Told {
  readonly index: number;
  readonly answer: KvAnswer;
}

const readNames = { ...optionNames.wait, stale: "flag" } as const;
const writeNames = { ...optionNames.wait, fence: true } as const;
const names: {
  readonly kv: OptionNames<KvOptions>;
  readonly read: OptionNames<ReadOptions>;
  readonly put: OptionNames<PutOptions>;
  readonly delete: OptionNames<DeleteOptions>;
  readonly list: OptionNames<ListOptions>;
  readonly watch: OptionNames<WatchOptions>;
  readonly lock: OptionNames<LockOptions>;
} = {
  kv: { clock: true },
  read: readNames,
  put: { ...writeNames, lease: true },
  delete: { ...writeNames, expected: true },
  list: { ...readNames, after: true, limit: true },
  watch: { ...optionNames.wait, prefix: "flag", from: true, after: true },
  lock: { ...optionNames.wait, ttlMs: true, owner: true },
};

export class Kv {
  readonly #log: KvLog;
  readonly #clock: Clock;
  /** The last entry that an answer was known to include. */
  #seen = 0;
  #isThere = false;

  constructor(log: KvLog, options: KvOptions = {}) {
    checkOptions(options, names.kv);
    this.#log = log;
    this.#clock = options.clock ?? systemClock();
  }

  /** @throws {KibitzerError} as every method: `KBZ_MACHINE` where no map is attached. */
  async get(key: string, options: ReadOptions = {}): Promise<KvRecord | null> {
    checkOptions(options, names.read);
    const { answer } = await this.ask({ kind: "get", key: checkedKey(key) }, plain(options));
    return of(answer, "record").record;
  }

  /**
   * @throws {KibitzerError} `KBZ_CONFLICT` for a fence, `KBZ_NOT_FOUND` for a lease, `KBZ_BUSY`.
   */
  async put(
    key: string,
    value: string | Uint8Array,
    options: PutOptions = {},
  ): Promise<{ readonly revision: number }> {
    const what = `put ${key}`;
    checkOptions(options, names.put);
    const result = await this.#put({ key, value, expected: null, what }, options);
    if (result.status !== "ok") throw refusalOf(result, what);
    return { revision: result.number };
  }

  /** Puts `value` only where the key has the revision `expected`, or, for 0, is not there. */
  async cas(
    key: string,
    expected: number,
    value: string | Uint8Array,
    options: PutOptions = {},
  ): Promise<Compared> {
    const what = `cas ${key}`;
    checkOptions(options, names.put);
    checkedExpected(expected);
    const result = await this.#put({ key, value, expected, what }, options);
    if (result.status === "ok") return { isSet: true, revision: result.number };
    if (result.status === "conflict") return { isSet: false, revision: result.number };
    throw refusalOf(result, what);
  }

  /**
   * Resolves with the revision that was deleted, 0 for none.
   * @throws {KibitzerError} `KBZ_CONFLICT` when the key has not the revision `expected`.
   */
  async delete(key: string, options: DeleteOptions = {}): Promise<{ readonly revision: number }> {
    checkOptions(options, names.delete);
    const { expected, fence, signal } = options;
    const condition = {
      expected: expected === undefined ? null : checkedExpected(expected),
      fence: checkedFence(fence),
    };
    const command = { kind: "delete", key: checkedKey(key), condition } as const;
    return { revision: await this.#done(command, `delete ${key}`, signal) };
  }

  /** Records whose keys begin with `prefix`, in the order of their UTF-16 units. */
  async list(prefix = "", options: ListOptions = {}): Promise<KvPage> {
    checkOptions(options, names.list);
    const { after = "", limit = kvLimits.pageMax } = options;
    checkedPrefix(prefix);
    checkedPrefix(after, "key");
    const question = { kind: "list", prefix, after, most: checkedLimit(limit) } as const;
    const { records, isMore } = of((await this.ask(question, plain(options))).answer, "page");
    return { records, isMore };
  }

  /** Each change of a key, or of those that begin with a prefix, once and in order, for ever. */
  watch(name: string, options: WatchOptions = {}): AsyncGenerator<KvEvent, void, void> {
    checkOptions(options, names.watch);
    const { prefix = false, from, after } = options;
    if (prefix) checkedPrefix(name);
    else checkedKey(name);
    if (from !== undefined) checkedFrom(from);
    if (after !== undefined) checkedAfter(after);
    return watch(this, name, options);
  }

  /** A lease of so much log time; resolves with its id. */
  async grant(ttlMs: number, options: WaitOptions = {}): Promise<{ readonly lease: number }> {
    checkOptions(options, optionNames.wait);
    const command = { kind: "grant", ttlMs: checkedTtl(ttlMs) } as const;
    return { lease: await this.#done(command, "grant", options.signal) };
  }

  /** Lets a lease begin anew. @throws {KibitzerError} `KBZ_NOT_FOUND` when it has ended. */
  async keepAlive(lease: number, options: WaitOptions = {}): Promise<{ readonly ttlMs: number }> {
    checkOptions(options, optionNames.wait);
    checkedLease(lease, 1);
    return { ttlMs: await this.#done({ kind: "keepAlive", lease }, "keepAlive", options.signal) };
  }

  /** Ends a lease, and deletes what goes with it. */
  async revoke(lease: number, options: WaitOptions = {}): Promise<{ readonly keys: number }> {
    checkOptions(options, optionNames.wait);
    checkedLease(lease, 1);
    return { keys: await this.#done({ kind: "revoke", lease }, "revoke", options.signal) };
  }

  /** How a lease is, or null when it has ended. */
  async lease(lease: number, options: ReadOptions = {}): Promise<LeaseState | null> {
    checkOptions(options, names.read);
    checkedLease(lease, 0);
    const { answer } = await this.ask({ kind: "lease", lease }, plain(options));
    if (answer.kind === "noLease") return null;
    const { ttlMs, leftMs, keys } = of(answer, "lease");
    return { ttlMs, leftMs, keys };
  }

  /**
   * Takes the lock `name`, a key of the map: waits until nobody has it. Its token is larger than
   * that of all who had it before; hand it, as `fence`, to every write that the lock guards.
   */
  async lock(name: string, options: LockOptions): Promise<KvLock> {
    checkOptions(options, names.lock);
    checkedKey(name);
    checkedTtl(options.ttlMs);
    checkedValue(options.owner ?? "", "owner");
    return await acquire({ kv: this, clock: this.#clock, name }, options);
  }

  /**
   * The run of job `name` that is due at `tick`, or null where that one, or a later one, was begun
   * by anybody. Waits until the run before is over. A run is a lock: guard with its `fence` and
   * `signal` what the job does, then release it. A tick is begun once at most, whatever crashes.
   */
  async once(name: string, tick: Date, options: LockOptions): Promise<KvLock | null> {
    checkOptions(options, names.lock);
    checkedTtl(options.ttlMs);
    checkedValue(options.owner ?? "", "owner");
    return await claim(this, { name: checkedKey(name), tick }, options);
  }

  /** Asks the map itself, as `get`, `list` and `watch` do. */
  async ask(question: KvQuestion, options: QueryOptions = {}): Promise<Told> {
    const { stale = false, index = 0 } = options;
    // Another node may have applied less than what was told of here before.
    const least = Math.max(index, stale ? this.#seen : 0);
    const encoded = encodeQuestion(question);
    let told = await this.#log.query(encoded, { ...options, index: least });
    if (told.index < this.#seen) told = await this.#log.query(encoded, by(options.signal));
    this.#isThere = true;
    this.#seen = Math.max(this.#seen, told.index);
    return { index: told.index, answer: read(() => decodeAnswer(told.bytes)) };
  }

  async #put(
    { key, value, expected, what }: Write,
    { lease, fence, signal }: PutOptions,
  ): Promise<KvResult> {
    const condition = { expected, fence: checkedFence(fence) };
    const write = { key: checkedKey(key), value: checkedValue(value), condition };
    const command: KvCommand =
      lease === undefined
        ? { kind: "set", ...write }
        : { kind: "put", ...write, lease: checkedLease(lease, 0) };
    return await this.#publish(command, what, signal);
  }

  async #done(command: KvCommand, what: string, signal: AbortSignal | undefined): Promise<number> {
    const result = await this.#publish(command, what, signal);
    if (result.status !== "ok") throw refusalOf(result, what);
    return result.number;
  }

  async #publish(
    command: KvCommand,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<KvResult> {
    // A command that no map takes would stand in the log for nothing.
    if (!this.#isThere) await this.ask({ kind: "lease", lease: 0 }, { stale: true, ...by(signal) });
    const { index, result, isResultDropped } = await this.#log.publish(
      encodeCommand(command),
      by(signal),
    );
    this.#seen = Math.max(this.#seen, index);
    if (result !== undefined) return read(() => decodeResult(result));
    throw isResultDropped === true ? resultLost(what) : notTaken(what);
  }
}

function plain({ stale = false, signal }: ReadOptions): QueryOptions {
  return { stale, ...by(signal) };
}

function by(signal: AbortSignal | undefined): WaitOptions {
  return signal === undefined ? {} : { signal };
}

/** What another machine says is not of a map. */
function read<Value>(decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    throw error instanceof DecodeError ? noMap(error) : error;
  }
}

function of<Kind extends KvAnswer["kind"]>(
  answer: KvAnswer,
  kind: Kind,
): KvAnswer & { readonly kind: Kind } {
  if (isOf(answer, kind)) return answer;
  throw noMap();
}

function isOf<Kind extends KvAnswer["kind"]>(
  answer: KvAnswer,
  kind: Kind,
): answer is KvAnswer & { readonly kind: Kind } {
  return answer.kind === kind;
}
