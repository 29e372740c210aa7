/** Processes of one system: started at once, killed and started again one by one. */
import { setTimeout as pause } from "node:timers/promises";
import type { ServerProcess } from "../processes.ts";
import type { Killing, Running } from "./system.ts";

/** Of the nodes, where there are three. */
export const places = [0, 1, 2] as const;
export const pollMs = 20;

export abstract class Cluster implements Running, Killing {
  readonly endpoints: readonly string[];
  readonly #nodes: ServerProcess[] = [];

  constructor(endpoints: readonly string[]) {
    this.endpoints = endpoints;
  }

  get killing(): Killing {
    return this;
  }

  pids(): readonly number[] {
    return this.#nodes.map(({ pid }) => pid);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGTERM")));
  }

  async leader(): Promise<number> {
    for (;;) {
      const at = await this.leaderNow();
      if (at !== -1) return at;
      await pause(pollMs);
    }
  }

  async kill(at: number): Promise<void> {
    await this.end(at, "SIGKILL");
  }

  async restart(at: number): Promise<void> {
    this.startAgain(at);
    await this.whole();
  }

  abstract whole(): Promise<void>;

  /** To be called once the system's own fields are set. */
  protected startAll(): void {
    for (const at of this.endpoints.keys()) this.#nodes[at] = this.startNode(at, true);
  }

  /** Resolves once each of them has said so. */
  protected async allSay(text: string): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => await node.says(text)));
  }

  protected async end(at: number, signal: NodeJS.Signals): Promise<void> {
    await this.#nodes[at]?.end(signal);
  }

  /** On the directory that it has. */
  protected startAgain(at: number): ServerProcess {
    const node = this.startNode(at, false);
    this.#nodes[at] = node;
    return node;
  }

  /** @param isFirst Whether its directory is empty. */
  protected abstract startNode(at: number, isFirst: boolean): ServerProcess;

  /** The place of the leader, or -1 while nobody knows one. */
  protected abstract leaderNow(): Promise<number>;
}
