/** What probes are told: by each fact, by real nodes in trouble, and while a node still starts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checksumOf } from "../../src/codec/known-checksums.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { responseCodec } from "../../src/codec/response-codec.ts";
import { Kibitzer, KibitzerClient } from "../../src/index.ts";
import type { Clock } from "../../src/index.ts";
import { checksOf, lagSlotsMax, stuckMs, type HealthFacts } from "../../src/health/health.ts";
import { healthOf, probeAnswer, type ProbeName } from "../../src/health/probe.ts";
import { Vestibule } from "../../src/health/vestibule.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { protocol } from "../../src/version.ts";
import { createTransport } from "../../transport/index.ts";
import { openHttpNode } from "../http/node.ts";
import { SeatedRepublic } from "../node/seated-republic.ts";
import { eventually, freePorts } from "../processes/kit.ts";
import { MemoryFiles } from "../storage/memory-files.ts";

const well: HealthFacts = {
  failure: null,
  overdueMs: 0,
  isInRepublic: true,
  isLeaderKnown: true,
  slotsBehind: 0,
  isMachineBehind: false,
  lack: null,
  isDraining: false,
};

/** The names of the checks that fail. */
function failing(node: Pick<Kibitzer, "health">, probe: ProbeName): readonly string[] {
  const { checks } = node.health(probe);
  return checks.flatMap(({ name, problem }) => (problem === null ? [] : name));
}

test("P16 probes never kill a healthy node: only what a restart heals fails livez", () => {
  const facts: readonly (readonly [Partial<HealthFacts>, string, "livez" | "readyz" | "both"])[] = [
    [{ failure: "KBZ_INVARIANT" }, "failure", "both"],
    [{ overdueMs: stuckMs + 1 }, "loop", "livez"],
    [{ isInRepublic: false }, "republic", "readyz"],
    [{ isLeaderKnown: false }, "leader", "readyz"],
    [{ slotsBehind: lagSlotsMax + 1 }, "lag", "readyz"],
    [{ isMachineBehind: true }, "lag", "readyz"],
    [{ lack: "space" }, "storage", "readyz"],
    [{ lack: "speed" }, "storage", "readyz"],
    [{ isDraining: true }, "draining", "readyz"],
  ];
  for (const [fact, name, probe] of facts) {
    const found = { ...well, ...fact };
    const health = (of: ProbeName): readonly string[] =>
      checksOf(found, of).flatMap((check) => (check.problem === null ? [] : check.name));
    assert.deepEqual(health("livez"), probe === "readyz" ? [] : [name], name);
    assert.deepEqual(health("readyz"), probe === "livez" ? [] : [name], name);
    assert.deepEqual(health("startupz"), [], name);
  }
  for (const probe of ["livez", "readyz", "startupz"] as const) {
    assert.ok(healthOf(checksOf(well, probe)).isWell, probe);
  }
});

test("P16 probes never kill a healthy node: no quorum", async () => {
  await using republic = await SeatedRepublic.of(["a", "b", "c"]);
  const node = republic.node("a");
  await eventually("ready", async () => (node.health("readyz").isWell ? true : null));
  await republic.lose("b");
  await republic.lose("c");
  await eventually("no leader", async () => (failing(node, "readyz").length > 0 ? true : null));
  assert.deepEqual(failing(node, "readyz"), ["leader"]);
  assert.deepEqual(failing(node, "livez"), []);
  assert.deepEqual(failing(node, "startupz"), []);
});

test("P16 probes never kill a healthy node: a full disk", async () => {
  const files = new MemoryFiles();
  await using node = await Kibitzer.open({
    id: "a",
    directory: "/data",
    listen: ["tcp://127.0.0.1:0"],
    record: false,
    world: { ...nodeWorld(), files },
    storage: { segmentBytesFirst: 32 * 512, segmentBytesMax: 64 * 512 },
  });
  await node.bootstrap("full");
  files.bytesMax = files.bytes;
  await eventually("full", async () => {
    await node.publish("x".repeat(400)).catch(() => undefined);
    return failing(node, "readyz").includes("storage") ? true : null;
  });
  assert.deepEqual(failing(node, "livez"), []);
  files.bytesMax = Infinity;
  await eventually("room", async () => (node.health("readyz").isWell ? true : null));
});

test("P16 probes never kill a healthy node: full of clients", async () => {
  const codecs = { requestCodec, responseCodec, checksum: checksumOf };
  const network = createTransport({ ...codecs, protocol, limits: { connectionsMax: 2 } });
  await using http = await openHttpNode({ world: { ...nodeWorld(), network } });
  await using client = await KibitzerClient.connect([http.node.url]);
  assert.deepEqual(await client.publish("over both places"), { index: 1 });
  assert.equal((await http.ask("/v1/status")).status, 503);
  for (const probe of ["livez", "readyz", "startupz"]) {
    assert.equal((await http.ask(`/${probe}`)).status, 200, probe);
  }
});

test("P16 probes never kill a healthy node: a stuck loop does fail livez", async () => {
  const { clock } = nodeWorld();
  let isStuck = false;
  let skippedMs = 0;
  const stopped: Clock = {
    now: () => clock.now() + skippedMs,
    wall: () => clock.wall(),
    soon: (callback) => clock.soon(callback),
    after: (ms, callback) => clock.after(ms, () => (isStuck ? undefined : callback())),
  };
  await using node = await Kibitzer.open({
    id: "a",
    directory: "/data",
    listen: ["tcp://127.0.0.1:0"],
    record: false,
    world: { ...nodeWorld(), files: new MemoryFiles(), clock: stopped },
  });
  await node.bootstrap("stuck");
  assert.deepEqual(failing(node, "livez"), []);
  isStuck = true;
  skippedMs = 2 * stuckMs;
  assert.deepEqual(failing(node, "livez"), ["loop"]);
});

test("P16 probes never kill a healthy node: a long recovery", async () => {
  const port = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const hello = { republic: null, node: null, version: "" };
  const urls = [`ws://127.0.0.1:${port}`, "tcp://127.0.0.1:0", "ws://127.0.0.1:0"];
  const vestibule = new Vestibule({ world: nodeWorld(), urls, hello: () => hello });
  vestibule.openSoon();
  const status = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
  await eventually("it answers", async () => await status("/livez"));
  assert.equal(await status("/livez"), 200);
  assert.equal(await status("/startupz"), 503);
  assert.equal(await status("/readyz"), 503);
  assert.equal(await status("/v1/status"), 503);
  await vestibule.close();
  await assert.rejects(fetch(`${url}/livez`));
});

test("probes over HTTP tell what fails, list all if asked, leave out what they shall", async () => {
  await using http = await openHttpNode();
  await http.node.barrier();
  const told = async (path: string): Promise<readonly [number, string]> => {
    const response = await http.ask(path);
    return [response.status, await response.text()];
  };
  for (const probe of ["livez", "readyz", "startupz"]) {
    assert.deepEqual(await told(`/${probe}`), [200, "ok\n"]);
  }
  const verbose = "[+]failure ok\n[+]loop ok\nlivez check passed\n";
  assert.deepEqual(await told("/livez?verbose"), [200, verbose]);
  assert.equal((await http.ask("/readyz", { method: "HEAD" })).status, 200);
  const failing = [{ name: "leader", problem: "it knows of nobody who leads" }];
  assert.deepEqual(probeAnswer("readyz", failing), {
    status: 503,
    text: "[-]leader failed: it knows of nobody who leads\nreadyz check failed\n",
  });
  assert.equal(probeAnswer("readyz", failing, { exclude: ["leader"] }).status, 200);
  assert.match(
    probeAnswer("readyz", failing, { exclude: ["lead"] }).text,
    /\[-\]leader failed.*\nwarn: there is no check "lead" to exclude\nreadyz check failed\n$/s,
  );
});
