/**
 * Jobs that run once a tick, whoever of many is first: a run is a lock, under which the tick is
 * written down before anything is done. Which tick that was is kept for good, so that a process
 * that slept through a lease cannot run an old one again.
 */
import { KibitzerError } from "../kibitzer-error.ts";
import { wrongArgument } from "./kv-errors.ts";
import type { KvLock, LockOptions } from "./kv-lock.ts";
import type { Kv } from "./kv.ts";

/** What is behind the name of a job in the key of its last tick. */
const lastTick = "/tick";

/** The run of `tick`, or null where that one, or a later one, has begun. */
export async function claim(
  kv: Kv,
  { name, tick }: { readonly name: string; readonly tick: Date },
  options: LockOptions,
): Promise<KvLock | null> {
  const wanted = tick.getTime();
  if (Number.isNaN(wanted)) {
    throw wrongArgument("tick: a date", "an invalid one", "Take the time that the run is due at.");
  }
  const key = name + lastTick;
  const waiting = options.signal === undefined ? {} : { signal: options.signal };
  const isDue = async (): Promise<boolean> => wanted > timeOf(await kv.get(key, waiting), key);

  while (await isDue()) {
    const run = await kv.lock(name, options);
    try {
      if (await isDue()) {
        await kv.put(key, tick.toISOString(), { ...waiting, fence: run.fence });
        return run;
      }
    } catch (error) {
      await run.release(waiting).catch(() => undefined);
      // The lock was lost before the tick was written: whoever has it now may have taken this one.
      const isLost = error instanceof KibitzerError && error.code === "KBZ_CONFLICT";
      if (!isLost) throw error;
      continue;
    }
    await run.release(waiting);
  }
  return null;
}

/** Before all ticks where none has begun. */
function timeOf(record: { readonly value: Uint8Array } | null, key: string): number {
  if (record === null) return Number.NEGATIVE_INFINITY;
  const text = new TextDecoder().decode(record.value);
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw wrongArgument(`a date in ${key}`, "something else", "Delete the key, or write its tick.");
}

/**
 * Decides for schedulers that ask before each run, as node-cron does (`RunCoordinator`): `key` is
 * the name of a job, a colon, and the time of the run as in `toISOString`.
 */
export class KvRunCoordinator {
  readonly #kv: Kv;
  readonly #runs = new Map<string, KvLock>();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /**
   * Whether this process is to run it. Waits for the run before, though no longer than `ttlMs`: one
   * that takes longer has this one left out.
   */
  async shouldRun(key: string, ttlMs: number): Promise<boolean> {
    const [, name = "", time = ""] = /^(.+):(\d{4}-\d\d-\d\dT.*Z)$/.exec(key) ?? [];
    const signal = AbortSignal.timeout(ttlMs);
    const run = await this.#kv
      .once(name, new Date(time), { ttlMs, signal })
      .catch((error: unknown) => {
        if (signal.aborted) return null;
        throw error;
      });
    if (run === null) return false;
    this.#runs.set(key, run);
    const forget = (): void => {
      if (this.#runs.get(key) === run) this.#runs.delete(key);
    };
    // A scheduler that never tells the end keeps nothing here once the lock is lost.
    run.signal.addEventListener("abort", forget, { once: true });
    if (run.signal.aborted) forget();
    return true;
  }

  /** The run under way in this process: its fence, and the signal that tells its loss. */
  run(key: string): KvLock | null {
    return this.#runs.get(key) ?? null;
  }

  async onComplete(key: string): Promise<void> {
    const run = this.#runs.get(key);
    this.#runs.delete(key);
    await run?.release();
  }
}
