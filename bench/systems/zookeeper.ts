/** ZooKeeper with its default settings: each write is synced by a majority. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import zookeeperClient from "node-zookeeper-client";
import { isCommand, ServerProcess } from "../processes.ts";
import type { Killing, Publisher, Running, System, Where } from "./system.ts";

const count = 3;
const pollMs = 20;
const quorumPorts = 3;
const electionPorts = 6;
const jar = "/usr/share/java/zookeeper.jar";
const parent = "/bench";

class ZooKeeperCluster implements Running, Killing {
  readonly endpoints: readonly string[];
  readonly #where: Where;
  readonly #nodes: ServerProcess[] = [];

  constructor(where: Where) {
    this.#where = where;
    this.endpoints = places().map((at) => `127.0.0.1:${where.port + at}`);
    for (const at of places()) {
      writeFileSync(this.#configOf(at), configuration(where, at));
      this.#startNode(at);
    }
  }

  get killing(): Killing {
    return this;
  }

  pids(): readonly number[] {
    return this.#nodes.map(({ pid }) => pid);
  }

  async whole(): Promise<void> {
    for (const at of places()) {
      while ((await this.#modeOf(at)) === null) await pause(pollMs);
    }
    const client = await session(this.endpoints);
    await new Promise<void>((resolve) => client.create(parent, () => resolve()));
    client.close();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGTERM")));
  }

  async leader(): Promise<number> {
    for (;;) {
      const modes = await Promise.all(places().map(async (at) => await this.#modeOf(at)));
      const at = modes.indexOf("leader");
      if (at !== -1) return at;
      await pause(pollMs);
    }
  }

  async kill(at: number): Promise<void> {
    await this.#nodes[at]?.end("SIGKILL");
  }

  async restart(at: number): Promise<void> {
    this.#startNode(at);
    await this.whole();
  }

  /** Null while it is in no quorum. */
  async #modeOf(at: number): Promise<string | null> {
    const socket = connectSocket(this.#where.port + at, "127.0.0.1");
    try {
      socket.end("srvr");
      return /^Mode: (\w+)$/m.exec(await text(socket))?.[1] ?? null;
    } catch {
      return null;
    }
  }

  #configOf(at: number): string {
    return join(this.#where.directory, `node-${at}.cfg`);
  }

  #startNode(at: number): void {
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    this.#nodes[at] = new ServerProcess(["java", "-cp", jar, main, this.#configOf(at)]);
  }
}

function places(): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

function configuration({ directory, port }: Where, at: number): string {
  const data = join(directory, `node-${at}`);
  mkdirSync(data);
  writeFileSync(join(data, "myid"), `${at + 1}\n`);
  const ports = (other: number): string =>
    `${port + quorumPorts + other}:${port + electionPorts + other}`;
  return [
    "tickTime=2000",
    "initLimit=10",
    "syncLimit=5",
    `dataDir=${data}`,
    `clientPort=${port + at}`,
    "clientPortAddress=127.0.0.1",
    "admin.enableServer=false",
    "4lw.commands.whitelist=srvr",
    ...places().map((other) => `server.${other + 1}=127.0.0.1:${ports(other)}`),
    "",
  ].join("\n");
}

type Client = ReturnType<typeof zookeeperClient.createClient>;

async function session(endpoints: readonly string[]): Promise<Client> {
  const options = { sessionTimeout: 30_000, spinDelay: 50, retries: 1_000 };
  const client = zookeeperClient.createClient(endpoints.join(","), options);
  const connected = new Promise<void>((resolve) => client.once("connected", () => resolve()));
  client.connect();
  await connected;
  return client;
}

async function connect(endpoints: readonly string[]): Promise<Publisher> {
  const client = await session(endpoints);
  return {
    publish: async (entry) => await createUntilDone(client, Buffer.from(entry)),
    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
}

/** Its client gives up when a connection is lost; a write is one that is acknowledged. */
async function createUntilDone(client: Client, data: Buffer): Promise<void> {
  const mode = zookeeperClient.CreateMode.PERSISTENT_SEQUENTIAL;
  for (;;) {
    const isDone = await new Promise<boolean>((resolve) => {
      client.create(`${parent}/e`, data, mode, (error) => resolve(!(error instanceof Error)));
    });
    if (isDone) return;
    await pause(pollMs);
  }
}

export const zookeeper: System = {
  name: "zookeeper",
  durability: "synced by two of three",
  isInstalled: () => isCommand("java") && existsSync(jar),
  launch: (where: Where): Running => new ZooKeeperCluster(where),
  connect,
};
