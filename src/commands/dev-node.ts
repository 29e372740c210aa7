/**
 * One node process of `kibitz dev`: started in a process group of its own, so that a terminal's
 * Ctrl-C does not reach it, and bound to this process by a pipe, so that it stops when this process
 * is gone.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { DevNodePlan } from "./dev-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { commandFile } from "./program-files.ts";

export interface DevNodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * How a node ended, and what its user can do about it.
 * @param start What follows `kibitz start` to have it back.
 */
export function exitText({ code, signal }: DevNodeExit, start: string): string {
  const how = signal ?? `code ${code}`;
  const isRevivable = signal !== null || code === exitCodes.ok || code === exitCodes.failure;
  if (isRevivable) return `${how}; kibitz start ${start} revives it`;
  return `${how}; its error above says why, and what to do`;
}

export class DevNode {
  readonly plan: DevNodePlan;
  /** Resolves with true once it listens, with false when it ended before. */
  readonly listening: Promise<boolean>;
  /** Resolves with true once it is ready, with false when it ended before. */
  readonly ready: Promise<boolean>;
  readonly exited: Promise<DevNodeExit>;
  readonly #child: ChildProcess;
  #isAlive = true;
  #isStopping = false;

  /** @param args What follows `kibitz start`. */
  constructor(plan: DevNodePlan, args: readonly string[]) {
    this.plan = plan;
    this.#child = spawn(process.execPath, [commandFile, "start", ...args], {
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
      env: environmentWithoutSettings(),
    });
    this.exited = new Promise((resolve) => {
      const ended = (exit: DevNodeExit): void => {
        this.#isAlive = false;
        resolve(exit);
      };
      this.#child.once("exit", (code, signal) => ended({ code, signal }));
      this.#child.once("error", () => ended({ code: 1, signal: null }));
    });
    // The node may end while this side still holds the pipe.
    this.#child.stdin?.on("error", () => undefined);
    const events = this.#events();
    this.listening = this.#happens(events, "listening");
    this.ready = this.#happens(events, "ready");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Asks it once to stop gracefully. */
  stop(): void {
    if (this.#isStopping || !this.#isAlive) return;
    this.#isStopping = true;
    this.#child.kill("SIGTERM");
  }

  /** Ends it at once. */
  kill(): void {
    if (this.#isAlive) this.#child.kill("SIGKILL");
  }

  #events(): EventTarget {
    const events = new EventTarget();
    if (this.#child.stdout === null) return events;
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const name = eventName(line);
      if (name !== null) events.dispatchEvent(new Event(name));
    });
    return events;
  }

  #happens(events: EventTarget, name: string): Promise<boolean> {
    const happened = new Promise<boolean>((resolve) => {
      events.addEventListener(name, () => resolve(true), { once: true });
    });
    return Promise.race([happened, this.exited.then(() => false)]);
  }
}

function eventName(line: string): string | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("event" in value)) return null;
    return typeof value.event === "string" ? value.event : null;
  } catch {
    return null;
  }
}

/** Settings meant for this process are not meant for each node. */
function environmentWithoutSettings(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("KIBITZER_"));
  return Object.fromEntries(kept);
}
