/**
 * Virtual time: a queue of events, and lives whose callbacks die with them. Never reads a real
 * clock; between two events all promises run to rest, so that a run depends on its seed only.
 */
import { assert } from "../consensus/assert.ts";
import type { Clock, Timer } from "../src/world.ts";
import { EventQueue } from "./event-queue.ts";
import { Trace } from "./trace.ts";

/** Virtual microseconds since the start of the simulation, whole. */
export type Micros = number;

export const millisecond: Micros = 1000;
export const second: Micros = 1_000_000;

/** How the clocks of one life differ from the simulation's time. */
export interface ClockOptions {
  /** Milliseconds since 1970 that the wall clock shows at virtual time 0. */
  readonly wallOffset: number;
  /** Local per virtual time; 1 is a perfect clock. */
  readonly rate: number;
}

const perfectClock: ClockOptions = { wallOffset: 1_700_000_000_000, rate: 1 };

/** Every so many events the real event loop gets a turn, for signals and rejected promises. */
const eventsPerTurn = 512;

export class Simulator {
  readonly trace: Trace;
  readonly #queue = new EventQueue();
  #now: Micros = 0;
  #steps = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(trace: Trace = new Trace()) {
    this.trace = trace;
  }

  get now(): Micros {
    return this.#now;
  }

  /** How many events have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** The life of a process, or of the world itself, that begins now. */
  begin(name: string, clock: ClockOptions = perfectClock): Life {
    return new Life(this, name, clock);
  }

  /** Calls back after `delay`; events of one instant keep the order in which they were made. */
  after(delay: Micros, callback: () => void): Timer {
    assert(Number.isSafeInteger(delay) && delay >= 0, "a delay is whole and not negative");
    return this.#queue.push(this.#now + delay, callback);
  }

  /** Lets the next event happen; false when there is none up to `until`. */
  async step(until: Micros): Promise<boolean> {
    const event = this.#queue.pop(until);
    if (event === null) return false;
    assert(event.time >= this.#now, "time never runs backwards");
    this.#now = event.time;
    this.#steps += 1;
    event.callback();
    await this.rest();
    if (this.#failure !== null) throw this.#failure.error;
    return true;
  }

  /** Ends the run: `step` throws the first error that it was told of. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Lets events happen until `work` has settled, and gives its result.
   * @throws when it has not after `within`, or as it does.
   */
  async complete<Value>(work: Promise<Value>, within: Micros): Promise<Value> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    const done = await this.run(this.#now + within, () => settled);
    assert(done, `what was waited for has come within ${within / second} s`);
    return await work;
  }

  /**
   * Lets events happen until `done` holds or time `until` is reached.
   * @returns whether `done` held; it is asked after each event.
   */
  async run(until: Micros, done: () => boolean = () => false): Promise<boolean> {
    await this.rest();
    while (!done()) {
      if (await this.step(until)) continue;
      this.#now = Math.max(this.#now, until);
      return false;
    }
    return true;
  }

  /** Resolves when every promise that can go on has gone on. */
  async rest(): Promise<void> {
    if (this.#steps % eventsPerTurn === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    // A next tick comes only when the queue of microtasks has run empty, however long it grew.
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }
}

/**
 * One life of a process. When it ends, nothing that it asked for happens any more: its timers are
 * silent, and whatever it waits for never resolves.
 */
export class Life {
  readonly name: string;
  readonly clock: Clock;
  readonly #localClock: LocalClock;
  readonly #simulator: Simulator;
  #alive = true;
  #pausedUntil: Micros = 0;
  readonly #mourners = new Set<() => void>();

  constructor(simulator: Simulator, name: string, clock: ClockOptions) {
    this.name = name;
    this.#simulator = simulator;
    this.#localClock = new LocalClock(simulator, this, clock);
    this.clock = this.#localClock;
  }

  /** T2, T3: from now on the clock runs at `rate`, and its wall clock shows `stepMs` more. */
  setClock(rate: number, stepMs: number): void {
    this.#localClock.set(rate, stepMs);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Calls back after `delay` of virtual time, unless this life has ended; late while paused. */
  after(delay: Micros, callback: () => void): Timer {
    let timer: Timer | null = null;
    let cancelled = false;
    const wait = (micros: Micros): void => {
      timer = this.#simulator.after(micros, due);
    };
    const due = (): void => {
      if (!this.#alive || cancelled) return;
      const late = this.#pausedUntil - this.#simulator.now;
      if (late > 0) wait(late);
      else callback();
    };
    wait(delay);
    return {
      cancel: () => {
        cancelled = true;
        timer?.cancel();
      },
    };
  }

  /** Holds back everything that happens to this life, as a stopped process or a long collection. */
  pause(duration: Micros): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#simulator.now + duration);
  }

  /** Calls back once, when this life ends. Returns how to stop listening. */
  onEnd(callback: () => void): () => void {
    this.#mourners.add(callback);
    return () => this.#mourners.delete(callback);
  }

  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const callback of this.#mourners) callback();
    this.#mourners.clear();
  }

  /** A promise that `start` may settle only while this life lasts. */
  promise<Value>(
    start: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      start(
        (value) => {
          if (this.#alive) resolve(value);
        },
        (error) => {
          if (this.#alive) reject(error);
        },
      );
    });
  }
}

/** Monotonic from the start of its life, at its own rate, with its own idea of the wall clock. */
class LocalClock implements Clock {
  readonly #simulator: Simulator;
  readonly #life: Life;
  #rate: number;
  /** What both clocks showed, in milliseconds, when the rate was last set; and when that was. */
  #monotonic: { readonly ms: number; readonly at: Micros };
  #wall: { readonly ms: number; readonly at: Micros };

  constructor(simulator: Simulator, life: Life, { rate, wallOffset }: ClockOptions) {
    assert(rate > 0, "a clock runs forward");
    this.#simulator = simulator;
    this.#life = life;
    this.#rate = rate;
    this.#monotonic = { ms: 0, at: simulator.now };
    this.#wall = { ms: wallOffset, at: 0 };
  }

  now(): number {
    return Math.floor(this.#shows(this.#monotonic));
  }

  wall(): number {
    return Math.floor(this.#shows(this.#wall));
  }

  set(rate: number, stepMs: number): void {
    assert(rate > 0, "a clock runs forward");
    const at = this.#simulator.now;
    this.#monotonic = { ms: this.#shows(this.#monotonic), at };
    this.#wall = { ms: this.#shows(this.#wall) + stepMs, at };
    this.#rate = rate;
  }

  #shows({ ms, at }: { readonly ms: number; readonly at: Micros }): number {
    return ms + ((this.#simulator.now - at) * this.#rate) / millisecond;
  }

  after(ms: number, callback: () => void): Timer {
    const delay = Math.ceil((Math.max(0, ms) * millisecond) / this.#rate) + 1;
    return this.#life.after(delay, callback);
  }

  soon(callback: () => void): void {
    this.#life.after(1, callback);
  }
}
