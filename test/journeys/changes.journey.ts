/** Members come and go under load: no call fails, and how long each waited is told. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Cluster } from "../processes/cluster.ts";
import { Kit } from "../processes/kit.ts";
import { quantile, SteadyLoad } from "../processes/steady-load.ts";

async function operator(kit: Kit, cluster: Cluster, args: readonly string[]): Promise<string> {
  const [asked] = cluster.nodes;
  const ran = await kit.ask([...args, "--endpoints", asked?.url ?? ""]);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.lines.join("\n");
}

function tellPauses(t: TestContext, what: string, pauses: readonly number[]): void {
  const [median, p99, worst] = [0.5, 0.99, 1].map((share) => Math.round(quantile(pauses, share)));
  t.diagnostic(`${what}: paused for p50 ${median} ms, p99 ${p99} ms, at worst ${worst} ms`);
}

test("P4 3 → 5 → 3 members under load: no write fails", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 5, started: 3 });
  const urls = cluster.nodes.slice(0, 3).map(({ url }) => url);
  const load = await SteadyLoad.on(urls);
  const pauses: number[] = [];
  for (const { id, url } of cluster.nodes.slice(3)) {
    const args = ["--id", id, "--listen", url, "--await-invitation"];
    await cluster.startNode(id, { args }).untilEvent("waiting");
    load.takePause();
    const [line = ""] = (await operator(kit, cluster, ["member", "add", url, "--json"])).split(
      "\n",
    );
    const { added, seated }: { added?: unknown; seated?: unknown } = JSON.parse(line);
    assert.deepEqual([added, seated], [id, id === "e"], "the first waits, so that seats are odd");
    pauses.push(load.takePause().writeMs);
  }
  assert.equal((await cluster.whole()).government.parliament.length, 5);
  for (const id of ["d", "e"]) {
    load.takePause();
    await operator(kit, cluster, ["member", "exile", id]);
    pauses.push(load.takePause().writeMs);
    const exit = await cluster.child(id).ended();
    assert.equal(exit.code, 6, "an exiled node says so, and stops");
  }
  const status = await cluster.status("a");
  assert.deepEqual(status.government.parliament, ["a", "b", "c"]);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.acknowledged > 100 && load.barriers > 100);
  const { decided } = await cluster.status("a");
  assert.equal(decided.index, load.acknowledged, "what was acknowledged, and nothing twice");
  tellPauses(t, "3 → 5 → 3", pauses);
  await load[Symbol.asyncDispose]();
});

test("P6 a wiped node is refused with the command that replaces it, and that works", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const [asked, , wiped] = cluster.nodes;
  assert.ok(asked !== undefined && wiped !== undefined);
  await cluster.kill(wiped.id);
  const args = ["--id", wiped.id, "--listen", wiped.url, "--join", asked.url];
  const always = ["start", "--data", kit.path("empty"), "--json", "--until-stdin-ends"];
  const refused = kit.start([...always, ...args]);
  assert.equal((await refused.ended()).code, 5);
  assert.match(refused.stderr, /KBZ_ID_TAKEN/);
  const [, command = ""] = /run "kibitz (member exile \S+)"/.exec(refused.stderr) ?? [];
  await operator(kit, cluster, command.split(" "));
  await kit.start([...always, ...args.slice(4)]).untilEvent("ready");
  const { members } = await cluster.status(asked.id);
  assert.deepEqual(
    members.map(({ id }) => id),
    ["a", "b", "c"],
  );
});
