/**
 * NATS JetStream, a file stream of three replicas with default settings: those sync every two
 * minutes, so an acknowledged write is in the memory of a majority.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectNats, StorageType, type NatsConnection } from "nats";
import { isCommand, ServerProcess } from "../processes.ts";
import { Cluster, places, pollMs } from "./cluster.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

const routePorts = 3;
const stream = "bench";
const subject = "bench.log";

class NatsCluster extends Cluster {
  readonly #where: Where;

  constructor(where: Where) {
    super(places.map((at) => `127.0.0.1:${where.port + at}`));
    this.#where = where;
    for (const at of places) writeFileSync(this.#configOf(at), configuration(where, at));
    this.startAll();
  }

  async whole(): Promise<void> {
    for (;;) {
      const isWhole = await this.#asked(async (connection) => {
        const manager = await connection.jetstreamManager({ timeout: 1000 });
        const storage = StorageType.File;
        await manager.streams.add({ name: stream, subjects: [subject], num_replicas: 3, storage });
        const { cluster } = await manager.streams.info(stream);
        const replicas = cluster?.replicas ?? [];
        return (cluster?.leader ?? "") !== "" && replicas.every(({ current }) => current);
      });
      if (isWhole === true) return;
      await pause(pollMs);
    }
  }

  protected async leaderNow(): Promise<number> {
    const name = await this.#asked(async (connection) => {
      const manager = await connection.jetstreamManager({ timeout: 1000 });
      return (await manager.streams.info(stream)).cluster?.leader ?? null;
    });
    return places.findIndex((at) => name === `node-${at}`);
  }

  /** Null when nobody answers, or says no. */
  async #asked<T>(ask: (connection: NatsConnection) => Promise<T>): Promise<T | null> {
    let connection: NatsConnection | null = null;
    try {
      connection = await connectNats({ servers: [...this.endpoints], timeout: 1000 });
      return await ask(connection);
    } catch {
      return null;
    } finally {
      await connection?.close();
    }
  }

  #configOf(at: number): string {
    return join(this.#where.directory, `node-${at}.conf`);
  }

  protected startNode(at: number): ServerProcess {
    return new ServerProcess(["nats-server", "--config", this.#configOf(at)]);
  }
}

function configuration({ directory, port }: Where, at: number): string {
  const data = join(directory, `node-${at}`);
  mkdirSync(data);
  const routes = places.map((other) => `nats://127.0.0.1:${port + routePorts + other}`);
  return [
    `server_name: node-${at}`,
    `listen: 127.0.0.1:${port + at}`,
    `jetstream { store_dir: "${data}" }`,
    `log_file: "${join(directory, `node-${at}.log`)}"`,
    `cluster {`,
    `  name: bench`,
    `  listen: 127.0.0.1:${port + routePorts + at}`,
    `  routes: [${routes.map((route) => `"${route}"`).join(", ")}]`,
    `}`,
    "",
  ].join("\n");
}

async function connect(endpoints: readonly string[]): Promise<Publisher> {
  const connection = await connectNats({ servers: [...endpoints], noRandomize: true });
  const jetstream = connection.jetstream();
  return {
    publish: async (entry) => await publishOnce(() => jetstream.publish(subject, entry)),
    close: async () => await connection.close(),
  };
}

/**
 * Its client gives up at once while there is no leader, and after five seconds where a request was
 * lost with one; a write is one that is acknowledged.
 */
async function publishOnce(publish: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await publish();
    } catch {
      await pause(pollMs);
    }
  }
}

export const nats: System = {
  name: "nats",
  durability: "in the memory of two of three, not synced",
  isInstalled: () => isCommand("nats-server"),
  launch: (where: Where): Running => new NatsCluster(where),
  connect,
};
