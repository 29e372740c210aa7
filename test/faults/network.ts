/**
 * A network of the attacks' own: a bridge, a network namespace for each node, and packet filters
 * between them. It lives in the namespaces of the process that opened it, so that nothing of it
 * outlives that process, however it ends.
 */
import { mkdirSync } from "node:fs";
import { run } from "./system.ts";

const bridge = "bridge0";
/** Where this process itself is in the network, as the clients and proxies in it are. */
export const ownAddress = "10.77.255.254";
const prefixBits = 16;
const scenesMax = 250;

export interface Host {
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
  /** Of rules that are gone. */
  #dropped = 0;

  /** @param scene Tells the hosts of attacks at the same time apart; from 1. */
  constructor(scene: number) {
    this.#scene = ((scene - 1) % scenesMax) + 1;
  }

  async add(): Promise<Host> {
    const position = this.#hosts.length + 1;
    const namespace = `n${this.#scene}-${position}`;
    const address = `10.77.${this.#scene}.${position}`;
    const outside = `v${this.#scene}-${position}`;
    const host = { namespace, address };
    await run("ip", "netns", "add", namespace);
    this.#hosts.push(host);
    const peer = ["peer", "name", "eth0", "netns", namespace];
    await run("ip", "link", "add", outside, "type", "veth", ...peer);
    await run("ip", "link", "set", outside, "master", bridge, "up");
    await run("ip", "-n", namespace, "addr", "add", `${address}/${prefixBits}`, "dev", "eth0");
    await run("ip", "-n", namespace, "link", "set", "eth0", "up");
    await run("ip", "-n", namespace, "link", "set", "lo", "up");
    return host;
  }

  /** Cuts in one direction; the other stays open to packets. */
  async cut({ from, to, port }: Cut): Promise<void> {
    const address = typeof from === "string" ? from : from.address;
    const ports = port === undefined ? [] : ["-p", "tcp", "--dport", String(port)];
    const rule = ["-A", "INPUT", "-s", address, ...ports, "-j", "DROP"];
    await run(...inside(to), "iptables", "-w", ...rule);
  }

  async cutBoth(one: Host, other: Host): Promise<void> {
    await this.cut({ from: one, to: other });
    await this.cut({ from: other, to: one });
  }

  /** Takes all cuts away. */
  async heal(): Promise<void> {
    for (const host of this.#hosts) {
      this.#dropped += await droppedAt(host);
      await run(...inside(host), "iptables", "-w", "-F", "INPUT");
    }
  }

  /** Packets that all cuts so far have taken. */
  async dropped(): Promise<number> {
    let sum = this.#dropped;
    for (const host of this.#hosts) sum += await droppedAt(host);
    return sum;
  }

  async close(): Promise<void> {
    for (const { namespace } of this.#hosts) await run("ip", "netns", "del", namespace);
    this.#hosts.length = 0;
  }
}

/** The beginning of a command that runs at a host. */
export function inside({ namespace }: Host): [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${namespace}`];
}

async function droppedAt(host: Host): Promise<number> {
  const listing = await run(...inside(host), "iptables", "-w", "-L", "INPUT", "-v", "-x", "-n");
  const counts = [...listing.matchAll(/^\s*(\d+)\s+\d+\s+DROP\b/gm)].map(([, count]) => count);
  return counts.reduce((sum, count) => sum + Number(count), 0);
}
