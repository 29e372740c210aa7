/**
 * A `kibitz` process as these tests see it from outside: what it prints, when it ends, the signals
 * it gets. Every wait is bounded and ends with what the process said; only this process is ever
 * ended.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "../..");
const cli = join(root, "src/cli.ts");

/** A process that says nothing for so long is stuck, even on a computer that does much else. */
export const patienceMs = 60_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Where everything that the process says is kept. */
  readonly log: string;
  /** In place of `node`: a command that runs it, with its own arguments. */
  readonly under?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The program; that of these sources unless told. */
  readonly cli?: string;
  /** The Node.js that runs it; that of the tests unless told. */
  readonly node?: string;
}

export class Child {
  readonly name: string;
  readonly exited: Promise<Exit>;
  /** Whole lines of the standard output. */
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly #stdout: Buffer[] = [];
  #stderr = "";
  #lineOpen: Buffer = Buffer.alloc(0);
  #exit: Exit | null = null;
  /** Called whenever the process said something or ended. */
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], options: ChildOptions) {
    this.name = `kibitz ${args.slice(0, 1).join(" ")}`;
    this.#log = options.log;
    const node = options.node ?? process.execPath;
    const command = [...(options.under ?? []), node, options.cli ?? cli, ...args];
    this.#note(`$ ${command.slice(options.under?.length ?? 0).join(" ")}\n`);
    this.#process = spawn(command[0] ?? "", command.slice(1), {
      cwd: root,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...environment(), ...options.environment },
    });
    this.exited = this.#watch();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }
  get exit(): Exit | null {
    return this.#exit;
  }
  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }
  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until the process has said something like `pattern` on its standard error. */
  async untilSaid(pattern: RegExp, ms: number = patienceMs): Promise<string> {
    return await this.until(String(pattern), () => pattern.exec(this.#stderr)?.[0] ?? null, ms);
  }

  /** The first value that `found` gives, looked for each time the process says something. */
  async until<Value>(what: string, found: () => Value | null, ms = patienceMs): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const look = (): void => {
      const value = found();
      if (value !== null) resolve(value);
      else if (this.#exit !== null) reject(this.#error(`ended before ${what}`));
    };
    const timer = setTimeout(() => reject(this.#error(`not within ${ms} ms: ${what}`)), ms);
    this.#watchers.add(look);
    try {
      look();
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Waits until `count` lines were printed. */
  async untilLines(count: number): Promise<void> {
    await this.until(`${count} lines`, () => (this.lines.length >= count ? true : null));
  }

  /** Waits for a JSON line `{"event": name}`. */
  async untilEvent(name: string, ms = patienceMs): Promise<Readonly<Record<string, unknown>>> {
    const isIt = (line: string): boolean => line.startsWith(`{"event":"${name}"`);
    const line = await this.until(name, () => this.lines.find(isIt) ?? null, ms);
    return JSON.parse(line);
  }

  async ended(ms = patienceMs): Promise<Exit> {
    await Promise.race([this.exited, this.until("its end", () => this.#exit, ms)]);
    return await this.exited;
  }

  /** Sends a signal to this very process, if it still runs. */
  signal(name: NodeJS.Signals): void {
    if (this.#exit === null) this.#process.kill(name);
  }

  async kill(name: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    this.signal(name);
    // A node whose tracer was killed lives on; it ends with its input.
    if (name === "SIGKILL") this.endInput();
    return await this.ended();
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }
  endInput(): void {
    this.#process.stdin?.end();
  }
  /** Stops reading, as `head` does when it has enough. */
  closeOutput(): void {
    this.#process.stdout?.destroy();
  }

  #watch(): Promise<Exit> {
    const { promise, resolve } = Promise.withResolvers<Exit>();
    const child = this.#process;
    child.stdin?.on("error", () => undefined);
    child.stdout?.on("data", (chunk: Buffer) => this.#take(chunk));
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
      this.#note(chunk.toString());
      this.#tell();
    });
    const end = (exit: Exit): void => {
      this.#note(`= ${exit.signal ?? exit.code}\n`);
      this.#exit = exit;
      resolve(exit);
      this.#tell();
    };
    // Not "exit": what was printed last may still be in the pipes then.
    child.once("close", (code, signal) => end({ code, signal }));
    child.once("error", (error) => {
      this.#stderr += String(error);
      end({ code: 127, signal: null });
    });
    return promise;
  }

  #take(chunk: Buffer): void {
    this.#stdout.push(chunk);
    let rest = Buffer.concat([this.#lineOpen, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      this.lines.push(rest.subarray(0, end).toString());
      rest = rest.subarray(end + 1);
    }
    this.#lineOpen = rest;
    this.#tell();
  }

  #tell(): void {
    for (const look of this.#watchers) look();
  }

  #note(text: string): void {
    appendFileSync(this.#log, text);
  }

  #error(what: string): Error {
    const exit = this.#exit === null ? "" : ` (ended with ${this.#exit.signal ?? this.#exit.code})`;
    const said = `${this.lines.slice(-5).join("\n")}\n${this.#stderr.slice(-2000)}`;
    return new Error(`${this.name}: ${what}${exit}. It said last:\n${said}`);
  }
}

/** A setting of the person who runs the tests is not meant for the processes under test. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("KIBITZER_") && name !== "NODE_TEST_CONTEXT",
  );
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}
