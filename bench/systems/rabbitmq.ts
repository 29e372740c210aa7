/** RabbitMQ, a quorum queue of three, default settings: synced by a majority, then confirmed. */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { connect as connectAmqp, type ConfirmChannel } from "amqplib";
import { isCommand, ServerProcess } from "../processes.ts";
import { Cluster, places, pollMs } from "./cluster.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

const distributionPorts = 3;
const mapperPort = 9;
const portMapper = "epmd";
const queue = "bench";
const queueOptions = { durable: true, arguments: { "x-queue-type": "quorum" } };
/** Debian's own script changes the user; these do not. */
const programs = "/usr/lib/rabbitmq/bin";

class RabbitCluster extends Cluster {
  readonly #where: Where;

  constructor(where: Where) {
    super(places.map((at) => `amqp://127.0.0.1:${where.port + at}`));
    this.#where = where;
    writeFileSync(join(where.directory, ".erlang.cookie"), "bench", { mode: 0o400 });
    writeFileSync(join(where.directory, "plugins"), "[].\n");
    writeFileSync(join(where.directory, "rabbitmq.conf"), configuration());
    this.startAll();
    // Starts by itself, and would stay.
    process.once("exit", () => spawnSync(portMapper, ["-kill"], { env: this.#environment(0) }));
  }

  /** Of the virtual machines, which the scripts have started. */
  override pids(): readonly number[] {
    return places.map((at) => Number(readFileSync(this.#pidFileOf(at), "utf8")));
  }

  async whole(): Promise<void> {
    for (const endpoint of this.endpoints) await untilConnected(endpoint);
    await this.#control(0, "await_online_nodes", String(places.length));
    const connection = await connectAmqp(this.endpoints[0] ?? "");
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, queueOptions);
    await connection.close();
  }

  override async stop(): Promise<void> {
    await super.stop();
    await promisify(execFile)(portMapper, ["-kill"], { env: this.#environment(0) });
  }

  override async kill(at: number): Promise<void> {
    process.kill(this.pids()[at] ?? 0, "SIGKILL");
    await super.kill(at);
  }

  protected async leaderNow(): Promise<number> {
    const said = await this.#control(0, "list_queues", "--quiet", "name", "leader");
    return places.findIndex((at) => said.includes(nameOf(at)));
  }

  async #control(at: number, ...args: readonly string[]): Promise<string> {
    const all = ["-n", nameOf(at), ...args];
    const env = this.#environment(at);
    return (await promisify(execFile)(join(programs, "rabbitmqctl"), all, { env })).stdout;
  }

  #pidFileOf(at: number): string {
    return join(this.#where.directory, `node-${at}.pid`);
  }

  #environment(at: number): NodeJS.ProcessEnv {
    const { directory, port } = this.#where;
    return {
      ...process.env,
      HOME: directory,
      ERL_EPMD_PORT: String(port + mapperPort),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_NODENAME: nameOf(at),
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(port + at),
      RABBITMQ_DIST_PORT: String(port + distributionPorts + at),
      RABBITMQ_MNESIA_BASE: join(directory, `node-${at}`),
      RABBITMQ_LOG_BASE: join(directory, `log-${at}`),
      RABBITMQ_PID_FILE: this.#pidFileOf(at),
      RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "plugins"),
    };
  }

  protected startNode(at: number): ServerProcess {
    mkdirSync(join(this.#where.directory, `log-${at}`), { recursive: true });
    const options = { env: this.#environment(at) };
    return new ServerProcess([join(programs, "rabbitmq-server")], options);
  }
}

function nameOf(at: number): string {
  return `bench${at}@localhost`;
}

function configuration(): string {
  const key = "cluster_formation.classic_config.nodes";
  return [
    "cluster_formation.peer_discovery_backend = classic_config",
    ...places.map((at) => `${key}.${at + 1} = ${nameOf(at)}`),
    "log.console = false",
    "",
  ].join("\n");
}

async function untilConnected(endpoint: string): Promise<void> {
  for (;;) {
    try {
      const connection = await connectAmqp(endpoint);
      await connection.close();
      return;
    } catch {
      await pause(pollMs);
    }
  }
}

/** Its client does not connect again: a write is made anew on a connection to who still answers. */
class RabbitPublisher implements Publisher {
  readonly #endpoints: readonly string[];
  /** Those that wait for a confirmation, by what tells them whether it has come. */
  readonly #pending = new Set<(isConfirmed: boolean) => void>();
  #channel: Promise<ConfirmChannel> | null = null;

  constructor(endpoints: readonly string[]) {
    this.#endpoints = endpoints;
  }

  async channel(): Promise<ConfirmChannel> {
    this.#channel ??= this.#connect();
    return await this.#channel;
  }

  async publish(entry: Uint8Array): Promise<void> {
    for (;;) {
      const channel = await this.channel();
      const isConfirmed = await new Promise<boolean>((resolve) => {
        const settle = (isConfirmed: boolean): void => {
          this.#pending.delete(settle);
          resolve(isConfirmed);
        };
        this.#pending.add(settle);
        channel.sendToQueue(queue, Buffer.from(entry), { persistent: true }, (error: unknown) =>
          settle(error === null),
        );
      });
      if (isConfirmed) return;
      this.#channel = null;
      await pause(pollMs);
    }
  }

  async close(): Promise<void> {
    const channel = await this.#channel;
    await channel?.close();
  }

  async #connect(): Promise<ConfirmChannel> {
    for (let at = 0; ; at += 1) {
      try {
        const connection = await connectAmqp(this.#endpoints[at % this.#endpoints.length] ?? "");
        connection.on("error", () => undefined);
        const channel = await connection.createConfirmChannel();
        channel.on("error", () => undefined);
        channel.once("close", () => {
          for (const settle of this.#pending) settle(false);
        });
        return channel;
      } catch {
        await pause(pollMs);
      }
    }
  }
}

async function connect(endpoints: readonly string[]): Promise<Publisher> {
  const publisher = new RabbitPublisher(endpoints);
  await publisher.channel();
  return publisher;
}

export const rabbitmq: System = {
  name: "rabbitmq",
  durability: "synced by two of three",
  isInstalled: () => isCommand("rabbitmq-server"),
  launch: (where: Where): Running => new RabbitCluster(where),
  connect,
};
