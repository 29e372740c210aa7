/**
 * Something that is made of files, and made anew when they change: noticed by watching their
 * directories, or when it is asked for. What is broken is not taken: what was there stays.
 */
import { watch, type FSWatcher } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "../logger.ts";

export interface WatchedOptions<Value> {
  /** For people: what these files are. */
  readonly what: string;
  readonly paths: readonly string[];
  readonly logger: Logger;
  /** @throws when the texts, in the order of the paths, make no such thing. */
  parse(texts: readonly string[]): Value;
  changed?(value: Value): void;
}

/** Files that belong together are written one after the other: one that is late has so long. */
const settleMs = 100;
const patienceMs = 1000;
const fileBytesMax = 1024 * 1024;

export class Watched<Value> implements Disposable {
  readonly #options: WatchedOptions<Value>;
  readonly #watchers: readonly FSWatcher[];
  #value: Value;
  #texts: readonly string[];
  /** Why what was read last is of no use, as told; null when it is used. */
  #fault: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** One after the other. */
  #reading: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(options: WatchedOptions<Value>, texts: readonly string[]) {
    this.#options = options;
    this.#texts = texts;
    this.#value = options.parse(texts);
    this.#watchers = this.#watch();
  }

  /** @throws when a file cannot be read, or they make no such thing. */
  static async open<Value>(options: WatchedOptions<Value>): Promise<Watched<Value>> {
    return new Watched(options, await read(options.paths));
  }

  get value(): Value {
    return this.#value;
  }

  /** Looks at the files now; resolves once what they hold is used, or was found to be broken. */
  async reload(): Promise<void> {
    this.#reading = this.#reading.then(async () => await this.#reread("told at once"));
    await this.#reading;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  /** Directories, since a file is most often replaced by another of its name. */
  #watch(): readonly FSWatcher[] {
    const directories = new Set(this.#options.paths.map((path) => dirname(path)));
    return [...directories].flatMap((directory) => {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#settle(settleMs));
        watcher.on("error", (error) => this.#unwatched(directory, error));
        return [watcher];
      } catch (error) {
        this.#unwatched(directory, error);
        return [];
      }
    });
  }

  #settle(ms: number, isLast = false): void {
    // What else happens in these directories puts it off no further.
    if (this.#isOver || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const told = isLast ? "told at once" : "may yet become whole";
      this.#reading = this.#reading.then(async () => await this.#reread(told));
    }, ms).unref();
  }

  async #reread(broken: "told at once" | "may yet become whole"): Promise<void> {
    const { what, paths, logger } = this.#options;
    if (this.#isOver) return;
    try {
      const texts = await read(paths);
      if (texts.every((text, at) => text === this.#texts[at])) return;
      const value = this.#options.parse(texts);
      this.#fault = null;
      this.#texts = texts;
      this.#value = value;
      this.#options.changed?.(value);
      logger.info({ event: "reloaded", what, paths }, `took over the new ${what}`);
    } catch (error) {
      if (broken === "may yet become whole") {
        this.#settle(patienceMs, true);
        return;
      }
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#fault === reason) return;
      this.#fault = reason;
      const message = `the new ${what} cannot be used, the old stays in use: ${reason}`;
      logger.error({ event: "notReloaded", what, paths, reason }, message);
    }
  }

  #unwatched(directory: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.warn(
      { event: "unwatched", directory, reason },
      `cannot watch ${directory} for a new ${this.#options.what}: only a reload takes one over`,
    );
  }
}

async function read(paths: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(path, "utf8");
      if (text.length > fileBytesMax) throw new Error(`${path} has over ${fileBytesMax} bytes`);
      return text;
    }),
  );
}
