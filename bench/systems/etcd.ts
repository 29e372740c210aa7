/** etcd with its default settings: each write is synced by a majority before it is acknowledged. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Etcd3 } from "etcd3";
import { isCommand, ServerProcess } from "../processes.ts";
import { Cluster, places, pollMs } from "./cluster.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

const peerPorts = 3;

class EtcdCluster extends Cluster {
  readonly #where: Where;

  constructor(where: Where) {
    super(places.map((at) => `http://127.0.0.1:${where.port + at}`));
    this.#where = where;
    this.startAll();
  }

  async whole(): Promise<void> {
    for (const endpoint of this.endpoints) {
      while ((await leaderAt(endpoint)) === null) await pause(pollMs);
    }
  }

  protected async leaderNow(): Promise<number> {
    const members = await Promise.all(this.endpoints.map(leaderAt));
    return members.findIndex((member) => member?.isLeader === true);
  }

  #peerUrl(at: number): string {
    return `http://127.0.0.1:${this.#where.port + peerPorts + at}`;
  }

  protected startNode(at: number): ServerProcess {
    const all = places.map((other) => `node-${other}=${this.#peerUrl(other)}`);
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
    return new ServerProcess(["etcd", ...args]);
  }
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
