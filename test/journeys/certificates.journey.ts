/**
 * Certificates from their making to their exchange: a cluster of processes whose certificates,
 * keys and authority are all replaced under load; whoever shows a wrong one, or a wrong token, is
 * refused in one line on both sides; and the commands of docs/security.md, as they stand there.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hashOf } from "../../src/access/tokens.ts";
import { Authority, type Identity } from "../access/authority.ts";
import { root } from "../processes/child.ts";
import { Cluster } from "../processes/cluster.ts";
import { freePorts, Kit } from "../processes/kit.ts";
import { SteadyLoad } from "../processes/steady-load.ts";

const ids = ["a", "b", "c"];

/** As an operator does it: beside the old file, then in its place. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function give(kit: Kit, name: string, { cert, key }: Identity): void {
  replace(kit.path(`${name}.pem`), cert);
  replace(kit.path(`${name}.key`), key);
}

function identityOf(authority: Authority, id: string): Identity {
  return authority.sign(`node ${id}`, { uris: [`urn:kibitzer:node:${id}`] });
}

async function tlsCluster(kit: Kit, authority: Authority): Promise<Cluster> {
  replace(kit.path("ca.pem"), authority.ca);
  for (const id of ids) give(kit, id, identityOf(authority, id));
  give(kit, "client", authority.sign("client"));
  const port = await freePorts(ids.length);
  const nodes = ids.map((id, at) => {
    const environment = {
      KIBITZER_TLS_CERT: kit.path(`${id}.pem`),
      KIBITZER_TLS_KEY: kit.path(`${id}.key`),
      KIBITZER_TLS_CA: kit.path("ca.pem"),
    };
    const url = `${id === "c" ? "tls" : "wss"}://127.0.0.1:${port + at}`;
    return { id, url, data: kit.path("town", id), process: { environment } };
  });
  return await Cluster.start(kit, { nodes, client: clientOf(kit) });
}

function clientOf(kit: Kit): { readonly tls: Readonly<Record<"cert" | "key" | "ca", string>> } {
  const [cert, key, ca] = ["client.pem", "client.key", "ca.pem"].map((name) => kit.path(name));
  return { tls: { cert: cert ?? "", key: key ?? "", ca: ca ?? "" } };
}

function count(text: string, pattern: RegExp): number {
  return text.split("\n").filter((line) => pattern.test(line)).length;
}

/** Waits until each node has taken over its new files, for the `times`-th time. */
async function takenOver(cluster: Cluster, times: number): Promise<void> {
  for (const id of ids) {
    const child = cluster.child(id);
    const isThere = (): true | null =>
      count(child.stderr, /"event":"reloaded"/) >= times ? true : null;
    await child.until(`${id} takes over new files`, isThere);
  }
}

test("P15 certificate, key and authority are replaced under load: no call fails", async (t) => {
  const kit = Kit.open(t);
  const [old, next] = [new Authority("old town"), new Authority("new town")];
  const cluster = await tlsCluster(kit, old);
  const urls = cluster.nodes.map(({ url }) => url);
  await using load = await SteadyLoad.on(urls, clientOf(kit));

  replace(kit.path("ca.pem"), old.ca + next.ca);
  await takenOver(cluster, 1);
  for (const id of ids) give(kit, id, identityOf(next, id));
  give(kit, "client", next.sign("client"));
  await takenOver(cluster, 2);
  replace(kit.path("ca.pem"), next.ca);
  await takenOver(cluster, 3);

  // Whoever connects from now on has nothing but the new ones.
  const leader = await cluster.leader();
  const other = ids.find((id) => id !== leader) ?? "";
  assert.deepEqual(await cluster.kill(other, "SIGTERM"), { code: 0, signal: null });
  await cluster.restart(other);
  await cluster.whole();
  const before = load.acknowledged;
  const broken = old.sign("nobody").key;
  replace(kit.path(`${leader}.key`), broken);
  cluster.child(leader).signal("SIGHUP");
  await cluster.child(leader).untilSaid(/"event":"notReloaded"/);
  await cluster.whole();
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.acknowledged > before && load.barriers > 100, "there was a load");
  const { decided } = await cluster.whole();
  assert.equal(decided.index, load.acknowledged, "what was acknowledged, and nothing twice");
  assert.equal(count(cluster.child(leader).stderr, /"event":"notReloaded"/), 1, "one line");
  assert.ok(!cluster.child(leader).stderr.includes(broken.slice(40, 100)), "no key is told");

  give(kit, "late", old.sign("late"));
  const who = ["--tls-cert", kit.path("late.pem"), "--tls-key", kit.path("late.key")];
  const asked = urls[ids.indexOf(other)] ?? "";
  const ran = await kit.run([
    "status",
    "--endpoints",
    asked,
    "--tls-ca",
    kit.path("ca.pem"),
    ...who,
  ]);
  assert.equal(ran.code, 6, ran.stderr);
  t.diagnostic(`${load.acknowledged} entries, ${load.barriers} barriers, 0 failed`);
});

test("wrong certificates and tokens are refused in one line on both sides", async (t) => {
  const kit = Kit.open(t);
  const town = new Authority("town");
  replace(kit.path("ca.pem"), town.ca);
  replace(kit.path("other-ca.pem"), new Authority("elsewhere").ca);
  give(kit, "a", identityOf(town, "a"));
  give(kit, "b", identityOf(town, "b"));
  give(kit, "foreign", new Authority("elsewhere").sign("foreign"));
  give(kit, "expired", town.sign("expired", { notAfter: new Date(Date.now() - 1000) }));
  kit.write("tokens", `ci read ${hashOf("a-good-secret").toString("hex")}\n`);
  kit.write("good", "a-good-secret\n");
  kit.write("wrong", "a-wrong-secret\n");
  const port = await freePorts(2);
  const url = `wss://127.0.0.1:${port}`;
  const show = (name: string, ca = "ca.pem"): readonly string[] => [
    "--tls-cert",
    kit.path(`${name}.pem`),
    "--tls-key",
    kit.path(`${name}.key`),
    "--tls-ca",
    kit.path(ca),
  ];
  const founding = ["--id", "a", "--listen", url, "--bootstrap", "town"];
  const at = ["start", "--data", kit.path("a-data"), "--json", "--until-stdin-ends"];
  const node = kit.start([...at, ...founding, ...show("a"), "--tokens", kit.path("tokens")]);
  await node.untilEvent("ready");

  const status = ["status", "--endpoints", url];
  const ca = ["--tls-ca", kit.path("ca.pem")];
  const given = async (args: readonly string[]): Promise<void> => {
    const ran = await kit.run([...status, ...args]);
    assert.equal(ran.code, 0, ran.stderr);
  };
  await given(show("a"));
  await given([...ca, "--token-file", kit.path("good")]);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[...status, ...ca], /a client at .* has none/],
    [[...status, ...show("foreign")], /foreign\\?", is of an authority that is not known/],
    [[...status, ...show("expired")], /expired\\?", has expired/],
    [[...status, ...ca, "--token-file", kit.path("wrong")], /a token that is known here/],
    [[...status, ...show("a", "other-ca.pem")], /does not believe|can be believed, but the one/],
  ];
  for (const [args, reason] of cases) {
    const before = count(node.stderr, /"event":"refused"/);
    const ran = await kit.run(args);
    assert.equal(ran.code, 6, ran.stderr);
    assert.match(ran.stderr, reason);
    assert.equal(ran.stderr.trim().split("\n").length, 1, ran.stderr);
    await node.until("a line of it", () =>
      count(node.stderr, /"event":"refused"/) > before ? true : null,
    );
    assert.equal(count(node.stderr, /"event":"refused"/), before + 1, node.stderr);
    assert.match(node.stderr.trim().split("\n").at(-1) ?? "", reason);
  }
  const forbidden = [...ca, "--token-file", kit.path("good"), "--endpoints", url];
  assert.equal((await kit.run(["publish", "x", ...forbidden])).code, 6);

  // A certificate for node b makes nobody node d.
  const listen = ["--listen", `wss://127.0.0.1:${port + 1}`, "--join", url];
  const joining = ["start", "--data", kit.path("d-data"), "--id", "d", ...listen, ...show("b")];
  const refused = await kit.run(joining);
  assert.equal(refused.code, 6, refused.stderr);
  assert.match(refused.stderr, /Wanted a certificate for node d, but that of \S+ is for b\./);
  const said = node.stderr + node.stdout.toString();
  for (const secret of ["a-good-secret", "a-wrong-secret"]) assert.ok(!said.includes(secret));
});

test("the commands of docs/security.md do what it says", async (t) => {
  const kit = Kit.open(t);
  const text = readFileSync(join(root, "docs/security.md"), "utf8");
  const blocks = [...text.matchAll(/```sh\n([^]*?)```/g)].map(([, code = ""]) => code);
  const [makes, uses] = [/^openssl/, /^kibitz/].map((word) =>
    blocks.filter((code) => word.test(code)),
  );
  for (const code of makes ?? []) {
    execFileSync("bash", ["-ec", code], { cwd: kit.directory, stdio: "pipe" });
  }
  const [starting = "", asking = ""] = uses ?? [];
  const port = await freePorts(1);
  const args = (command: string): readonly string[] =>
    command
      .replaceAll("\\\n", " ")
      .replaceAll(":7700", `:${port}`)
      .replaceAll(/\b([\w-]+\.(?:pem|key)|(?<=--data )\w+)\b/g, (name) => kit.path(name))
      .trim()
      .split(/\s+/)
      .slice(1);
  const tokens = ["--tokens", kit.path("tokens"), "--json", "--until-stdin-ends"];
  const node = kit.start([...args(starting), ...tokens]);
  await node.untilEvent("ready");
  const ran = await kit.run(args(asking));
  assert.equal(ran.code, 0, ran.stderr);
  const client = args(asking).slice(1);
  assert.equal((await kit.run(["publish", "x", ...client])).code, 6, "its role is to read");
  const url = `wss://127.0.0.1:${port}`;
  const byToken = ["--tls-ca", kit.path("ca.pem"), "--token-file", kit.path("ci.token")];
  const published = await kit.run(["publish", "hello", "--endpoints", url, ...byToken]);
  assert.equal(published.code, 0, published.stderr);
  assert.deepEqual(published.lines, ["1"]);
});
