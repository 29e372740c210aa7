/**
 * A release is rolled out node by node while entries stream in: no call may fail, whichever
 * versions are mixed; and releases that are too far apart say so. The other release is made
 * of these sources: only the versions that it speaks are others.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { protocol, version } from "../../src/version.ts";
import { root } from "../processes/child.ts";
import { Cluster } from "../processes/cluster.ts";
import { Feed, upTo } from "../processes/feed.ts";
import { eventually, Kit } from "../processes/kit.ts";

/**
 * A release that speaks these versions of the protocol: how its processes are started. They load
 * another `version.ts` in place of the one that is there, and everything else as it is.
 */
function makeRelease(
  kit: Kit,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): { readonly environment: Readonly<Record<string, string>> } {
  const file = join(root, "src/version.ts");
  const before = readFileSync(file, "utf8");
  const spoken = `{ least: ${protocol.least}, most: ${protocol.most} };`;
  const after = before
    .replace(spoken, `{ least: ${least}, most: ${most} };`)
    .replace(`"${version}"`, `"${name}"`);
  assert.ok(after.includes(`most: ${most}`) && after.includes(`"${name}"`), "it was changed");
  const [from, to] = [file, kit.write("version.ts", after)].map((path) => pathToFileURL(path).href);
  const hook = `
    import { registerHooks } from "node:module";
    const resolve = (specifier, context, next) => {
      const found = next(specifier, context);
      return found.url === "${from}" ? { ...found, url: "${to}" } : found;
    };
    registerHooks({ resolve });`;
  return { environment: { NODE_OPTIONS: `--import=${kit.write("release.mjs", hook)}` } };
}

test("P18 a rolling upgrade under load: no call fails, nothing is lost or doubled", async (t) => {
  const kit = Kit.open(t);
  const next = { least: protocol.least, most: protocol.most + 1 };
  const release = makeRelease(kit, "99.0.0", next);
  const cluster = await Cluster.start(kit);
  const lines = upTo(3000).map((number) => `line ${number} ${"x".repeat(40)}`);
  const strikes = [300, 1000, 1700];
  const feed = new Feed(kit, cluster.endpoints, lines, { strikes });
  const pauses: number[] = [];
  for (const [at, id] of ["b", "c", "a"].entries()) {
    await feed.strike(async () => {
      const { code } = await cluster.kill(id, "SIGTERM");
      assert.equal(code, 0, "it hands over, and ends cleanly");
    });
    const begun = performance.now();
    const child = cluster.startNode(id, release);
    await feed.untilAcknowledged((strikes[at] ?? 0) + 400);
    pauses.push(performance.now() - begun);
    await child.untilEvent("ready");
    const { members } = await cluster.whole();
    const versions = members.map((member) => (member.version === "99.0.0" ? 1 : 0));
    assert.equal(versions.filter((is) => is === 1).length, at + 1, "that many are upgraded");
  }
  assert.deepEqual(await feed.ended(), upTo(lines.length), "each line once, in order");
  const ran = await kit.ask(["tail", "--endpoints", cluster.endpoints]);
  assert.deepEqual(ran.lines, lines);
  t.diagnostic(`400 entries after each restart: ${pauses.map(Math.round).join(", ")} ms`);
  // An earlier client goes on as before; and so would a node that is taken back.
  await cluster.kill("b", "SIGTERM");
  await cluster.restart("b");
  const { members } = await cluster.whole();
  assert.equal(members.find(({ id }) => id === "b")?.version, version);
});

test("P18 a release too far ahead is refused by name, and the others go on", async (t) => {
  const kit = Kit.open(t);
  const release = makeRelease(kit, "99.0.0", { least: protocol.most + 1, most: protocol.most + 2 });
  const cluster = await Cluster.start(kit);
  const id = (await cluster.leader()) === "c" ? "b" : "c";
  await cluster.kill(id);
  const child = cluster.startNode(id, release);
  await child.untilSaid(/"event":"unreachable".*kibitzer 99\.0\.0\) speaks versions 2 to 3/);
  await child.untilSaid(/Upgrade the older one, by no more than one release at a time/);
  const other = cluster.ids.find((other) => other !== id) ?? "";
  await cluster.child(other).untilSaid(/"event":"refused".*speaks versions 2 to 3/);
  const ran = await kit.ask(["publish", "on", "--endpoints", cluster.node(other).url]);
  assert.deepEqual(ran.lines, ["1"]);
  await cluster.kill(id);
  await cluster.restart(id);
  await eventually("all back", async () =>
    (await cluster.whole()).decided.index === 1 ? 1 : null,
  );
});
