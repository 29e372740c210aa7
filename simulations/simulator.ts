/**
 * Virtual time: a queue of events, and lives whose callbacks die with them. Never reads a real
 * clock; between two events all promises run to rest, so that a run depends on its seed only.
 */
import { assert } from "../consensus/assert.ts";
import type { Clock, Timer } from "../src/world.ts";
import { demand, uncaught } from "./core/violation.ts";
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

  /** Ends the run, which rejects with the first error that it was told of. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Lets events happen until `work` has settled, and gives its result.
   * @throws {Violation} `L5` when it has not after `within`; or as it does.
   */
  async complete<Value>(work: Promise<Value>, within: Micros): Promise<Value> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    const done = await this.run(this.#now + within, () => settled);
    demand(done, "L5", () => `what was waited for has not come within ${within / second} s`);
    return await work;
  }

  /**
   * Lets events happen until `done` holds or time `until` is reached.
   * @returns whether `done` held; it is asked after each event.
   */
  run(until: Micros, done: () => boolean = () => false): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const next = (): void => {
      try {
        if (this.#failure !== null) throw this.#failure.error;
        if (done()) resolve(true);
        else if (this.#step(until)) this.#afterRest(next);
        else resolve(false);
      } catch (error) {
        reject(error);
      }
    };
    this.#afterRest(next);
    return promise;
  }

  /** Resolves when every promise that can go on has gone on. */
  async rest(): Promise<void> {
    await new Promise<void>((resolve) => this.#afterRest(resolve));
  }

  /** Lets the next event happen; false when there is none up to `until`, which it then is. */
  #step(until: Micros): boolean {
    const event = this.#queue.pop(until);
    if (event === null) {
      this.#now = Math.max(this.#now, until);
      return false;
    }
    assert(event.time >= this.#now, "time never runs backwards");
    this.#now = event.time;
    this.#steps += 1;
    event.happen();
    return true;
  }

  /**
   * Calls back as a microtask, since ticks follow each other without a rest: a tick comes only when
   * the queue of microtasks has run empty, however long it grew.
   */
  #afterRest(next: () => void): void {
    if (this.#steps % eventsPerTurn === 0) setImmediate(queueMicrotask, next);
    else process.nextTick(queueMicrotask, next);
  }
}

/**
 * One life of a process. When it ends, nothing that it asked for happens any more: its timers are
 * silent, and whatever it waits for never resolves.
 */
export class Life {
  readonly name: string;
  readonly clock: Clock;
  readonly #simulator: Simulator;
  #alive = true;
  #pausedUntil: Micros = 0;
  #wallStep = 0;
  #frozenAt: Micros = 0;
  #frozenUntil: Micros = 0;
  readonly #mourners = new Set<() => void>();

  constructor(simulator: Simulator, name: string, clock: ClockOptions) {
    this.name = name;
    this.#simulator = simulator;
    this.clock = new LocalClock(simulator, this, clock);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Calls back after `delay` of virtual time, unless this life has ended; late while paused. */
  after(delay: Micros, callback: () => void): Timer {
    return new LifeTimer(this, this.#simulator, delay, callback);
  }

  /** How long what is due now is still held back. */
  get late(): Micros {
    return Math.max(0, this.#pausedUntil - this.#simulator.now);
  }

  /** Holds back everything that happens to this life, as a stopped process or a long collection. */
  pause(duration: Micros): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#simulator.now + duration);
  }

  /** T3: the wall clock jumps by so many milliseconds, as when somebody sets it. */
  stepWall(ms: number): void {
    this.#wallStep += ms;
  }

  /** Milliseconds that the wall clock has been set forward. */
  get wallStep(): number {
    return this.#wallStep;
  }

  /** T5: both clocks stand still for so long, then jump to where they should be; timers go on. */
  freezeClocks(duration: Micros): void {
    this.#frozenAt = this.clockTime;
    this.#frozenUntil = this.#simulator.now + duration;
  }

  /** The virtual time that the clocks of this life are made of. */
  get clockTime(): Micros {
    const { now } = this.#simulator;
    return now < this.#frozenUntil ? this.#frozenAt : now;
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

/** Something that one life waits for. */
class LifeTimer implements Timer {
  readonly #life: Life;
  readonly #simulator: Simulator;
  readonly #callback: () => void;
  readonly #due = (): void => this.#happen();
  #timer: Timer;

  constructor(life: Life, simulator: Simulator, delay: Micros, callback: () => void) {
    this.#life = life;
    this.#simulator = simulator;
    this.#callback = callback;
    this.#timer = simulator.after(delay, this.#due);
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #happen(): void {
    const { alive, late, name } = this.#life;
    if (!alive) return;
    if (late > 0) {
      this.#timer = this.#simulator.after(late, this.#due);
      return;
    }
    try {
      this.#callback();
    } catch (error) {
      throw uncaught(`an exception of ${name}`, error);
    }
  }
}

/** Monotonic from the start of its life, at its own rate, with its own idea of the wall clock. */
class LocalClock implements Clock {
  readonly #life: Life;
  readonly #options: ClockOptions;
  readonly #start: Micros;

  constructor(simulator: Simulator, life: Life, options: ClockOptions) {
    assert(options.rate > 0, "a clock runs forward");
    this.#life = life;
    this.#options = options;
    this.#start = simulator.now;
  }

  now(): number {
    const elapsed = this.#life.clockTime - this.#start;
    return Math.floor((elapsed * this.#options.rate) / millisecond);
  }

  wall(): number {
    const elapsed = (this.#life.clockTime * this.#options.rate) / millisecond;
    return Math.floor(this.#options.wallOffset + this.#life.wallStep + elapsed);
  }

  after(ms: number, callback: () => void): Timer {
    const delay = Math.ceil((Math.max(0, ms) * millisecond) / this.#options.rate) + 1;
    return this.#life.after(delay, callback);
  }

  soon(callback: () => void): void {
    this.#life.after(1, callback);
  }
}
