/** A three-node cluster of real processes for the time of a measurement, and what it costs. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** The command under test: the built one, as users run it, when there is one. */
function command(): string {
  const built = resolve(import.meta.dirname, "../dist/src/cli.js");
  return existsSync(built) ? built : resolve(import.meta.dirname, "../src/cli.ts");
}

export class Cluster implements AsyncDisposable {
  readonly endpoints: readonly string[];
  /** Milliseconds from the start of the command to `ready`. */
  readonly startMs: number;
  readonly #pids: readonly number[];
  readonly #dev: ChildProcess;
  /** Where the nodes keep their data. */
  readonly directory: string;

  private constructor(
    dev: ChildProcess,
    directory: string,
    ready: { endpoints: readonly string[]; pids: readonly number[]; startMs: number },
  ) {
    this.#dev = dev;
    this.directory = directory;
    this.#pids = ready.pids;
    this.endpoints = ready.endpoints;
    this.startMs = ready.startMs;
  }

  static async start(port: number): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "kibitzer-bench-"));
    const begun = performance.now();
    const flags = ["dev", "--json", "--fresh", "--data", directory, "--port", String(port)];
    const dev = spawn(process.execPath, [command(), ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pids: number[] = [];
    for await (const line of createInterface({ input: dev.stdout })) {
      const event: unknown = JSON.parse(line);
      if (!isEvent(event)) continue;
      if (event.event === "node" && event.pid !== undefined) pids.push(event.pid);
      if (event.event !== "ready") continue;
      const { endpoints = [] } = event;
      dev.stdout.resume();
      return new Cluster(dev, directory, { endpoints, pids, startMs: performance.now() - begun });
    }
    throw new Error("The cluster ended before it was ready; its messages are above.");
  }

  /** Seconds of processor time that the nodes have used so far. */
  cpuSeconds(): number {
    const ticksPerSecond = 100;
    return this.#pids.reduce((sum, pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return sum + (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    }, 0);
  }

  /** Resident MiB of the largest node. */
  residentMiB(): number {
    const sizes = this.#pids.map((pid) => {
      const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
      return Number(line?.[1] ?? 0) / 1024;
    });
    return Math.max(...sizes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#dev.once("exit", () => resolve()));
    this.#dev.kill("SIGTERM");
    await ended;
    await rm(this.directory, { recursive: true, force: true });
  }
}

interface DevEvent {
  readonly event: string;
  readonly pid?: number;
  readonly endpoints?: readonly string[];
}

function isEvent(value: unknown): value is DevEvent {
  return typeof value === "object" && value !== null && "event" in value;
}
