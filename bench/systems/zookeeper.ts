/** ZooKeeper with its default settings: each write is synced by a majority. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import zookeeperClient from "node-zookeeper-client";
import { isCommand, ServerProcess } from "../processes.ts";
import { Cluster, places, pollMs } from "./cluster.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

const quorumPorts = 3;
const electionPorts = 6;
const jar = "/usr/share/java/zookeeper.jar";
const parent = "/bench";

class ZooKeeperCluster extends Cluster {
  readonly #where: Where;

  constructor(where: Where) {
    super(places.map((at) => `127.0.0.1:${where.port + at}`));
    this.#where = where;
    for (const at of places) writeFileSync(this.#configOf(at), configuration(where, at));
    this.startAll();
  }

  async whole(): Promise<void> {
    for (const at of places) {
      while ((await this.#modeOf(at)) === null) await pause(pollMs);
    }
    const client = await session(this.endpoints);
    await new Promise<void>((resolve) => client.create(parent, () => resolve()));
    client.close();
  }

  protected async leaderNow(): Promise<number> {
    const modes = await Promise.all(places.map(async (at) => await this.#modeOf(at)));
    return modes.indexOf("leader");
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

  protected startNode(at: number): ServerProcess {
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    return new ServerProcess(["java", "-cp", jar, main, this.#configOf(at)]);
  }
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
    ...places.map((other) => `server.${other + 1}=127.0.0.1:${ports(other)}`),
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
