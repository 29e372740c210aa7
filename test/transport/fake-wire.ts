/** A wire without a network, and a time that a test moves by hand. */
import type { Timing, TransportTimer } from "../../transport/index.ts";
import type { Wire, WireEvents } from "../../transport/wire.ts";

export class FakeWire implements Wire {
  readonly address = "fake:1";
  /** One element a write. */
  readonly writes: Uint8Array[] = [];
  queued = 0;
  ended = false;
  destroyed = false;
  events: WireEvents | null = null;

  attach(events: WireEvents): void {
    this.events = events;
  }

  write(pieces: readonly Uint8Array[]): void {
    this.writes.push(new Uint8Array(Buffer.concat(pieces)));
  }

  queuedBytes(): number {
    return this.queued;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

interface Waiting {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualTiming implements Timing {
  now = 0;
  readonly #timers = new Set<Waiting>();
  #soon: (() => void)[] = [];

  get timers(): number {
    return this.#timers.size;
  }

  after(ms: number, callback: () => void): TransportTimer {
    const timer = { at: this.now + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Ends the turn. */
  turn(): void {
    const callbacks = this.#soon;
    this.#soon = [];
    for (const callback of callbacks) callback();
  }

  /** Moves to the next timer at or before `until`; false when there is none. */
  step(until: number): boolean {
    let next: Waiting | null = null;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === null || timer.at < next.at)) next = timer;
    }
    if (next === null) return false;
    this.#timers.delete(next);
    this.now = Math.max(this.now, next.at);
    next.callback();
    return true;
  }

  advance(ms: number): void {
    const until = this.now + ms;
    while (this.step(until)) this.turn();
    this.now = until;
  }
}
