/**
 * The client in a real browser: a page imports what the package gives to browsers, as it lies
 * there, publishes and follows while leaders are killed and the node that it uses is frozen. What
 * it was told is held against `kibitz tail`. ROUNDS=20 for a long one.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium, type Page } from "playwright-core";
import { root } from "../processes/child.ts";
import { Cluster } from "../processes/cluster.ts";
import { upTo } from "../processes/feed.ts";
import { eventually, Kit } from "../processes/kit.ts";

const rounds = Number(process.env["ROUNDS"] ?? 2);
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
/** What docs/client.md says that a page loads at most. */
const modulesMax = 140;
const bytesMax = 600 * 1024;

interface Acked {
  readonly index: number;
  readonly text: string;
}

interface Read extends Acked {
  readonly publisher: string;
  readonly sequence: number;
}

/** Serves the page and what the package has for browsers, and counts that. */
class PageServer {
  readonly url: string;
  readonly #served: Map<string, number>;

  private constructor(served: Map<string, number>, url: string) {
    this.#served = served;
    this.url = url;
  }

  static async start(t: TestContext, page: string): Promise<PageServer> {
    const served = new Map<string, number>();
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://page");
      const isModule = /^\/package\/dist\/[a-z0-9/-]+\.js$/.test(pathname);
      if (pathname !== "/" && !isModule) {
        response.writeHead(404).end();
        return;
      }
      const type = isModule ? "text/javascript" : "text/html";
      const path = join(root, pathname.replace("/package/", ""));
      const body = isModule ? readFileSync(path) : Buffer.from(page);
      if (isModule) served.set(pathname, body.length);
      response.writeHead(200, { "content-type": type }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    return new PageServer(served, `http://127.0.0.1:${address.port}/`);
  }

  get modules(): number {
    return this.#served.size;
  }

  get bytes(): number {
    return [...this.#served.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** The page, asked by expressions: it has no types here. */
class Journey {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async ask<Value>(expression: string): Promise<Value> {
    return await this.#page.evaluate<Value>(expression);
  }

  /** Waits until the page was told of so many more entries, and has read them. */
  async more(count: number): Promise<void> {
    const before = await this.ask<number>("journey.acked.length");
    const isEnough = `journey.acked.length >= ${before + count} && ${this.#hasReadAll}`;
    await eventually(`${count} more`, async () => await this.#isSo(isEnough));
  }

  async stop(): Promise<void> {
    await this.ask("void (journey.goes = false)");
    const isOver = `journey.isOver && ${this.#hasReadAll}`;
    await eventually("all is read", async () => await this.#isSo(isOver));
  }

  async #isSo(expression: string): Promise<true | null> {
    assert.deepEqual(await this.ask("journey.failures"), []);
    return (await this.ask<boolean>(expression)) ? true : null;
  }

  get #hasReadAll(): string {
    return "(journey.read.at(-1)?.index ?? 0) >= Math.max(...journey.acked.map((a) => a.index))";
  }
}

async function openPage(t: TestContext): Promise<Page> {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  t.after(async () => await browser.close());
  return await browser.newPage();
}

test("a page publishes and follows through kills of leaders and a frozen node", async (t) => {
  const kit = Kit.open(t);
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const html = readFileSync(join(root, "test/journeys/browser.html"), "utf8");
  const content = html.replace("CLIENT", normalize(exports["./client"].browser));
  const [cluster, server] = await Promise.all([Cluster.start(kit), PageServer.start(t, content)]);
  const errors: string[] = [];
  const url = `${server.url}?endpoints=${encodeURIComponent(cluster.endpoints)}`;
  const page = await openPage(t);
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  await page.waitForFunction("globalThis.journey?.acked.length > 0");
  const journey = new Journey(page);
  t.diagnostic(`the page loads ${server.modules} modules of ${server.bytes} bytes`);
  assert.ok(server.modules > 50 && server.modules <= modulesMax);
  assert.ok(server.bytes <= bytesMax);

  await journey.more(100);
  for (let round = 0; round < rounds; round += 1) {
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await journey.more(100);
    await cluster.restart(leader);
    await cluster.whole();
  }

  const endpoint = await journey.ask<string>("journey.endpoint");
  const frozen = cluster.nodes.find((node) => node.url === endpoint);
  assert.ok(frozen !== undefined, `${endpoint} is one of the nodes`);
  cluster.child(frozen.id).signal("SIGSTOP");
  await journey.more(100);
  assert.notEqual(await journey.ask<string>("journey.endpoint"), endpoint);
  cluster.child(frozen.id).signal("SIGCONT");

  await journey.stop();
  await check(journey, cluster, kit);
  assert.equal(await journey.ask<boolean>("journey.large()"), true, "an entry of 1 MiB is whole");
  const others = await journey.ask<{ members: string[]; bytes: number }>("journey.others()");
  assert.deepEqual(others.members, ["a", "b", "c"]);
  assert.ok(others.bytes > 1_048_576, "a backup holds the large entry");
  await journey.ask("journey.close()");
  assert.deepEqual(await journey.ask("journey.failures"), []);
  assert.deepEqual(errors, []);
});

test("the examples of docs/client.md do what they say", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit, { count: 1 });
  const { endpoints } = cluster;
  const code = exampleOf("ts")
    .replace(`"kibitzer/client"`, JSON.stringify(pathToFileURL(join(root, "src/client.ts")).href))
    .replace(/const endpoints = .*;/, `const endpoints = ["${endpoints}"];`);
  const program = kit.start([], { cli: kit.write("example.ts", code) });
  assert.deepEqual(await program.ended(), { code: 0, signal: null }, program.stderr);
  assert.deepEqual(program.lines, ["1 hello from Node.js"]);

  const html = exampleOf("html").replaceAll("/kibitzer/dist/", "/package/dist/");
  const server = await PageServer.start(t, html.replace("ws://127.0.0.1:7700", endpoints));
  const page = await openPage(t);
  await page.goto(server.url);
  await page.waitForFunction("document.body?.textContent.includes('2 hello from a page')");
});

/** The one example of a language that the page has. */
function exampleOf(language: string): string {
  const text = readFileSync(join(root, "docs/client.md"), "utf8");
  const blocks = text.split("\n```").filter((block) => block.startsWith(`${language}\n`));
  assert.equal(blocks.length, 1, `one example in ${language}, which is run here`);
  return blocks[0]?.slice(language.length + 1) ?? "";
}

/** What the page was told, and what it read, is the log: no gap, nothing twice. */
async function check(journey: Journey, cluster: Cluster, kit: Kit): Promise<void> {
  const acked = await journey.ask<readonly Acked[]>("journey.acked");
  const read = await journey.ask<readonly Read[]>("journey.read");
  const { lines, stderr } = await kit.run(["tail", "--json", "--endpoints", cluster.endpoints]);
  assert.equal(stderr, "");
  const log = lines.map((line): Read => {
    const { index, publisher, sequence, text } = JSON.parse(line);
    return { index, publisher, sequence, text };
  });
  assert.deepEqual(read, log, "the page read the log");
  assert.deepEqual(
    read.map(({ index }) => index),
    upTo(read.length),
    "from 1 on, without a gap",
  );
  assert.equal(new Set(read.map(({ text }) => text)).size, read.length, "nothing is there twice");
  const texts = new Map(log.map(({ index, text }) => [index, text]));
  for (const { index, text } of acked) assert.equal(texts.get(index), text, `entry ${index}`);
  assert.equal(acked.length, read.length, "all that is there was acknowledged");
}
