/** Nodes that find each other by names and files: to join, to found, and after all have moved. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer, type KibitzerOptions } from "../../src/index.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { TestNames } from "../discovery/test-names.ts";
import { eventually, freePorts } from "../processes/kit.ts";
import { failureOf } from "./failure-of.ts";

const founders = ["a", "b", "c"];

/** Equal replicas behind one name: each at an address of its own, all at the same port. */
class Deployment {
  readonly names = new TestNames();
  readonly directory = mkdtempSync(join(tmpdir(), "kibitz-discovery-"));
  readonly nodes = new Map<string, Kibitzer>();
  readonly port: number;
  readonly #all: Kibitzer[] = [];
  #disks = 0;

  private constructor(port: number) {
    this.port = port;
  }

  static async of(context: TestContext): Promise<Deployment> {
    const deployment = new Deployment(await freePorts(1));
    context.after(async () => {
      await Promise.all(deployment.#all.map(async (node) => await node.close()));
      rmSync(deployment.directory, { recursive: true });
    });
    return deployment;
  }

  get source(): string {
    return `dns+ws://kibitz.test:${this.port}`;
  }

  /** `host` is the last part of its address. */
  async open(
    id: string,
    host: number,
    moved: KibitzerOptions["moved"] = false,
    disk: string = id,
  ): Promise<Kibitzer> {
    const node = await Kibitzer.open({
      id,
      directory: join(this.directory, disk),
      listen: [`ws://127.0.0.${host}:${this.port}`],
      moved,
      record: false,
      timing: { pingMs: 15, silenceMs: 300, stallMs: 2000 },
      world: { ...nodeWorld(), names: this.names },
    });
    this.nodes.set(id, node);
    this.#all.push(node);
    return node;
  }

  async wiped(id: string, host: number): Promise<Kibitzer> {
    await this.nodes.get(id)?.close();
    this.#disks += 1;
    return await this.open(id, host, false, `${id}-${this.#disks}`);
  }

  /** The one command that all are started with. */
  async start(node: Kibitzer, timeoutMs = 20_000): Promise<void> {
    await node.foundOrJoin("equals", this.source, { founders, timeoutMs });
  }

  tell(...hosts: readonly number[]): void {
    this.names.hosts.set(
      "kibitz.test",
      hosts.map((host) => `127.0.0.${host}`),
    );
  }
}

test("equal replicas found one republic, once all founders are found", async (context) => {
  const deployment = await Deployment.of(context);
  const [b, c, a] = [
    await deployment.open("b", 12),
    await deployment.open("c", 13),
    await deployment.open("a", 11),
  ];
  // Nothing can be looked up; then one founder is missing. Neither founds.
  const early = await failureOf(deployment.start(a, 300), { code: "KBZ_UNREACHABLE" });
  assert.match(early.message, /No peer can be looked up yet: .*ENOTFOUND/);
  deployment.tell(11, 12);
  const partly = await failureOf(deployment.start(a, 700), { code: "KBZ_UNREACHABLE" });
  assert.match(partly.message, /Not heard of yet: c\./);
  deployment.tell(11, 12, 13, 14);
  const silent = await failureOf(deployment.start(a, 700), { code: "KBZ_UNREACHABLE" });
  assert.match(silent.message, /Without an answer: ws:\/\/127\.0\.0\.14/);
  assert.deepEqual([a.republic, b.republic, c.republic], [null, null, null]);

  const all = Promise.all([b, c, a].map(async (node) => await deployment.start(node)));
  deployment.tell(13, 11, 12);
  await all;
  const identities = new Set([a, b, c].map((node) => node.republic?.identity));
  assert.equal(identities.size, 1);
  const d = await deployment.open("d", 14);
  await deployment.start(d);
  assert.equal(d.republic?.identity, a.republic?.identity);

  // Whose disk is lost does not found another, with or without the others.
  const empty = await deployment.wiped("a", 11);
  await failureOf(deployment.start(empty), { code: "KBZ_ID_TAKEN" });
  for (const node of [b, c, d]) await node.close();
  await failureOf(deployment.start(empty, 500), { code: "KBZ_UNREACHABLE" });
  assert.equal(empty.republic, null);
});

test("two new nodes under one founder's name found nothing", async (context) => {
  const deployment = await Deployment.of(context);
  const a = await deployment.open("a", 11);
  const twin = await deployment.open("a", 12, false, "twin");
  await deployment.open("b", 13);
  await deployment.open("c", 14);
  deployment.tell(11, 12, 13, 14);
  await failureOf(deployment.start(a), { code: "KBZ_ID_TAKEN" });
  await failureOf(deployment.start(twin), { code: "KBZ_ID_TAKEN" });
});

test("a node joins whom a file names, when it is written", async (context) => {
  const deployment = await Deployment.of(context);
  const file = join(deployment.directory, "peers");
  const [a, b] = [await deployment.open("a", 11), await deployment.open("b", 12)];
  await a.bootstrap("filed");
  await failureOf(b.join(null, `file:${file}`, { timeoutMs: 100 }), { code: "KBZ_UNREACHABLE" });
  const joined = b.join("filed", [`file:${file}`, `ws://127.0.0.99:${deployment.port}`]);
  writeFileSync(file, `${a.url}\n`);
  await joined;
  assert.equal(b.republic?.identity, a.republic?.identity);
});

test("one peer that will not have a node ends no join of others", async (context) => {
  const deployment = await Deployment.of(context);
  const [a, b, x] = [
    await deployment.open("a", 11),
    await deployment.open("b", 12),
    await deployment.open("x", 13),
  ];
  await a.bootstrap("town");
  await x.bootstrap("elsewhere");
  const refused = { code: "KBZ_REPUBLIC", retryable: false } as const;
  await failureOf(b.join("nowhere", [x.url, a.url]), refused);
  await failureOf(b.join("town", x.url), refused);

  // Nor does an address that is none, which a name service may give for a while.
  const service = "srv+ws://_kibitz._tcp.test";
  const wrong = { host: "no host", port: deployment.port };
  deployment.names.known.set("_kibitz._tcp.test", [wrong]);
  const early = await failureOf(b.join("town", service, { timeoutMs: 100 }), {
    code: "KBZ_UNREACHABLE",
    retryable: true,
  });
  assert.match(early.message, /cannot be called: Wanted an endpoint/);
  const [host13, host11] = ["127.0.0.13", "127.0.0.11"].map((host) => ({ ...wrong, host }));
  assert.ok(host13 !== undefined && host11 !== undefined);
  deployment.names.known.set("_kibitz._tcp.test", [wrong, host13, host11]);
  await b.join("town", service);
  assert.equal(b.republic?.identity, a.republic?.identity);
});

test("P8 all addresses change at once, also in DNS: the same command goes on", async (context) => {
  const deployment = await Deployment.of(context);
  deployment.tell(11, 12, 13);
  for (const [at, id] of founders.entries()) await deployment.open(id, 11 + at);
  await Promise.all(
    [...deployment.nodes.values()].map(async (node) => await deployment.start(node)),
  );
  const first = [...deployment.nodes.values()].at(0);
  const before = await first?.publish("before");
  for (const node of deployment.nodes.values()) await node.close();

  deployment.names.hosts.clear();
  for (const [at, id] of founders.entries()) {
    await deployment.open(id, 21 + at, [deployment.source]);
  }
  // The name comes later than the nodes.
  deployment.tell(21, 22, 23);
  for (const node of deployment.nodes.values()) await deployment.start(node);
  const after = await deployment.nodes.get("c")?.publish("after");
  assert.equal(after?.index, (before?.index ?? 0) + 1);
  await eventually("their endpoints", async () => {
    const status = await deployment.nodes.get("a")?.status();
    const found = status?.members.map(({ url }) => new URL(url).hostname) ?? [];
    return found.every((host) => /^127\.0\.0\.2[123]$/.test(host)) ? true : null;
  });
});
