/** This project: three `kibitz start` processes with default settings. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient, type Status } from "../../src/index.ts";
import { ServerProcess } from "../processes.ts";
import { Cluster, pollMs } from "./cluster.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

const ids = ["a", "b", "c"] as const;

/** The command as users run it, built, when there is one. */
function commandPath(): string {
  const built = resolve(import.meta.dirname, "../../dist/src/cli.js");
  return existsSync(built) ? built : resolve(import.meta.dirname, "../../src/cli.ts");
}

class KibitzerCluster extends Cluster {
  readonly #directory: string;
  readonly #flags: readonly string[];

  constructor({ directory, port }: Where, flags: readonly string[]) {
    super(ids.map((_, at) => `ws://127.0.0.1:${port + at}`));
    this.#directory = directory;
    this.#flags = flags;
    this.startAll();
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

  async #status(): Promise<Status> {
    await using client = await KibitzerClient.connect(this.endpoints);
    return await client.status();
  }

  protected async leaderNow(): Promise<number> {
    const { government } = await this.#status();
    return ids.findIndex((id) => id === government.leader);
  }

  protected startNode(at: number, isFirst: boolean): ServerProcess {
    const id = ids[at] ?? "";
    const data = join(this.#directory, id);
    const way = at === 0 ? ["--bootstrap", "bench"] : ["--join", this.endpoints[0] ?? ""];
    const first = ["--id", id, "--listen", this.endpoints[at] ?? "", ...way];
    const always = ["start", "--json", "--log-level", "warn", "--data", data, ...this.#flags];
    const args = isFirst ? [...always, ...first] : always;
    return new ServerProcess([process.execPath, commandPath(), ...args]);
  }
}

/** @param flags For `kibitz start`, beside the usual ones. */
export function kibitzerWith(flags: readonly string[]): System {
  return {
    name: "kibitzer",
    durability: "synced by two of three",
    hasBulk: true,
    isInstalled: () => true,
    launch: (where: Where): Running => new KibitzerCluster(where, flags),
    connect: async (endpoints: readonly string[]): Promise<Publisher> =>
      await KibitzerClient.connect(endpoints),
  };
}

export const kibitzer: System = kibitzerWith([]);
