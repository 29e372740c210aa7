/**
 * A place for tests with real processes: a temporary directory, free ports, and every process that
 * is started in it, ended with the test. The logs of a failed test stay, and it says where.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ask } from "../commands/ask.ts";
import { Child, patienceMs, type ChildOptions, type Exit } from "./child.ts";

/** Below the ports that a system gives to outgoing connections, so that a restart finds its own. */
const portMin = 11_000;
const portMax = 31_000;
const portsPerProcess = 100;

export interface Ran extends Exit {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly lines: readonly string[];
}

export class Kit {
  readonly directory: string;
  readonly #children = new Set<Child>();
  #logs = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** A place of its own for one test; it is cleared when the test is over. */
  static open(t: TestContext): Kit {
    const kit = Kit.make();
    t.after(async () => {
      const hasPassed = "passed" in t && t.passed === true;
      await kit.close({ keep: !hasPassed });
      if (!hasPassed) t.diagnostic(`what it left: ${kit.directory}`);
    });
    return kit;
  }

  static make(): Kit {
    return new Kit(mkdtempSync(join(tmpdir(), "kibitz-processes-")));
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** Starts `kibitz` with these arguments. */
  start(args: readonly string[], options: Omit<ChildOptions, "log"> = {}): Child {
    const child = new Child(args, { ...options, log: this.#nextLog(args) });
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }

  /** Runs `kibitz` to its end; an exit code of its own is no error here. */
  async run(args: readonly string[], ms: number = patienceMs): Promise<Ran> {
    const child = this.start(args);
    child.endInput();
    const exit = await child.ended(ms);
    return { ...exit, stdout: child.stdout, stderr: child.stderr, lines: child.lines };
  }

  /** The same in this very process, which saves the start of one: see {@link ask}. */
  async ask(args: readonly string[], ms: number = patienceMs): Promise<Ran> {
    const log = this.#nextLog(args);
    const line = `kibitz ${args.join(" ")}`;
    writeFileSync(log, `$ ${line}\n`);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`not within ${ms} ms: ${line}`)), ms);
    try {
      const { code, stdout, stderr } = await Promise.race([ask(args), late.promise]);
      appendFileSync(log, `${stderr}= ${code}\n`);
      return { code, signal: null, stdout, stderr, lines: wholeLines(stdout) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every process that this kit started, and waits until they are gone. */
  async close({ keep }: { readonly keep: boolean } = { keep: false }): Promise<void> {
    await Promise.all([...this.#children].map(async (child) => await child.kill()));
    if (!keep) rmSync(this.directory, { recursive: true, force: true });
  }

  #nextLog([command = ""]: readonly string[]): string {
    this.#logs += 1;
    return this.path(`${String(this.#logs).padStart(3, "0")}-${command}.log`);
  }
}

function wholeLines(bytes: Buffer): readonly string[] {
  return bytes.toString().split("\n").slice(0, -1);
}

// Test files run beside each other: each looks for ports in a range of its own.
let portNext = portMin + (process.pid % ((portMax - portMin) / portsPerProcess)) * portsPerProcess;

/** The first of `count` neighbouring ports of 127.0.0.1 that nobody uses. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 1000; tries += 1) {
    const first = portNext;
    portNext = portNext + count < portMax ? portNext + count : portMin;
    const ports = Array.from({ length: count }, (_, position) => first + position);
    const free = await Promise.all(ports.map(isFree));
    if (free.every((is) => is)) return first;
  }
  throw new Error(`no ${count} neighbouring ports are free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
  });
}

/** Asks again until `found` gives a value. An answer that fails is asked for again, too. */
export async function eventually<Value>(
  what: string,
  found: () => Promise<Value | null>,
  ms = patienceMs,
): Promise<Value> {
  const deadline = performance.now() + ms;
  let last: unknown = null;
  for (;;) {
    try {
      const value = await found();
      if (value !== null) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${ms} ms: ${what}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, askAgainMs));
  }
}

const askAgainMs = 40;
