/**
 * Puts faults into the system calls of a running process: attaches strace to it, and counts in
 * strace's own log how often the fault was there. Detaching leaves the process running.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { eventually } from "./kit.ts";

export interface Injection {
  /** As behind `-e inject=`: calls and what becomes of them. */
  readonly inject: string;
  /** Only calls on this file. */
  readonly path?: string;
}

const attachMs = 10_000;

export class Strace implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly #ended: Promise<void>;
  #stderr = "";
  #hasEnded = false;

  private constructor(pid: number, log: string, { inject, path }: Injection) {
    this.#log = log;
    const calls = inject.split(":")[0] ?? "";
    const args = ["-f", "-o", log, "-e", `trace=${calls}`, "-e", `inject=${inject}`];
    const file = path === undefined ? [] : ["-P", path];
    this.#process = spawn("strace", [...args, ...file, "-p", String(pid)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true;
        resolve();
      };
      this.#process.once("close", end);
      this.#process.once("error", (error) => {
        this.#stderr += String(error);
        end();
      });
    });
  }

  /** Attached to all threads when it resolves. */
  static async attach(pid: number, log: string, injection: Injection): Promise<Strace> {
    const strace = new Strace(pid, log, injection);
    await eventually(`strace attached to ${pid}`, async () => strace.#isAttached(), attachMs);
    return strace;
  }

  /** How often the fault was put in so far. */
  get fired(): number {
    if (!existsSync(this.#log)) return 0;
    return readFileSync(this.#log, "utf8").match(/\((?:INJECTED|DELAYED)/g)?.length ?? 0;
  }

  async untilFired(count: number): Promise<void> {
    await eventually("the fault put in", async () => (this.fired >= count ? true : null));
  }

  async detach(): Promise<void> {
    if (!this.#hasEnded) this.#process.kill("SIGINT");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.detach();
  }

  #isAttached(): true | null {
    if (/Process \d+ attached/.test(this.#stderr)) return true;
    if (this.#hasEnded) throw new Error(`strace ended: ${this.#stderr}`);
    return null;
  }
}
