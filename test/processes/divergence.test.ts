/** A node whose log differs from that of its peers, undamaged as far as it can tell by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { alterLastBatch } from "./altered-journal.ts";
import { Cluster } from "./cluster.ts";
import { Kit } from "./kit.ts";

for (const role of ["member", "leader"] as const) {
  test(`P12 a ${role} whose past was altered stops by itself; the others go on`, async (t) => {
    const kit = Kit.open(t);
    const cluster = await Cluster.start(kit);
    const where = ["--endpoints", cluster.endpoints];
    const texts = ["one", "two", "three"];
    for (const text of texts) assert.equal((await kit.ask(["publish", text, ...where])).code, 0);
    const { members } = await cluster.whole();
    const altered = members.find((one) => one.role === role)?.id ?? "";
    await cluster.kill(altered, "SIGTERM");
    await alterLastBatch(cluster.node(altered).data);

    const child = cluster.startNode(altered);
    assert.deepEqual(await child.ended(), { code: 8, signal: null }, child.stderr);
    assert.match(child.stderr, /KBZ_DIVERGED/);
    assert.match(child.stderr, /differs from that of [abc], [abc] at slot \d+/);

    assert.equal((await kit.ask(["publish", "four", ...where])).code, 0);
    const others = cluster.ids.filter((id) => id !== altered);
    for (const id of others) assert.ok(cluster.isRunning(id), `${id} goes on`);
    const ran = await kit.ask(["tail", "--endpoints", cluster.node(others[1] ?? "").url]);
    assert.deepEqual(ran.lines, [...texts, "four"]);
    const again = cluster.startNode(altered);
    assert.equal((await again.ended()).code, 8, "it stays out");
  });
}
