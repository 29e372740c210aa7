/**
 * Log time goes on with entries only: publishes the one that the state machine names, once its time
 * has come and if this node leads. Nothing depends on it being published once or at all.
 */
import type { Clock, Timer } from "../world.ts";
import { machineFailed } from "./machine-errors.ts";
import type { MachineHost } from "./machine-host.ts";
import type { Wake } from "./state-machine.ts";

export interface WakerOptions {
  readonly clock: Clock;
  readonly over: AbortSignal;
  /** Whether this node leads, and so knows best what log time is. */
  isLeading(): boolean;
  publish(entry: Uint8Array | string): Promise<unknown>;
  /** The machine threw: it cannot go on. */
  failed(error: unknown): void;
}

type WokenHost = Pick<MachineHost, "machine" | "time" | "slot" | "index">;

/** How soon a node that does not lead looks again, and one whose entry is under way. */
const lookAgainMs = 500;

export class Waker {
  readonly #options: WakerOptions;
  readonly #host: WokenHost;
  #timer: Timer | null = null;
  #dueAt = Infinity;

  constructor(options: WakerOptions, host: WokenHost) {
    this.#options = options;
    this.#host = host;
    options.over.addEventListener("abort", () => this.#timer?.cancel(), { once: true });
  }

  /** More was applied: the machine may wait for another time now. */
  look(): void {
    const wake = this.#wake();
    if (wake === null) this.#set(Infinity);
    else this.#set(this.#options.clock.now() + Math.max(0, Math.ceil(wake.time - this.#host.time)));
  }

  #wake(): Wake | null {
    const { machine, slot, index } = this.#host;
    try {
      return machine.wake?.() ?? null;
    } catch (error) {
      // Told from here, since a timer's exception would be the whole process's.
      this.#options.failed(machineFailed("wake", { slot, index }, error));
      return null;
    }
  }

  /** A timer that is early costs one look more. */
  #set(dueAt: number): void {
    const { clock, over } = this.#options;
    if (dueAt >= this.#dueAt && this.#timer !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#dueAt = dueAt;
    if (dueAt === Infinity || over.aborted) return;
    this.#timer = clock.after(Math.max(1, dueAt - clock.now()), () => this.#onTime());
  }

  #onTime(): void {
    const { clock, over } = this.#options;
    this.#timer = null;
    this.#dueAt = Infinity;
    const wake = this.#wake();
    if (wake === null || over.aborted) return;
    if (this.#host.time < wake.time) return this.look();
    // Whatever becomes of it: as long as it was not applied, it is published again.
    if (this.#options.isLeading()) this.#options.publish(wake.entry).catch(() => undefined);
    this.#set(clock.now() + lookAgainMs);
  }
}
