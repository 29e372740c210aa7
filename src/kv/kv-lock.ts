/**
 * A lock in the map: a key that goes with a lease, and whose revision is the token. Keeps the lease
 * alive while it is held, and says when that can be relied on no more; by its own clock, which is
 * right as far as the clocks of this computer and of the leader go equally fast. The token is safe
 * without any clock.
 */
import type { WaitOptions } from "../api.ts";
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";
import { pause } from "../pause.ts";
import type { Clock, Timer } from "../world.ts";
import type { Kv } from "./kv.ts";
import { lockLost, noMap } from "./kv-errors.ts";

export interface LockOptions extends WaitOptions {
  /** How long it stays taken after its holder has gone silent, in milliseconds. */
  readonly ttlMs: number;
  /** Who has it, for those who look; default nothing. */
  readonly owner?: string;
}

interface Place {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly name: string;
}

export class KvLock implements AsyncDisposable {
  readonly name: string;
  /** Rises with each holder: the revision at which this one took it. */
  readonly token: number;
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #lease: number;
  readonly #ttlMs: number;
  readonly #lost = new AbortController();
  #heldUntil: number;
  #timer: Timer | null = null;
  #isReleased = false;

  constructor(
    { kv, clock, name }: Place,
    held: {
      readonly token: number;
      readonly lease: number;
      readonly ttlMs: number;
      readonly heldUntil: number;
    },
  ) {
    this.name = name;
    this.token = held.token;
    this.#kv = kv;
    this.#clock = clock;
    this.#lease = held.lease;
    this.#ttlMs = held.ttlMs;
    this.#heldUntil = held.heldUntil;
    this.#wait();
  }

  /** Aborts when the lock is not held for sure any more: what it guards must stop. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** For the writes that the lock guards. */
  get fence(): { readonly key: string; readonly token: number } {
    return { key: this.name, token: this.token };
  }

  /**
   * Gives it back; what still goes on under it is fenced off. Where that fails it may be called
   * again: until then others get the lock only once its time is over.
   */
  async release(options: WaitOptions = {}): Promise<void> {
    if (this.#isReleased) return;
    this.#end();
    // Whoever wrote the key with another lease, or with none, took it from this one.
    await this.#kv
      .delete(this.name, { ...options, fence: this.fence })
      .catch(unless("KBZ_CONFLICT"));
    // It may have ended by itself.
    await this.#kv.revoke(this.#lease, options).catch(unless("KBZ_NOT_FOUND"));
    this.#isReleased = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** A third of the time passes between two signs of life. */
  #wait(): void {
    const left = this.#heldUntil - this.#clock.now();
    if (left <= 0) return this.#end();
    const ms = Math.min(left, Math.ceil(this.#ttlMs / 3));
    this.#timer = this.#clock.after(ms, () => {
      if (this.#clock.now() >= this.#heldUntil) this.#end();
      else this.#keepAlive();
    });
  }

  #keepAlive(): void {
    const asked = this.#clock.now();
    // It waits no longer than the lock is held.
    this.#timer = this.#clock.after(this.#heldUntil - asked, () => this.#end());
    this.#kv.keepAlive(this.#lease, { signal: this.#lost.signal }).then(
      () => {
        if (this.#lost.signal.aborted) return;
        this.#timer?.cancel();
        this.#heldUntil = asked + this.#ttlMs;
        this.#wait();
      },
      (error: unknown) => {
        if (isOf(error, "KBZ_NOT_FOUND") || this.#lost.signal.aborted) return this.#end();
        this.#timer?.cancel();
        this.#wait();
      },
    );
  }

  #end(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#lost.signal.aborted) this.#lost.abort(lockLost(this.name));
  }
}

/** One attempt after the other, as soon as the lock is free. */
export async function acquire(
  place: Place,
  { ttlMs, owner = "", signal }: LockOptions,
): Promise<KvLock> {
  const { kv, clock, name } = place;
  const options = signal === undefined ? {} : { signal };
  for (;;) {
    const begun = clock.now();
    const { lease } = await kv.grant(ttlMs, options);
    try {
      const { isSet, revision } = await kv.cas(name, 0, owner, { lease, ...options });
      if (isSet) {
        return new KvLock(place, { token: revision, lease, ttlMs, heldUntil: begun + ttlMs });
      }
      await kv.revoke(lease, options);
      await released(place, options);
    } catch (error) {
      // The lease ended under way: on a slow day it is granted anew.
      if (!isOf(error, "KBZ_NOT_FOUND")) throw error;
      await pause(clock, Math.ceil(ttlMs / 3), signal ?? new AbortController().signal);
      signal?.throwIfAborted();
    }
  }
}

/**
 * Resolves once nobody has it. Reads, and watches from there: that it was made may be long ago, and
 * compacted. Writes nothing, so that many may wait for long.
 */
async function released({ kv, name }: Place, options: WaitOptions): Promise<void> {
  for (;;) {
    const { index, answer } = await kv.ask({ kind: "get", key: name }, options);
    if (answer.kind !== "record") throw noMap();
    if (answer.record === null) return;
    try {
      for await (const { kind } of kv.watch(name, { ...options, from: index + 1 })) {
        if (kind !== "put") return;
      }
    } catch (error) {
      // So much has happened since that it is read again.
      if (!isOf(error, "KBZ_TRUNCATED")) throw error;
    }
  }
}

function unless(code: KibitzerErrorCode): (error: unknown) => void {
  return (error) => {
    if (!isOf(error, code)) throw error;
  };
}

function isOf(error: unknown, code: KibitzerErrorCode): boolean {
  return error instanceof KibitzerError && error.code === code;
}
