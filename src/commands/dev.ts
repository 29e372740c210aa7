/**
 * `kibitz dev`: a cluster of node processes on this computer. Starts them, says when they are ready
 * and when one dies, and stops them all together. Restarts nothing, and is not part of the cluster
 * itself.
 */
import { createServer } from "node:net";
import { relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KibitzerClient } from "../client.ts";
import { CommandError } from "./command-error.ts";
import { planDev, removeDevPlan, removeStale, writeDevRecord } from "./dev-directory.ts";
import type { DevNodePlan, DevPlan } from "./dev-directory.ts";
import { DevNode, exitText, type DevNodeExit } from "./dev-node.ts";
import { untilReady } from "./dev-ready.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";

/** Longer than a node takes at most for its graceful stop. */
const stopMsMax = 15_000;
/** How often a cluster that is not ready says what it is waiting for. */
const patienceMs = 10_000;

export interface DevOptions {
  readonly nodes: number;
  readonly port: number;
  readonly data: string;
  readonly fresh?: boolean;
  readonly kv?: boolean;
  readonly logLevel: string;
  readonly json?: boolean;
  readonly given: { readonly nodes: boolean; readonly port: boolean };
}

export async function dev(options: DevOptions, output: Output): Promise<number> {
  const plan = planDev({ ...options, fresh: options.fresh === true });
  await checkPorts(plan);
  removeStale(plan);
  writeDevRecord(plan, plan.wasReady);
  const cluster = new DevCluster(plan, options, output);
  using interruption = watchInterruption((name) => {
    cluster.kill();
    process.exit(name === "SIGINT" ? exitCodes.interrupted : 143);
  });
  try {
    await cluster.run(interruption.signal);
  } finally {
    await cluster.stop();
  }
  if (cluster.failure !== null) {
    if (plan.isNew) removeDevPlan(plan);
    throw cluster.failure;
  }
  return interruption.name === "SIGINT" ? exitCodes.interrupted : exitCodes.ok;
}

class DevCluster {
  /** Why the cluster never became ready; null when it did, or when it was stopped before. */
  failure: CommandError | null = null;
  readonly #plan: DevPlan;
  readonly #options: DevOptions;
  readonly #output: Output;
  readonly #nodes: readonly DevNode[];
  readonly #end = new AbortController();
  #isReady = false;
  /** How many nodes ended because they do not belong to the republic any more. */
  #exiled = 0;
  #waitingFor = "the nodes start";
  #isStopping = false;

  constructor(plan: DevPlan, options: DevOptions, output: Output) {
    this.#plan = plan;
    this.#options = options;
    this.#output = output;
    // Once it is ready there is little left to print; a reader that left does not end a cluster.
    output.closed = (): void => {
      if (!this.#isReady) this.#end.abort();
    };
    this.#nodes = plan.members.map((member) => new DevNode(member, this.#argumentsOf(member)));
    for (const node of this.#nodes) void node.exited.then((exit) => this.#onExit(node, exit));
  }

  /** Until it is interrupted, or fails to become ready. Nodes that die do not end it. */
  async run(interrupted: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([interrupted, this.#end.signal]);
    // When every node is gone, nothing else keeps this process.
    const stay = setInterval(() => undefined, patienceMs);
    try {
      await this.#untilReady(signal);
      this.#isReady = true;
      writeDevRecord(this.#plan, true);
      this.#tellReady();
      await aborted(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      clearInterval(stay);
    }
  }

  /** One signal to each node; resolves when all have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const node of this.#nodes) node.stop();
    const late = new AbortController();
    const bound = delay(stopMsMax, undefined, { signal: late.signal }).then(
      () => this.kill(),
      () => undefined,
    );
    await Promise.all(this.#nodes.map((node) => node.exited));
    late.abort();
    await bound;
  }

  kill(): void {
    for (const node of this.#nodes) node.kill();
  }

  async #untilReady(signal: AbortSignal): Promise<void> {
    const impatience = setInterval(() => {
      this.#output.note(`kibitz: not ready yet: ${this.#waitingFor}`);
    }, patienceMs);
    const clients = new Map<DevNode, KibitzerClient>();
    try {
      for (const node of this.#nodes) {
        this.#waitingFor = `node ${node.plan.id} does not listen`;
        if (await unlessAborted(node.listening, signal)) this.#tellNode(node);
      }
      for (const node of this.#nodes) {
        this.#waitingFor = `node ${node.plan.id} has not caught up`;
        if (!(await unlessAborted(node.ready, signal))) continue;
        const client = await connectTo(node, signal);
        if (client !== null) clients.set(node, client);
      }
      const living = (): readonly KibitzerClient[] =>
        [...clients].filter(([node]) => node.isAlive).map(([, client]) => client);
      const waiting = (missing: string): void => {
        this.#waitingFor = missing;
      };
      const expected = (): number => this.#plan.nodes - this.#exiled;
      await untilReady(living, expected, { signal, waiting });
    } finally {
      clearInterval(impatience);
      await Promise.allSettled([...clients.values()].map(async (client) => await client.close()));
    }
  }

  #argumentsOf({ id, url, data }: DevNodePlan): readonly string[] {
    const always = ["--json", "--no-config", "--until-stdin-ends"];
    const log = ["--log-level", this.#options.logLevel];
    const founder = this.#plan.members[0]?.url ?? "";
    const entry = id === "a" ? ["--bootstrap", "dev"] : ["--join", founder];
    const map = this.#options.kv === true ? ["--kv"] : [];
    return [
      ...always,
      ...log,
      ...map,
      "--data",
      data,
      "--id",
      id,
      "--listen",
      url,
      ...entry,
      "--if-new",
    ];
  }

  #tellNode(node: DevNode): void {
    const { id, url, data } = node.plan;
    const { pid } = node;
    if (this.#options.json === true) this.#output.json({ event: "node", id, url, pid, data });
    else this.#output.line(`${id}  ${url}  pid ${pid}  ${shortPath(data)}`);
  }

  #tellReady(): void {
    const endpoints = this.#plan.members.map(({ url }) => url);
    if (this.#options.json === true) {
      this.#output.json({ event: "ready", endpoints });
      return;
    }
    this.#output.line(`ready  ${endpoints.join(",")}`);
    this.#output.note(`Try: kibitz publish hello --endpoints ${endpoints[0]}. Ctrl-C stops all.`);
  }

  #onExit(node: DevNode, exit: DevNodeExit): void {
    const { id, data } = node.plan;
    if (this.#options.json === true) this.#output.json({ event: "exit", id, ...exit });
    else {
      const how = exit.signal ?? `code ${exit.code}`;
      const start = `--data ${shortPath(data)}${this.#options.kv === true ? " --kv" : ""}`;
      const text = this.#isStopping ? how : exitText(exit, start);
      this.#output.line(`exit  ${id}  ${text}`);
    }
    if (exit.code === exitCodes.notAllowed) this.#exiled += 1;
    if (this.#isStopping) return;
    if (!this.#isReady) this.#onEarlyExit(node, exit);
    else if (this.#nodes.every(({ isAlive }) => !isAlive)) {
      this.#output.note("All nodes are down. Revive them, or stop with Ctrl-C.");
    }
  }

  /** A node ended while the others were still getting ready. */
  #onEarlyExit(node: DevNode, { code, signal }: DevNodeExit): void {
    const isLast = this.#nodes.every((other) => !other.isAlive);
    // An established cluster is made for losing a node; one that was never whole is not.
    if (this.#plan.wasReady && !isLast && code !== exitCodes.conflict) return;
    this.failure ??= new CommandError(
      code === null || code === 0 ? exitCodes.failure : code,
      `Node ${node.plan.id} ended (${signal ?? `code ${code}`}) before the cluster was ready; ` +
        `all nodes are stopped.`,
    );
    this.#end.abort();
  }
}

/** @throws {CommandError} naming the ports that somebody else holds; nothing was started then. */
async function checkPorts(plan: DevPlan): Promise<void> {
  const taken: number[] = [];
  for (const port of plan.ports) {
    if (!(await isFree(port))) taken.push(port);
  }
  if (taken.length === 0) return;
  throw new CommandError(
    exitCodes.conflict,
    `Port ${taken.join(", ")} on 127.0.0.1 is in use, by an earlier kibitz dev perhaps. ` +
      `Stop what listens there, or choose other ports with --port (and another --data). ` +
      `Nothing was started.`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
  });
}

/** Null when the node ended in the meantime, which is told elsewhere. */
async function connectTo(node: DevNode, signal: AbortSignal): Promise<KibitzerClient | null> {
  try {
    return await KibitzerClient.connect([node.plan.url], { signal });
  } catch (error) {
    if (node.isAlive) throw error;
    return null;
  }
}

async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const value = await Promise.race([promise, aborted(signal)]);
  signal.throwIfAborted();
  return value ?? (await promise);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
