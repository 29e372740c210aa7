/**
 * A crowd at three nodes: a thousand subscribers over SSE and WebSocket, two hundred publishers,
 * one reader who never reads, one who talks rubbish, and floods of ten times what a node takes.
 * Memory stays bounded, who is refused is told so, the government stays, and nothing acknowledged
 * is lost.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { httpLimits } from "../../src/http/http-limits.ts";
import { KibitzerClient } from "../../src/index.ts";
import { transportLimits } from "../../transport/index.ts";
import { Cluster } from "../processes/cluster.ts";
import { eventually, Kit } from "../processes/kit.ts";

const subscribersEach = 500;
const publishersEach = 100;
const entriesEach = Number(process.env["ROUNDS"] ?? 3);
/** Before anybody subscribes, so that who never reads stalls at once: more than buffers hold. */
const seeds = 24;
const memoryMax = 640 * 1024 * 1024;

interface Target {
  readonly host: string;
  readonly port: number;
}

/** What somebody was told: that each index comes after the one before, and up to which. */
class Sequence {
  last: number;
  faults = 0;
  constructor(last: number) {
    this.last = last;
  }
  take(index: number): void {
    if (index !== this.last + 1) this.faults += 1;
    this.last = index;
  }
}

function visit({ host, port }: Target, text: string | Uint8Array): Socket {
  const socket = connect(port, host);
  socket.on("error", () => undefined);
  socket.write(text);
  return socket;
}

/** Also when it is reset, which is one way of ending. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}

/** Follows as events; looks at the ids alone, as there are many of them. */
function subscribe(target: Target, from: number): Sequence {
  const sequence = new Sequence(from - 1);
  const socket = visit(
    target,
    `GET /v1/entries?from=${from} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`,
  );
  let rest = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    const text = rest + chunk;
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    for (const [, id] of text.slice(0, end).matchAll(/^id: (\d+)$/gm)) sequence.take(Number(id));
  });
  return sequence;
}

function follow(client: KibitzerClient, from: number): Sequence {
  const sequence = new Sequence(from - 1);
  const read = async (): Promise<void> => {
    for await (const { index } of client.entries({ from })) sequence.take(index);
  };
  read().catch(() => (sequence.faults += 1));
  return sequence;
}

interface Answer {
  readonly status: number;
  readonly document: Readonly<Record<string, unknown>>;
}

async function post(
  { host, port }: Target,
  path: string,
  {
    body = "",
    headers = {},
    agent,
  }: { body?: string | Uint8Array; headers?: object; agent?: Agent },
): Promise<Answer> {
  const options = { host, port, path, method: "POST", headers: { ...headers } };
  const asking = request({ ...options, ...(agent === undefined ? {} : { agent }) });
  asking.end(body);
  const [response] = await once(asking, "response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, document: JSON.parse(text) };
}

/** All that was acknowledged, by index. */
type Acknowledged = Map<number, string>;

async function publishOverHttp(target: Target, agent: Agent, told: Acknowledged): Promise<void> {
  const { document } = await post(target, "/v1/publishers", { agent });
  const publisher = String(document["publisher"]);
  for (let sequence = 1; sequence <= entriesEach; sequence += 1) {
    const body = `${publisher}/${sequence}`;
    const headers = { "Kibitz-Publisher": publisher, "Kibitz-Sequence": String(sequence) };
    let answer: Answer | null = null;
    while (answer?.status !== 200) {
      // A connection that ends under a request says nothing of it: sent again, it has one effect.
      answer = await post(target, "/v1/entries", { body, headers, agent }).catch(() => null);
      const isFinal = answer !== null && answer.document["retryable"] === false;
      assert.ok(!isFinal, JSON.stringify(answer));
    }
    told.set(Number(answer.document["index"]), body);
  }
}

async function publishAsClient(client: KibitzerClient, told: Acknowledged): Promise<void> {
  for (let entry = 1; entry <= entriesEach; entry += 1) {
    const { index } = await client.publish(`client ${entry}`);
    told.set(index, `client ${entry}`);
  }
}

/** What nobody who knows the protocols would send; until `signal` aborts. */
async function rubbish(targets: readonly Target[], signal: AbortSignal): Promise<number> {
  const said = [
    new Uint8Array(2000).fill(0xa5),
    "GET / HTTP/9.9\r\n\r\n",
    "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    "POST /v1/entries HTTP/1.1\r\nHost: a\r\nKibitz-Sequence: x\r\nContent-Length: 1\r\n\r\nx",
    "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100),
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\0\0\0",
  ];
  let count = 0;
  for (; !signal.aborted; count += 1) {
    const target = targets[count % targets.length];
    assert.ok(target !== undefined);
    const socket = visit(target, said[count % said.length] ?? "");
    socket.resume();
    await Promise.race([closed(socket), pause(20)]);
    socket.destroy();
  }
  return count;
}

interface Flood {
  readonly sent: number;
  readonly taken: number;
  readonly busy: number;
  /** Taken, and not decided in time: it may be yet. */
  readonly late: number;
  /** Without an answer: refused at the socket, or not whole. */
  readonly silent: number;
}

/** Connections that a flood makes in each turn, and ms between two: 5,000 a second. */
const burst = 100;
const burstMs = 20;

/** Sends `count` texts, each on a connection of its own, and counts the answers. */
async function flood(target: Target, count: number, text: string | Uint8Array): Promise<Flood> {
  const answers = Array.from({ length: count }, async (_, turn) => {
    await pause(Math.floor(turn / burst) * burstMs);
    const socket = visit(target, text);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
      if (answer.includes("}")) socket.destroy();
    });
    await Promise.race([closed(socket), pause(8000)]);
    socket.destroy();
    return answer;
  });
  const all = await Promise.all(answers);
  const taken = all.filter((answer) => answer.startsWith("HTTP/1.1 200")).length;
  const busy = all.filter((answer) => answer.startsWith("HTTP/1.1 503"));
  // A connection that is closed under what it still sends may lose the end of its answer.
  for (const answer of busy.filter((answer) => answer.includes("}"))) {
    assert.match(answer, /"code":"KBZ_(BUSY|NO_QUORUM)","retryable":true,"outcome":"none"/);
  }
  const late = all.filter((answer) => answer.startsWith("HTTP/1.1 504")).length;
  const silent = all.filter((answer) => answer === "").length;
  const statuses = new Set(all.map((answer) => answer.slice(0, "HTTP/1.1 200".length)));
  assert.equal(taken + busy.length + late + silent, count, [...statuses].join(", "));
  return { sent: count, taken, busy: busy.length, late, silent };
}

/** Bytes of memory of a process: the most it had, or now. */
function memoryOf(pid: number, which: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

const MiB = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

/** Three nodes with a log that is longer than what buffers on the way to a reader hold. */
async function seeded(cluster: Cluster): Promise<readonly Target[]> {
  const targets = cluster.nodes.map(({ url }) => ({
    host: "127.0.0.1",
    port: Number(new URL(url).port),
  }));
  const [first] = targets;
  assert.ok(first !== undefined);
  const body = new Uint8Array(1_048_576).fill(120);
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { document } = await post(first, "/v1/entries", { body });
    assert.equal(document["index"], seed);
  }
  return targets;
}

/** Some at a time: they are to be a crowd, not a flood. */
async function clientsOf(
  cluster: Cluster,
  count: number,
  clients: KibitzerClient[],
): Promise<void> {
  const urls = cluster.nodes.map(({ url }) => url);
  while (clients.length < count) {
    const some = Array.from({ length: 30 }, async (_, at) => {
      const turn = at % urls.length;
      const client = await KibitzerClient.connect([...urls.slice(turn), ...urls.slice(0, turn)]);
      clients.push(client);
    });
    await Promise.all(some);
  }
}

/** A subscriber that asks for all of the log and takes nothing of it. */
function neverRead(target: Target): Socket {
  const text =
    "GET /v1/entries?from=1 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
  const socket = visit(target, text);
  socket.pause();
  return socket;
}

test("a crowd, a reader who never reads, rubbish and floods", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const targets = await seeded(cluster);
  const pids = cluster.ids.map((id) => cluster.child(id).pid);
  const leader = await cluster.leader();
  const target = targets[cluster.ids.indexOf(leader)];
  assert.ok(target !== undefined);
  const at = (turn: number): Target => targets[turn % targets.length] ?? target;
  const before = await cluster.whole();
  const atRest = pids.map((pid) => memoryOf(pid, "VmRSS"));

  const silent = neverRead(target);
  const silentUntil = performance.now() + httpLimits.stallMs + 2000;
  const clients: KibitzerClient[] = [];
  t.after(async () => await Promise.all(clients.map(async (client) => await client.close())));
  await clientsOf(cluster, subscribersEach + publishersEach, clients);
  const from = seeds + 1;
  const subscribers = [
    ...Array.from({ length: subscribersEach }, (_, turn) => subscribe(at(turn), from)),
    ...clients.slice(0, subscribersEach).map((client) => follow(client, from)),
  ];
  const over = new AbortController();
  t.after(() => over.abort());
  const talking = rubbish(targets, over.signal);
  const acknowledged: Acknowledged = new Map();
  const begun = performance.now();
  const agents = targets.map(() => new Agent({ keepAlive: true }));
  t.after(() => agents.forEach((agent) => agent.destroy()));
  await Promise.all([
    ...clients.slice(subscribersEach).map(async (one) => await publishAsClient(one, acknowledged)),
    ...Array.from({ length: publishersEach }, async (_, turn) => {
      const agent = agents[turn % targets.length];
      assert.ok(agent !== undefined);
      await publishOverHttp(at(turn), agent, acknowledged);
    }),
  ]);
  const seconds = (performance.now() - begun) / 1000;
  const crowded = pids.map((pid) => memoryOf(pid, "VmRSS"));

  const head = "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Length:";
  const requests = await flood(target, 10 * freePlaces(), `${head} 5\r\n\r\nflood`);
  const partly = Buffer.concat([Buffer.from(`${head} 1048576\r\n\r\n`), Buffer.alloc(1_048_575)]);
  const bodies = await flood(target, (10 * httpLimits.bodiesBytesMax) / 1_048_576, partly);
  over.abort();
  const rubbishSaid = await talking;

  const after = await cluster.whole();
  const last = after.decided.index;
  await eventually("all subscribers are up to date", async () =>
    Promise.resolve(subscribers.every((one) => one.last >= last) || null),
  );
  const peak = pids.map((pid) => memoryOf(pid, "VmHWM"));
  const each = `${subscribersEach} over SSE, ${subscribersEach} clients`;
  t.diagnostic(`${each}; ${2 * publishersEach} publishers: ${acknowledged.size} entries`);
  t.diagnostic(`in ${seconds.toFixed(1)} s; ${rubbishSaid} times rubbish`);
  t.diagnostic(`flood of requests: ${JSON.stringify(requests)}`);
  t.diagnostic(`flood of bodies: ${JSON.stringify(bodies)}`);
  t.diagnostic(`leaders in between: ${after.ballot.round - before.ballot.round}`);
  t.diagnostic(`memory of each node at rest: ${atRest.map(MiB).join(", ")}`);
  t.diagnostic(
    `with the crowd: ${crowded.map(MiB).join(", ")}; at most: ${peak.map(MiB).join(", ")}`,
  );

  assert.deepEqual(
    subscribers.filter(({ faults, last: told }) => faults > 0 || told !== last).length,
    0,
    "each index once, in order, to each",
  );
  assert.equal(acknowledged.size, 2 * publishersEach * entriesEach);
  assert.ok(requests.busy > 0 && bodies.busy > 0, "who is refused is told so");
  assert.equal(after.government.number, before.government.number);
  for (const bytes of peak) assert.ok(bytes < memoryMax, `${MiB(bytes)} of memory`);
  await checkLog(at(1), acknowledged, last);
  await checkCutOff(silent, { last, silentUntil });
});

/** How many connections more one node takes of those that anybody may have, at most. */
function freePlaces(): number {
  const taken = (subscribersEach * 3 + publishersEach * 3) / 3;
  return transportLimits.connectionsMax - taken;
}

async function checkLog({ host, port }: Target, told: Acknowledged, last: number): Promise<void> {
  const response = await fetch(`http://${host}:${port}/v1/entries?from=${seeds + 1}`);
  const lines = (await response.text()).split("\n").slice(0, -1);
  const entries = lines.map((line): { index: number; text: string } => JSON.parse(line));
  assert.equal(entries.length, last - seeds);
  const texts = new Map(entries.map(({ index, text }) => [index, text]));
  for (const [index, text] of told) assert.equal(texts.get(index), text);
}

/** Whoever never read has lost its stream, and learns of it when it reads at last. */
async function checkCutOff(
  silent: Socket,
  { last, silentUntil }: { readonly last: number; readonly silentUntil: number },
): Promise<void> {
  await pause(Math.max(0, silentUntil - performance.now()));
  let text = "";
  silent.setEncoding("latin1");
  silent.on("data", (chunk: string) => (text = (text + chunk).slice(-200_000)));
  silent.resume();
  await closed(silent);
  assert.doesNotMatch(text, new RegExp(`^id: ${last}$`, "m"));
}
