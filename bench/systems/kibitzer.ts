/** This project: `kibitz start` processes with default settings, three unless more are wanted. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KibitzerClient, type ClientOptions } from "../../src/index.ts";
import { ServerProcess } from "../processes.ts";
import { Cluster, places, pollMs } from "./cluster.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

export interface Shape {
  readonly members: number;
  /** Members that vote; the others follow the log. */
  readonly seats: number;
}

/** How its nodes are started, and called. */
export interface Ways {
  /** For `kibitz start`, beside the usual ones. */
  readonly flags?: readonly string[];
  readonly scheme?: "ws" | "wss";
  readonly tls?: ClientOptions["tls"];
}

/** Milliseconds from the start of a process. */
export interface RestartTimes {
  readonly listeningMs: number;
  /** It serves as a member. */
  readonly readyMs: number;
}

const three: Shape = { members: places.length, seats: places.length };
const names = "abcdefghijklmnopqrstuvwxyz".split("");

/** The command as users run it, built, when there is one. */
function commandPath(): string {
  const built = resolve(import.meta.dirname, "../../dist/kibitz/cli.js");
  return existsSync(built) ? built : resolve(import.meta.dirname, "../../src/cli.ts");
}

export class KibitzerCluster extends Cluster {
  readonly #ids: readonly string[];
  readonly #directory: string;
  readonly #flags: readonly string[];
  readonly #seats: number;
  readonly #client: ClientOptions;

  constructor(
    { directory, port }: Where,
    { flags = [], scheme = "ws", tls, members, seats }: Shape & Ways = three,
  ) {
    const ids = names.slice(0, members);
    super(ids.map((_, at) => `${scheme}://127.0.0.1:${port + at}`));
    this.#client = tls === undefined ? {} : { tls };
    this.#ids = ids;
    this.#directory = directory;
    this.#flags = flags;
    this.#seats = seats;
    this.startAll();
  }

  async whole(): Promise<void> {
    // A client that calls them sooner waits longer and longer, and would be what is measured.
    await this.allSay('"listening"');
    await using client = await this.#connected();
    for (;;) {
      const { government, members, decided } = await client.status();
      const isWhole =
        government.parliament.length === this.#seats &&
        members.length === this.#ids.length &&
        members.every((member) => member.reachable && member.decided.slot >= decided.slot);
      if (isWhole) return;
      await pause(pollMs);
    }
  }

  /** Ends a node in this way, and starts it again. */
  async timedRestart(at: number, signal: "SIGTERM" | "SIGKILL"): Promise<RestartTimes> {
    await this.end(at, signal);
    const begun = performance.now();
    const node = this.startAgain(at);
    await node.says('"listening"');
    const listeningMs = performance.now() - begun;
    await node.says('"ready"');
    return { listeningMs, readyMs: performance.now() - begun };
  }

  async #connected(): Promise<KibitzerClient> {
    return await KibitzerClient.connect(this.endpoints, this.#client);
  }

  protected async leaderNow(): Promise<number> {
    await using client = await this.#connected();
    const { government } = await client.status();
    return this.#ids.findIndex((id) => id === government.leader);
  }

  protected startNode(at: number, isFirst: boolean): ServerProcess {
    const id = this.#ids[at] ?? "";
    const data = join(this.#directory, id);
    const isUsual = this.#ids.length === three.members;
    const seats = isUsual ? [] : ["--parliament-size", String(this.#seats)];
    const founding = ["--bootstrap", "bench", ...seats];
    const way = at === 0 ? founding : ["--join", this.endpoints[0] ?? ""];
    const first = ["--id", id, "--listen", this.endpoints[at] ?? "", ...way];
    const always = ["start", "--json", "--log-level", "warn", "--data", data, ...this.#flags];
    const args = isFirst ? [...always, ...first] : always;
    return new ServerProcess([process.execPath, commandPath(), ...args]);
  }
}

/** @param flags For `kibitz start`, beside the usual ones. */
export function kibitzerWith(flags: readonly string[], shape: Shape = three): System {
  return kibitzerBy({ flags }, shape);
}

export function kibitzerBy(ways: Ways, shape: Shape = three): System {
  const { tls } = ways;
  const options = tls === undefined ? {} : { tls };
  return {
    name: "kibitzer",
    durability: "synced by two of three",
    hasBulk: true,
    isInstalled: () => true,
    launch: (where: Where): Running => new KibitzerCluster(where, { ...ways, ...shape }),
    connect: async (endpoints: readonly string[]): Promise<Publisher> =>
      await KibitzerClient.connect(endpoints, options),
  };
}

export const kibitzer: System = kibitzerWith([]);
