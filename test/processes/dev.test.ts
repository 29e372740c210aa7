/**
 * `npm start` and `kibitz dev`: a cluster in one command, that tells what happens and ends whole.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { root, type Child } from "./child.ts";
import { eventually, freePorts, Kit } from "./kit.ts";

interface DevNode {
  readonly id: string;
  readonly url: string;
  readonly pid: number;
  readonly data: string;
}

async function startDev(
  kit: Kit,
  port: number,
): Promise<{ dev: Child; nodes: readonly DevNode[] }> {
  const args = ["dev", "--json", "--data", kit.path("dev"), "--port", String(port)];
  const dev = kit.start(args);
  const { endpoints } = await dev.untilEvent("ready");
  const nodes = dev.lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "node");
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ["a", "b", "c"],
  );
  assert.deepEqual(
    endpoints,
    nodes.map(({ url }) => url),
  );
  return { dev, nodes };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself, as it should.
  }
}

async function allGone(nodes: readonly DevNode[]): Promise<void> {
  await eventually("the nodes' end", async () => nodes.every(({ pid }) => !isAlive(pid)) || null);
}

function exitsOf(
  dev: Child,
): readonly { id: string; code: number | null; signal: string | null }[] {
  return dev.lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "exit");
}

test("dev: start revives a node that died; Ctrl-C stops all; the next run goes on", async (t) => {
  const kit = Kit.open(t);
  const port = await freePorts(3);
  const { dev, nodes } = await startDev(kit, port);
  const endpoints = nodes.map(({ url }) => url).join(",");
  const one = await kit.ask(["publish", "one", "--endpoints", endpoints]);
  assert.deepEqual(one.lines, ["1"]);

  const [first] = nodes;
  assert(first !== undefined);
  process.kill(first.pid, "SIGKILL");
  const exit = await dev.untilEvent("exit");
  assert.deepEqual(exit, { event: "exit", id: "a", code: null, signal: "SIGKILL" });
  const two = await kit.ask(["publish", "two", "--endpoints", endpoints]);
  assert.deepEqual(two.lines, ["2"]);
  const revived = kit.start(["start", "--data", first.data, "--json"]);
  await revived.untilEvent("ready");
  const raw = await kit.ask(["tail", "--endpoints", first.url]);
  assert.deepEqual(raw.lines, ["one", "two"]);
  assert.deepEqual(await revived.kill("SIGTERM"), { code: 0, signal: null });

  assert.deepEqual(await dev.kill("SIGINT"), { code: 130, signal: null }, dev.stderr);
  await allGone(nodes);
  for (const { id, code } of exitsOf(dev).slice(1)) assert.equal(code, 0, `${id} stops cleanly`);
  assert.equal(exitsOf(dev).length, 3, "each end is told once");

  const again = await startDev(kit, port);
  const after = await kit.ask(["tail", "--endpoints", again.nodes[2]?.url ?? ""]);
  assert.deepEqual(after.lines, ["one", "two"]);
  assert.deepEqual(await again.dev.kill("SIGTERM"), { code: 0, signal: null });
  await allGone(again.nodes);
});

test("dev that is killed takes its nodes along", async (t) => {
  const kit = Kit.open(t);
  const { dev, nodes } = await startDev(kit, await freePorts(3));
  for (const { pid } of nodes) assert.ok(isAlive(pid));
  dev.signal("SIGKILL");
  await allGone(nodes);
  assert.equal((await dev.ended()).signal, "SIGKILL");
});

test("dev stays when its last node has died, and lets it be revived", async (t) => {
  const kit = Kit.open(t);
  const port = await freePorts(1);
  const dev = kit.start(["dev", "--nodes", "1", "--data", kit.path("dev"), "--port", `${port}`]);
  await dev.until("ready", () => dev.lines.find((line) => line.startsWith("ready")) ?? null);
  const pid = Number(/pid (\d+)/.exec(dev.lines[0] ?? "")?.[1]);
  process.kill(pid, "SIGKILL");
  const told = /^exit {2}a {2}SIGKILL; kibitz start --data .* revives it$/;
  await dev.until("its end", () => dev.lines.find((line) => told.test(line)) ?? null);
  await dev.until("advice", () => /All nodes are down/.exec(dev.stderr));
  const revived = kit.start(["start", "--data", kit.path("dev", "a"), "--json"]);
  await revived.untilEvent("ready");
  assert.deepEqual(await revived.kill("SIGTERM"), { code: 0, signal: null });
  assert.deepEqual(await dev.kill("SIGINT"), { code: 130, signal: null }, dev.stderr);
});

test('npm start brings up three nodes and says "ready"; SIGTERM for npm stops them', async (t) => {
  const kit = Kit.open(t);
  const port = await freePorts(3);
  const args = [
    "start",
    "--silent",
    "--",
    "--json",
    "--data",
    kit.path("dev"),
    "--port",
    `${port}`,
  ];
  const npm = spawn("npm", args, {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own, so that the end of this test reaches all that npm started.
    detached: true,
  });
  t.after(() => endGroup(npm.pid));
  let said = "";
  const gone = once(npm, "close");
  npm.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const nodes = await eventually("ready", async () => {
    const lines = said
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    if (!lines.some(({ event }) => event === "ready")) return null;
    return lines.filter(({ event }) => event === "node");
  });
  assert.equal(nodes.length, 3);
  npm.kill("SIGTERM");
  await gone;
  await allGone(nodes);
});
