/** Processes under measurement: how they are started and ended, and what they cost. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endsWithThis } from "./way-out.ts";

const ticksPerSecond = 100;
/** Characters of what a process says of its troubles. */
const complaintsMax = 4000;

/** Seconds of processor time that they have used so far, together. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }, 0);
}

/** Resident MiB of each; 0 of one that is gone. */
export function residentMiBEach(pids: readonly number[]): readonly number[] {
  return pids.map((pid) => {
    const line = /VmRSS:\s+(\d+) kB/.exec(statusOf(pid));
    return Number(line?.[1] ?? 0) / 1024;
  });
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // It is gone, and its file with it, perhaps while it was read.
    return "";
  }
}

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #exited: Promise<void>;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  #complaints = "";
  #isAlive = true;

  constructor(command: readonly string[], options: SpawnOptions = {}) {
    this.#command = command.join(" ");
    const [file = "", ...args] = command;
    const stdio: SpawnOptions["stdio"] = ["ignore", "pipe", "pipe"];
    this.#child = endsWithThis(spawn(file, args, { ...options, stdio, detached: true }));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-complaintsMax);
    });
    const gone = (): void => {
      this.#isAlive = false;
      this.#wake();
    };
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", () => resolve(gone()));
      this.#child.once("exit", () => resolve(gone()));
    });
    if (this.#child.stdout === null) return;
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  /** 0 once it is gone. */
  get pid(): number {
    return this.#isAlive ? (this.#child.pid ?? 0) : 0;
  }

  /** @throws {Error} when it ends before it says so. */
  async says(text: string): Promise<void> {
    while (!this.#lines.some((line) => line.includes(text))) {
      if (!this.#isAlive) {
        throw new Error(`${this.#command} ended before it said "${text}":\n${this.#complaints}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#isAlive) this.#child.kill(signal);
    await this.#exited;
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }
}

/** Whether the system finds it. */
export function isCommand(name: string): boolean {
  const places = (process.env["PATH"] ?? "").split(":");
  return places.some((place) => existsSync(join(place, name)));
}
