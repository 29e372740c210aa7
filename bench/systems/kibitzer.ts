/** This project: three `kibitz start` processes with default settings. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient, type Status } from "../../src/index.ts";
import { ServerProcess } from "../processes.ts";
import type { Killing, Publisher, Running, System, Where } from "./system.ts";

const ids = ["a", "b", "c"] as const;
const pollMs = 10;

/** The command as users run it, built, when there is one. */
function commandPath(): string {
  const built = resolve(import.meta.dirname, "../../dist/src/cli.js");
  return existsSync(built) ? built : resolve(import.meta.dirname, "../../src/cli.ts");
}

class KibitzerCluster implements Running, Killing {
  readonly endpoints: readonly string[];
  readonly #directory: string;
  readonly #flags: readonly string[];
  readonly #nodes: ServerProcess[] = [];

  constructor({ directory, port }: Where, flags: readonly string[]) {
    this.endpoints = ids.map((_, at) => `ws://127.0.0.1:${port + at}`);
    this.#directory = directory;
    this.#flags = flags;
    for (const [at, id] of ids.entries()) {
      const way = at === 0 ? ["--bootstrap", "bench"] : ["--join", this.endpoints[0] ?? ""];
      this.#startNode(at, ["--id", id, "--listen", this.endpoints[at] ?? "", ...way]);
    }
  }

  get killing(): Killing {
    return this;
  }

  pids(): readonly number[] {
    return this.#nodes.map(({ pid }) => pid);
  }

  async whole(): Promise<void> {
    for (;;) {
      const { government, members, decided } = await this.#status();
      const isWhole =
        government.parliament.length === ids.length &&
        members.every((member) => member.reachable && member.decided.slot >= decided.slot);
      if (isWhole) return;
      await pause(pollMs);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGTERM")));
  }

  async leader(): Promise<number> {
    for (;;) {
      const { government } = await this.#status();
      const at = ids.findIndex((id) => id === government.leader);
      if (at !== -1) return at;
      await pause(pollMs);
    }
  }

  async kill(at: number): Promise<void> {
    await this.#nodes[at]?.end("SIGKILL");
  }

  async restart(at: number): Promise<void> {
    this.#startNode(at, []);
    await this.whole();
  }

  async #status(): Promise<Status> {
    await using client = await KibitzerClient.connect(this.endpoints);
    return await client.status();
  }

  #startNode(at: number, flags: readonly string[]): void {
    const data = join(this.#directory, ids[at] ?? "");
    const always = ["start", "--json", "--log-level", "warn", "--data", data];
    const command = [process.execPath, commandPath(), ...always, ...this.#flags, ...flags];
    this.#nodes[at] = new ServerProcess(command);
  }
}

/** @param flags For `kibitz start`, beside the usual ones. */
export function kibitzerWith(flags: readonly string[]): System {
  return {
    name: "kibitzer",
    durability: "synced by two of three",
    hasBulk: true,
    isWholeFirst: true,
    isInstalled: () => true,
    launch: (where: Where): Running => new KibitzerCluster(where, flags),
    connect: async (endpoints: readonly string[]): Promise<Publisher> =>
      await KibitzerClient.connect(endpoints),
  };
}

export const kibitzer: System = kibitzerWith([]);
