/**
 * Feeds decided entries to the attached state machine, in order and each exactly once, behind the
 * core: it reads them from the log like any reader, a bounded slice a turn. Keeps the results of
 * the latest batches, and the hash that nodes compare. Knows nothing of ballots and peers.
 */
import { assert, type Hash, type Slot } from "../../consensus/index.ts";
import { crc32 } from "../codec/crc32.ts";
import { entriesOf } from "../codec/entry-stream.ts";
import type { LoggedBatch, LogReader } from "../node/log-reader.ts";
import { Bell } from "../node/bell.ts";
import { apply, traced } from "../diagnostics/channels.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { now } from "../metrics/meter.ts";
import type { Histogram } from "../metrics/histogram.ts";
import { pause } from "../pause.ts";
import type { Clock } from "../world.ts";
import { LogClock, MachineEntryView } from "./machine-entry.ts";
import { machineFailed, notAResult } from "./machine-errors.ts";
import { MachineHash } from "./machine-hash.ts";
import { machineLimits } from "./machine-limits.ts";
import { MarkKeeper } from "./mark-keeper.ts";
import { Onlookers } from "./onlookers.ts";
import { Slice } from "./slice.ts";
import { ResultGatherer, ResultTable, type PackedRow, type ResultRow } from "./results.ts";
import type { StateMachine } from "./state-machine.ts";

export interface MachineHostOptions {
  readonly machine: StateMachine;
  readonly reader: Pick<LogReader, "read" | "reached" | "indexLast" | "slot">;
  readonly clock: Clock;
  /** Aborts when the node stops. */
  readonly over: AbortSignal;
  /** How long batches take. */
  readonly applies?: Histogram;
  /** The machine has come to `slot`, with this hash: to be compared with peers. */
  marked(slot: Slot, hash: Hash): void;
  /** `apply` threw, and the machine wants the entry to be skipped. */
  skipped(at: { readonly slot: Slot; readonly index: number }, error: unknown): void;
  /** Everything that was decided is applied. */
  caughtUp(): void;
  /** The machine, or the log under it, cannot go on. Called once. */
  failed(error: unknown): void;
}

/** What a snapshot begins from: everything at one slot. */
export interface Capture {
  readonly index: number;
  readonly time: number;
  readonly hash: Hash;
  readonly stateHashSlot: Slot;
  readonly rows: readonly PackedRow[];
  readonly pieces: Iterable<Uint8Array>;
}

export interface Seen<Value> {
  readonly index: number;
  readonly value: Value;
}

interface StateChecksum {
  readonly bytes: number;
  readonly checksum: number;
}

const readAgainMs = 200;

export class MachineHost {
  readonly machine: StateMachine;
  /** Rings when more is applied. */
  readonly applied: Bell = new Bell();
  readonly #options: MachineHostOptions;
  readonly #gatherer = new ResultGatherer();
  readonly #marks: MarkKeeper;
  readonly #clock: LogClock;
  readonly #slice: Slice;
  readonly #onlookers = new Onlookers();
  #results = new ResultTable();
  #hash = new MachineHash();
  #index = 0;
  #slot: Slot = 0;
  /** The slot from which on the whole state goes into the hash next. */
  #stateHashSlot: Slot = machineLimits.stateHashSlotsMin;
  /** Counts restores: what was read before one is void after it. */
  #generation = 0;
  #isRestoring = false;
  /** Whether the state is that after a whole batch, and not amid one. */
  #isWhole = true;
  #isOver = false;

  constructor(options: MachineHostOptions) {
    this.#options = options;
    this.machine = options.machine;
    this.#clock = new LogClock(options.clock);
    this.#slice = new Slice(options.clock);
    this.#marks = new MarkKeeper({
      clock: options.clock,
      over: options.over,
      state: () => ({ slot: this.#slot, hash: this.#hash.value }),
      marked: (slot, hash) => options.marked(slot, hash),
    });
  }

  /** The last applied entry, and the slot up to which everything is applied. */
  get index(): number {
    return this.#index;
  }
  get slot(): Slot {
    return this.#slot;
  }
  get hash(): Hash {
    return this.#hash.value;
  }
  /** What log time is by now, at least. */
  get time(): number {
    return this.#clock.now;
  }
  /** Whether it lags so far that nothing more should be asked of its node. */
  get isBehind(): boolean {
    return this.#options.reader.indexLast - this.#index > machineLimits.lagEntriesMax;
  }

  /** What became of the batch that begins with `sequence`, while that is kept. */
  resultsOf(publisher: number, sequence: number): ResultRow | null {
    return this.#results.find(publisher, sequence);
  }

  /** Resolves once `slot` and `index` are applied; false when `signal` aborts before. */
  async reached(
    { slot = 0, index = 0 }: { readonly slot?: Slot; readonly index?: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const isThere = (): boolean => {
      return slot <= this.#slot && index <= this.#index && !this.#isRestoring;
    };
    await this.applied.until(isThere, signal);
    return isThere();
  }

  /** Applies what is decided, and what will be, until the node stops. */
  async run(): Promise<void> {
    const { reader, over } = this.#options;
    try {
      while (!over.aborted) {
        if (reader.slot <= this.#slot) {
          await reader.reached({ slot: this.#slot + 1 }, over);
          this.#slice.begin();
        }
        if (this.#isRestoring) await this.applied.until(() => !this.#isRestoring, over);
        if (!over.aborted) await this.#advance();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Everything as it is after exactly `slot`; null when `signal` aborts before it gets there. */
  async capture(slot: Slot, signal: AbortSignal): Promise<Capture | null> {
    assert(slot >= this.#slot, "a state that is gone cannot be captured");
    const generation = this.#generation;
    const isTime = (): boolean => slot <= this.#slot && generation === this.#generation;
    return await this.#onlookers.see({ isTime, see: () => this.#capture() }, signal);
  }

  /**
   * What `look` makes of the machine after a whole batch, and the index that it had applied then;
   * null when `signal` aborts before. Rejects with what `look` throws.
   */
  async ask<Value>(look: () => Value, signal: AbortSignal): Promise<Seen<Value> | null> {
    const isTime = (): boolean => this.#isWhole && !this.#isRestoring;
    const see = (): Seen<Value> => ({ index: this.#index, value: look() });
    return await this.#onlookers.see({ isTime, see }, signal);
  }

  /**
   * Replaces everything by what was captured after `slot`; the pieces are the machine's own. One
   * that fails leaves nothing that could go on: it takes another one, or the end of the node.
   */
  async restore(
    slot: Slot,
    from: Omit<Capture, "pieces">,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#isRestoring = true;
    try {
      await this.machine.restore(pieces);
    } catch (error) {
      // Not the machine's doing, and another snapshot may be whole.
      if (error instanceof KibitzerError && error.code === "KBZ_DAMAGED") throw error;
      throw machineFailed("restore", { slot, index: from.index }, error);
    }
    assert(generation === this.#generation, "one restore after the other");
    this.#index = from.index;
    this.#slot = slot;
    this.#results = new ResultTable();
    for (const row of from.rows) this.#results.keep(row);
    this.#gatherer.take();
    this.#hash = new MachineHash(from.hash);
    this.#stateHashSlot = from.stateHashSlot;
    this.#clock.set(from.time);
    this.#marks.begin(slot);
    this.#isRestoring = false;
    this.#isWhole = true;
    this.#onlookers.call();
    this.applied.ring();
  }

  #capture(): Capture {
    return {
      index: this.#index,
      time: this.#clock.last,
      hash: this.#hash.value,
      stateHashSlot: this.#stateHashSlot,
      rows: this.#results.rows(),
      pieces: begun(this.machine.snapshot()),
    };
  }

  /** One read of the log. */
  async #advance(): Promise<void> {
    const { reader } = this.#options;
    const generation = this.#generation;
    if (this.#index < reader.indexLast) {
      const batches = await this.#read();
      if (batches.length === 0) await pause(this.#options.clock, readAgainMs, this.#options.over);
      for (const batch of batches) {
        if (this.#isVoid(generation)) return;
        const { index, count, slot } = batch;
        await traced(
          apply,
          () => ({ index, count, slot }),
          () => this.#applyBatch(batch, generation),
        );
      }
      if (this.#isVoid(generation)) return;
    }
    // What lies behind the last entry holds none.
    if (this.#index === reader.indexLast && this.#slot < reader.slot) this.#reach(reader.slot);
    if (this.#slot === reader.slot) this.#options.caughtUp();
  }

  /** A read that the system refuses is tried again; one that finds damage is the end. */
  async #read(): Promise<readonly LoggedBatch[]> {
    const { reader, over } = this.#options;
    try {
      return await reader.read(this.#index + 1, machineLimits.readBytesMax);
    } catch (error) {
      // Removed here are only entries that a snapshot holds, which is about to be restored.
      if (over.aborted || !(isOfSystem(error) || isTruncated(error))) throw error;
      return [];
    }
  }

  #isVoid(generation: number): boolean {
    return generation !== this.#generation || this.#options.over.aborted;
  }

  async #applyBatch(batch: LoggedBatch, generation: number): Promise<void> {
    const { index, count, slot, publisher, sequence } = batch;
    assert(index === this.#index + 1, "entries are applied in order, each once");
    this.#reach(slot - 1);
    const began = now();
    this.#isWhole = false;
    for (const entry of entriesOf(batch, index, index + count - 1)) {
      if (this.#slice.isOver) {
        await this.#slice.next();
        if (this.#isVoid(generation)) return;
      }
      this.#applyEntry(new MachineEntryView(entry, batch.time), slot);
      this.#slice.count();
    }
    const state = slot >= this.#stateHashSlot ? await this.#checksum(batch, generation) : null;
    if (this.#isVoid(generation)) return;
    // In one turn from here on: a mark that falls due meanwhile must not name a slot and the hash
    // of another one.
    this.#options.applies?.observe(now() - began);
    const results = this.#gatherer.take();
    this.#hash.batch(index, count, results);
    if (state !== null) this.#hashState(slot, state);
    this.#results.add({ publisher, sequence, count, results });
    this.#clock.set(batch.time);
    this.#index = index + count - 1;
    this.#isWhole = true;
    this.#reach(slot);
  }

  #applyEntry(entry: MachineEntryView, slot: Slot): void {
    const at = { slot, index: entry.index };
    let result: unknown;
    try {
      result = this.machine.apply(entry);
    } catch (error) {
      if (this.machine.onError !== "skip") throw machineFailed("apply", at, error);
      this.#gatherer.skip();
      this.#options.skipped(at, error);
      return;
    }
    if (result === undefined || typeof result === "string" || result instanceof Uint8Array) {
      this.#gatherer.add(result);
    } else throw machineFailed("apply", at, notAResult(result));
  }

  /** Of the whole state, which takes as many turns as it needs. */
  async #checksum({ slot, index }: LoggedBatch, generation: number): Promise<StateChecksum> {
    let bytes = 0;
    let checksum = 0;
    try {
      for (const piece of this.machine.snapshot()) {
        checksum = crc32(piece, checksum);
        bytes += piece.length;
        this.#slice.count();
        if (!this.#slice.isOver) continue;
        await this.#slice.next();
        if (this.#isVoid(generation)) break;
      }
    } catch (error) {
      throw machineFailed("snapshot", { slot, index }, error);
    }
    return { bytes, checksum };
  }

  /** The state itself goes into the hash, too: the larger it is, the less often. */
  #hashState(slot: Slot, { bytes, checksum }: StateChecksum): void {
    this.#hash.state(bytes, checksum);
    const { stateHashSlotsMin, stateHashBytesPerSlot } = machineLimits;
    this.#stateHashSlot =
      slot + Math.max(stateHashSlotsMin, Math.ceil(bytes / stateHashBytesPerSlot));
  }

  /** Everything up to `slot` is applied; no entry lies between the last slot and this one. */
  #reach(slot: Slot): void {
    if (slot <= this.#slot) return;
    this.#slot = slot;
    this.#onlookers.call();
    this.#marks.reach(slot);
    if (this.applied.isAwaited) this.applied.ring();
  }

  #fail(error: unknown): void {
    if (this.#isOver || this.#options.over.aborted) return;
    this.#isOver = true;
    this.#options.failed(error);
  }
}

function isTruncated(error: unknown): boolean {
  return error instanceof KibitzerError && error.code === "KBZ_TRUNCATED";
}

/** An error of the operating system, and not what was found by reading. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/**
 * The same pieces, the first one taken at once: a generator does nothing before it is asked for
 * one, and would begin with a later state.
 */
function begun(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const iterator = pieces[Symbol.iterator]();
  const first = iterator.next();
  return (function* (): Generator<Uint8Array, void, void> {
    for (let next = first; next.done !== true; next = iterator.next()) yield next.value;
  })();
}
