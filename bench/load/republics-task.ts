/** Processes that host a member of each of many republics, and what they are told and tell. */
import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { endsWithThis } from "../way-out.ts";

export interface HostTask {
  readonly id: string;
  /** A directory for each republic is made in it. */
  readonly directory: string;
  readonly republics: number;
  /** The endpoints of the founder of each republic; none for the host of the founders. */
  readonly founders: readonly string[];
}

/** What a host is told, as a line of JSON; it answers each with a line. */
export type HostOrder =
  /** Answers with the syncs of files since its start. */
  | { readonly kind: "syncs" }
  /** Publishes in every republic; answers with a `Played`. */
  | { readonly kind: "play"; readonly perSecond: number; readonly seconds: number };

export interface Played {
  readonly acknowledged: number;
  readonly seconds: number;
  /** Milliseconds from when an entry was due to its acknowledgement. */
  readonly p50: number;
  readonly p99: number;
}

const program = resolve(import.meta.dirname, "republics-process.ts");

export class Host {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(task: HostTask) {
    const child = spawn(process.execPath, [program, JSON.stringify(task)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = endsWithThis(child);
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The endpoints of its nodes, once all of them are members. */
  async endpoints(): Promise<readonly string[]> {
    return JSON.parse(await this.#line());
  }

  async syncs(): Promise<number> {
    return JSON.parse(await this.#ask({ kind: "syncs" }));
  }

  async play(perSecond: number, seconds: number): Promise<Played> {
    return JSON.parse(await this.#ask({ kind: "play", perSecond, seconds }));
  }

  /** At once: its directory goes, too. */
  end(): void {
    this.#child.kill("SIGKILL");
  }

  async #ask(order: HostOrder): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
    return await this.#line();
  }

  async #line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done !== true) return next.value;
    throw new Error("a host of many republics ended early; its messages are above");
  }
}
