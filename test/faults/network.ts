/**
 * A network of the attacks' own: a bridge, a network namespace for each node, and packet filters
 * between them. It lives in the namespaces of the process that opened it, so that nothing of it
 * outlives that process, however it ends.
 */
import { mkdirSync } from "node:fs";
import { feed, run } from "./system.ts";

const bridge = "bridge0";
/** Where this process itself is in the network, as the clients and proxies in it are. */
export const ownAddress = "10.77.255.254";
const prefixBits = 16;
const scenesMax = 250;

export interface Host {
  /** Of the node that is there. */
  readonly id: string;
  readonly namespace: string;
  readonly address: string;
}

/** Packets of `from` that do not arrive at `to`. */
export interface Cut {
  readonly from: Host | typeof ownAddress;
  readonly to: Host;
  /** Only what is sent to this port; default all. */
  readonly port?: number;
}

/** Makes the network of this process, which must be alone in a network and a mount namespace. */
export async function openNetwork(): Promise<void> {
  mkdirSync("/run/netns", { recursive: true });
  await run("mount", "-t", "tmpfs", "none", "/run/netns");
  await run("ip", "link", "set", "lo", "up");
  await run("ip", "link", "add", bridge, "type", "bridge");
  await run("ip", "addr", "add", `${ownAddress}/${prefixBits}`, "dev", bridge);
  await run("ip", "link", "set", bridge, "up");
}

/** The hosts of one attack. */
export class Hosts {
  readonly #scene: number;
  readonly #hosts: Host[] = [];
  /** Where there are rules. */
  readonly #filtered = new Set<Host>();
  readonly #told: (what: string, at: string) => void;
  /** Of rules that are gone. */
  #dropped = 0;

  /**
   * @param scene Tells the hosts of attacks at the same time apart; from 1.
   * @param told Hears what is cut and healed.
   */
  constructor(scene: number, told: (what: string, at: string) => void) {
    this.#scene = ((scene - 1) % scenesMax) + 1;
    this.#told = told;
  }

  async add(ids: readonly string[]): Promise<readonly Host[]> {
    const added = ids.map((id, position) => {
      const name = `${this.#scene}-${position + 1}`;
      return { id, namespace: `n${name}`, address: `10.77.${this.#scene}.${position + 1}` };
    });
    this.#hosts.push(...added);
    await feed(added.map(linesToAdd).join(""), "ip", "-batch", "-");
    await Promise.all(
      added.map(async ({ namespace, address }) => {
        const address16 = `${address}/${prefixBits}`;
        const lines = `addr add ${address16} dev eth0\nlink set eth0 up\nlink set lo up\n`;
        await feed(lines, "ip", "-n", namespace, "-batch", "-");
      }),
    );
    return added;
  }

  /** Cuts in one direction; the other stays open to packets. */
  async cut({ from, to, port }: Cut): Promise<void> {
    const address = typeof from === "string" ? from : from.address;
    const ports = port === undefined ? [] : ["-p", "tcp", "--dport", String(port)];
    const rule = ["-A", "INPUT", "-s", address, ...ports, "-j", "DROP"];
    this.#filtered.add(to);
    this.#told("cut", `${typeof from === "string" ? "clients" : from.id} to ${to.id}`);
    await run(...inside(to), "iptables", "-w", ...rule);
  }

  async cutBoth(one: Host, other: Host): Promise<void> {
    await this.cut({ from: one, to: other });
    await this.cut({ from: other, to: one });
  }

  /** Takes all cuts away. */
  async heal(): Promise<void> {
    for (const host of this.#filtered) {
      this.#told("healed", host.id);
      this.#dropped += await droppedAt(host);
      await run(...inside(host), "iptables", "-w", "-F", "INPUT");
    }
    this.#filtered.clear();
  }

  /** Packets that all cuts so far have taken. */
  async dropped(): Promise<number> {
    let sum = this.#dropped;
    for (const host of this.#filtered) sum += await droppedAt(host);
    return sum;
  }

  async close(): Promise<void> {
    const lines = this.#hosts.map(({ namespace }) => `netns del ${namespace}\n`);
    this.#hosts.length = 0;
    await feed(lines.join(""), "ip", "-batch", "-");
  }
}

/** The beginning of a command that runs at a host. */
export function inside({ namespace }: Host): [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${namespace}`];
}

function linesToAdd({ namespace }: Host): string {
  const outside = `v${namespace}`;
  return (
    `netns add ${namespace}\n` +
    `link add ${outside} type veth peer name eth0 netns ${namespace}\n` +
    `link set ${outside} master ${bridge} up\n`
  );
}

async function droppedAt(host: Host): Promise<number> {
  const listing = await run(...inside(host), "iptables", "-w", "-L", "INPUT", "-v", "-x", "-n");
  const counts = [...listing.matchAll(/^\s*(\d+)\s+\d+\s+DROP\b/gm)].map(([, count]) => count);
  return counts.reduce((sum, count) => sum + Number(count), 0);
}
