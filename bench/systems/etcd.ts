/** etcd with its default settings: each write is synced by a majority before it is acknowledged. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Etcd3 } from "etcd3";
import { isCommand, ServerProcess } from "../processes.ts";
import type { Killing, Publisher, Running, System, Where } from "./system.ts";

const count = 3;
const pollMs = 20;
const peerPorts = 3;

class EtcdCluster implements Running, Killing {
  readonly endpoints: readonly string[];
  readonly #where: Where;
  readonly #nodes: ServerProcess[] = [];

  constructor(where: Where) {
    this.#where = where;
    this.endpoints = places().map((at) => `http://127.0.0.1:${where.port + at}`);
    for (const at of places()) this.#startNode(at);
  }

  get killing(): Killing {
    return this;
  }

  pids(): readonly number[] {
    return this.#nodes.map(({ pid }) => pid);
  }

  async whole(): Promise<void> {
    for (const endpoint of this.endpoints) {
      while ((await leaderAt(endpoint)) === null) await pause(pollMs);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGTERM")));
  }

  async leader(): Promise<number> {
    for (;;) {
      const members = await Promise.all(this.endpoints.map(leaderAt));
      const at = members.findIndex((member) => member?.isLeader === true);
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

  #peerUrl(at: number): string {
    return `http://127.0.0.1:${this.#where.port + peerPorts + at}`;
  }

  #startNode(at: number): void {
    const all = places().map((other) => `node-${other}=${this.#peerUrl(other)}`);
    const url = this.endpoints[at] ?? "";
    const flags = {
      name: `node-${at}`,
      "data-dir": join(this.#where.directory, `node-${at}`),
      "listen-client-urls": url,
      "advertise-client-urls": url,
      "listen-peer-urls": this.#peerUrl(at),
      "initial-advertise-peer-urls": this.#peerUrl(at),
      "initial-cluster": all.join(","),
      "initial-cluster-state": "new",
      logger: "zap",
      "log-level": "fatal",
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    this.#nodes[at] = new ServerProcess(["etcd", ...args]);
  }
}

function places(): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

/** Null while the member knows no leader. */
async function leaderAt(endpoint: string): Promise<{ readonly isLeader: boolean } | null> {
  const client = new Etcd3({ hosts: endpoint, dialTimeout: 1000 });
  try {
    const { leader, header } = await client.maintenance.status();
    return leader === "0" ? null : { isLeader: leader === header.member_id };
  } catch {
    return null;
  } finally {
    client.close();
  }
}

async function connect(endpoints: readonly string[]): Promise<Publisher> {
  const client = new Etcd3({ hosts: [...endpoints] });
  let written = 0;
  const publisher: Publisher = {
    publish: (entry) => {
      written += 1;
      return client.put(`log/${process.pid}/${written}`).value(asBuffer(entry)).exec();
    },
    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
  return await Promise.resolve(publisher);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export const etcd: System = {
  name: "etcd",
  durability: "synced by two of three",
  isInstalled: () => isCommand("etcd"),
  launch: (where: Where): Running => new EtcdCluster(where),
  connect,
};
