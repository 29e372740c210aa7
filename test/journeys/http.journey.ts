/**
 * The log with nothing but curl: publishers who repeat each request until it is answered, followers
 * who go on at another node when theirs dies, and a leader that is killed again and again. Each
 * entry is there once, and each follower is told each index once, in order.
 */
import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Cluster } from "../processes/cluster.ts";
import { eventually, Kit } from "../processes/kit.ts";

const kills = Number(process.env["ROUNDS"] ?? 2);
const publishers = 4;
/** How much is published before the first kill, between two, and after the last, by each. */
const entriesEach = 25;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request by curl; status 0 where there was no answer. */
async function curl(...args: readonly string[]): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const options = ["-sS", "--max-time", "20", "-w", "\n%{http_code}", ...args];
  execFile("curl", options, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout) => {
    const end = stdout.lastIndexOf("\n");
    resolve({ status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) });
  });
  return await promise;
}

/** Asks one node after the other until one does what is asked; says what else they answered. */
class Asker {
  readonly refusals: string[] = [];
  readonly #urls: readonly string[];
  #at: number;

  constructor(urls: readonly string[], at: number) {
    this.#urls = urls;
    this.#at = at;
  }

  get url(): string {
    return this.#urls[this.#at % this.#urls.length] ?? "";
  }

  next(): void {
    this.#at += 1;
  }

  async until200(path: string, ...args: readonly string[]): Promise<string> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { status, text } = await curl(...args, `${this.url}${path}`);
      if (status === 200) return text;
      this.refusals.push(`${status} ${text.slice(0, 300)}`);
      // Whatever became of the request, the same numbers may be sent again.
      if (status !== 0) assert.equal(JSON.parse(text).retryable, true, text);
      this.next();
    }
    return assert.fail(`nobody answered: ${this.refusals.slice(-3).join("; ")}`);
  }
}

class Publisher {
  readonly asker: Asker;
  /** The index of each entry, by its sequence less one. */
  readonly indexes: number[] = [];
  #id = "";

  constructor(urls: readonly string[], at: number) {
    this.asker = new Asker(urls, at);
  }

  get id(): string {
    return this.#id;
  }

  async register(): Promise<void> {
    const text = await this.asker.until200("/v1/publishers", "-X", "POST");
    this.#id = JSON.parse(text).publisher;
  }

  async publish(): Promise<void> {
    const sequence = this.indexes.length + 1;
    const headers = [`Kibitz-Publisher: ${this.#id}`, `Kibitz-Sequence: ${sequence}`];
    const body = `${this.#id}/${sequence}`;
    const args = [...headers.flatMap((header) => ["-H", header]), "--data-binary", body];
    const { index } = JSON.parse(await this.asker.until200("/v1/entries", ...args));
    this.indexes.push(index);
    // Every other request is sent to the next node, as behind a balancer.
    if (sequence % 2 === 0) this.asker.next();
  }
}

/** Follows from the first entry on with one curl after the other. */
class Follower {
  readonly ids: number[] = [];
  readonly texts: string[] = [];
  /** How often its node went away. */
  losses = 0;
  readonly #asker: Asker;
  #curl: ChildProcess | null = null;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(urls: readonly string[], at: number) {
    this.#asker = new Asker(urls, at);
    this.#done = this.#follow();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#curl?.kill();
    await this.#done;
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      const last = this.ids.at(-1);
      const resume = last === undefined ? [] : ["-H", `Last-Event-ID: ${last}`];
      const args = ["-sSN", "-H", "Accept: text/event-stream", ...resume];
      const child = spawn("curl", [...args, `${this.#asker.url}/v1/entries`], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      this.#curl = child;
      let id = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        if (line.startsWith("id: ")) id = Number(line.slice("id: ".length));
        else if (line.startsWith("data: ") && id > 0) {
          const { index, text } = JSON.parse(line.slice("data: ".length));
          assert.equal(index, id);
          this.ids.push(index);
          this.texts.push(text);
          id = 0;
        }
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
      if (this.#isOver) return;
      this.losses += 1;
      this.#asker.next();
    }
  }
}

test("curl publishes once and follows without a gap through kill -9", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  const urls = cluster.nodes.map(({ url }) => url.replace("ws:", "http:"));
  const all = Array.from({ length: publishers }, (_, at) => new Publisher(urls, at));
  const followers = urls.map((_, at) => new Follower(urls, at));
  t.after(async () => await Promise.all(followers.map(async (one) => await one.stop())));
  await Promise.all(all.map(async (publisher) => await publisher.register()));

  const total = entriesEach * (kills + 1);
  const publishing = all.map(async (publisher) => {
    while (publisher.indexes.length < total) await publisher.publish();
  });
  const done = (): number => all.reduce((sum, { indexes }) => sum + indexes.length, 0);
  for (let kill = 1; kill <= kills; kill += 1) {
    const enough = kill * entriesEach * publishers;
    await eventually(
      `${enough} published`,
      async () => await Promise.resolve(done() >= enough || null),
    );
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await eventually("another leads", async () => {
      const other = await cluster.leader();
      return other === leader ? null : other;
    });
    await cluster.restart(leader);
  }
  await Promise.all(publishing);

  const last = publishers * total;
  const url = urls[0] ?? "";
  const read = await curl(`${url}/v1/entries`);
  const lines = read.text.split("\n").filter((line) => line !== "");
  const entries = lines.map((line) => JSON.parse(line));
  const whole = Array.from({ length: last }, (_, at) => at + 1);
  assert.deepEqual(
    entries.map(({ index }) => index),
    whole,
  );
  for (const { id, indexes } of all) {
    const own = entries.filter(({ publisher }) => publisher === id);
    assert.deepEqual(
      own.map(({ text, index }) => [text, index]),
      indexes.map((index, at) => [`${id}/${at + 1}`, index]),
    );
  }
  await eventually("all is followed", async () =>
    Promise.resolve(followers.every(({ ids }) => ids.length >= last) || null),
  );
  for (const { ids, texts } of followers) {
    assert.deepEqual(ids, whole);
    assert.deepEqual(
      texts,
      entries.map(({ text }) => text),
    );
  }
  const retried = all.reduce((sum, { asker }) => sum + asker.refusals.length, 0);
  const losses = followers.map((one) => one.losses);
  t.diagnostic(
    `${last} entries, ${kills} leaders killed, ${retried} requests sent again, streams lost ` +
      losses.join(", "),
  );
  assert.ok(
    losses.some((count) => count > 0),
    "a follower's node died",
  );
});
