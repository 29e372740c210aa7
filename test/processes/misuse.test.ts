/**
 * Wrong use and bad luck, as scripts meet them: the exit code, what is said, and what is not done.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import type { Child } from "./child.ts";
import { Cluster } from "./cluster.ts";
import { freePorts, Kit, type Ran } from "./kit.ts";

function refused(ran: Ran, code: number, words: RegExp): void {
  assert.equal(ran.code, code, ran.stderr);
  assert.match(ran.stderr, words);
}

test("without a quorum a publish ends in time, and says what is known", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const leader = await cluster.leader();
  for (const id of cluster.ids) if (id !== leader) await cluster.kill(id);
  const where = ["--endpoints", cluster.node(leader).url, "--timeout", "2s"];
  // Without the limit it would wait for ever, and this for as long as the kit has patience.
  const ran = await kit.ask(["publish", "lost or not", "--json", ...where]);
  assert.ok(ran.code === 3 || ran.code === 7, `${ran.code}: ${ran.stderr}`);
  const told = JSON.parse(ran.lines.at(-1) ?? "");
  assert.equal(told.exitCode, ran.code);
  assert.deepEqual(told.accepted, []);
  const isUnknown = told.unknown.length > 0;
  assert.equal(ran.code === 7, isUnknown, "7 is for what was submitted and may yet be decided");

  for (const id of cluster.ids) if (id !== leader) await cluster.restart(id);
  await cluster.whole();
  const { lines } = await kit.ask(["tail", "--endpoints", cluster.endpoints]);
  if (isUnknown) assert.ok(lines.length <= 1);
  else assert.deepEqual(lines, []);
  const again = await kit.ask(["publish", "after", "--endpoints", cluster.endpoints]);
  assert.deepEqual(again.lines, [String(lines.length + 1)]);
});

test("a port, directory, republic or id that is taken ends with 5, says what to do", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const [port, other] = [await freePorts(1), await freePorts(1)];
  const [a, b] = [cluster.node("a"), cluster.node("b")];
  const listen = ["--listen", `ws://127.0.0.1:${port}`];
  const joining = (id: string): string[] => ["--id", id, ...listen, "--join", a.url];
  const start = async (data: string, ...args: readonly string[]): Promise<Ran> =>
    await kit.run(["start", "--data", data, ...args]);

  const first = ["--id", "x", "--listen", a.url, "--bootstrap", "elsewhere"];
  refused(await start(kit.path("x"), ...first), 5, /in use/);
  refused(await start(a.data), 5, /KBZ_IN_USE/);
  refused(await start(kit.path("b2"), ...joining("b")), 5, /exile b[\s\S]*KBZ_ID_TAKEN/);
  const insisting = [...joining("y"), "--republic", "elsewhere"];
  refused(await start(kit.path("y"), ...insisting), 5, /elsewhere[\s\S]*town/);

  await cluster.kill("b", "SIGTERM");
  refused(await start(b.data, "--bootstrap", "town"), 5, /belongs to the republic "town"/);
  refused(await start(b.data, "--republic", "elsewhere"), 5, /elsewhere[\s\S]*town/);

  const there = `ws://127.0.0.1:${other}`;
  const founding = ["--id", "z", "--listen", there, "--bootstrap", "elsewhere"];
  const misspelt = { KIBITZER_RETIAN_BYTES: "1" };
  const args = ["start", "--data", kit.path("z"), "--json", ...founding];
  const elsewhere = kit.start(args, { environment: misspelt });
  await elsewhere.untilEvent("ready");
  assert.match(elsewhere.stderr, /"event":"misspelt".*Did you mean KIBITZER_RETAIN_BYTES/);
  refused(await start(b.data, "--join", there), 5, /belongs to the republic "town"/);
  await cluster.restart("b");
  assert.equal((await cluster.whole()).members.length, 3);
});

test("an entry above the limit ends with 2; what stands before it is in the log", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 1 });
  const where = ["--endpoints", cluster.endpoints];
  const largest = "x".repeat(1_048_576);
  const file = kit.write("lines", `small\n${largest}\n${largest}x\nbehind\n`);
  const ran = await kit.ask(["publish", "--file", file, "--json", ...where]);
  refused(ran, 2, /line 3/i);
  assert.deepEqual(ran.lines.slice(0, 2), ['{"index":1}', '{"index":2}']);
  const { lines } = await kit.ask(["tail", ...where]);
  assert.deepEqual(lines, ["small", largest]);
});

function refusals(child: Child): number {
  return child.stderr.split('"event":"refused"').length - 1;
}

test("rubbish on each kind of listener is refused and logged; the node goes on", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 1 });
  const { url } = cluster.node("a");
  const ws = { host: "127.0.0.1", port: Number(new URL(url).port) };
  const tcp = { host: "127.0.0.1", port: await freePorts(1) };
  const unix = { path: kit.path("socket") };
  await cluster.kill("a", "SIGTERM");
  const listen = [url, `tcp://127.0.0.1:${tcp.port}`, `unix:${unix.path}`];
  const args = listen.flatMap((endpoint) => ["--listen", endpoint]);
  const child = cluster.startNode("a", { args });
  await child.untilEvent("ready");
  const upgrade = [
    "GET / HTTP/1.1",
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
    "",
    "",
  ].join("\r\n");
  const noise = Buffer.from([0, 255, 1, 254, 13, 10, 13, 10]);
  const rubbish = [
    { to: ws, bytes: noise },
    { to: ws, bytes: Buffer.concat([Buffer.from(upgrade), Buffer.alloc(4096, 0xa5)]) },
    // A frame that promises more than a frame may hold.
    {
      to: ws,
      bytes: Buffer.concat([
        Buffer.from(upgrade),
        Buffer.from([0x82, 0xff]),
        Buffer.alloc(64, 0x7f),
      ]),
    },
    { to: tcp, bytes: noise },
    { to: tcp, bytes: Buffer.alloc(100_000, 0xa5) },
    { to: unix, bytes: noise },
  ];
  for (const [at, { to, bytes }] of rubbish.entries()) {
    const socket = connect(to);
    socket.on("error", () => undefined);
    const closed = once(socket, "close");
    socket.resume();
    socket.end(bytes);
    await closed;
    await child.until("a line of log", () => (refusals(child) > at ? true : null));
    assert.equal(refusals(child), at + 1, "one line each");
    assert.equal(child.exit, null, child.stderr);
  }
  const ran = await kit.ask(["publish", "still here", "--endpoints", cluster.endpoints]);
  assert.deepEqual(ran.lines, ["1"]);
});

test("a reader that has enough ends tail quietly, with success", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 1 });
  const where = ["--endpoints", cluster.endpoints];
  const file = kit.write("lines", "a line of some length, so that pipes fill up\n".repeat(50_000));
  assert.equal((await kit.ask(["publish", "--file", file, ...where])).code, 0);
  const tail = kit.start(["tail", ...where]);
  await tail.untilLines(1);
  tail.closeOutput();
  assert.deepEqual(await tail.ended(), { code: 0, signal: null });
  assert.equal(tail.stderr, "");
});

test("Ctrl-C of publish ends with 130 and accounts for every line", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const leader = await cluster.leader();
  const where = ["--endpoints", cluster.node(leader).url];
  const publish = kit.start(["publish", "--file", "-", "--json", ...where]);
  publish.write("one\ntwo\nthree\n");
  await publish.untilLines(3);
  for (const id of cluster.ids) if (id !== leader) await cluster.kill(id);
  publish.write("four\nfive\n");
  publish.signal("SIGINT");
  assert.deepEqual(await publish.ended(), { code: 130, signal: null });
  const told = JSON.parse(publish.lines.at(-1) ?? "");
  assert.deepEqual(told.accepted, [[1, 3]]);
  assert.equal(told.exitCode, 130);
  assert.match(publish.stderr, /Interrupted[\s\S]*not submitted/);
  // Whether the last lines were read and submitted is the computer's choice; the report must fit.
  const doubtful = [...told.refused, ...told.unknown].toSorted(([left], [right]) => left - right);
  const last = doubtful.at(-1)?.[1] ?? 3;
  assert.equal(told.submitted, last);
  assert.ok(last <= 5);

  for (const id of cluster.ids) if (id !== leader) await cluster.restart(id);
  await cluster.whole();
  const { lines } = await kit.ask(["tail", "--endpoints", cluster.endpoints]);
  const unknown = told.unknown.length > 0 ? told.submitted - 3 : 0;
  assert.deepEqual(lines, ["one", "two", "three", "four", "five"].slice(0, lines.length));
  assert.ok(lines.length >= 3 && lines.length <= 3 + unknown);
});
