/** Reading at a node itself: where it ends, and that an end that was not reached is told. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer, type Entry } from "../../src/index.ts";
import { failureOf } from "./failure-of.ts";

async function nodeWith(t: TestContext, texts: readonly string[]): Promise<Kibitzer> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-entries-"));
  const options = { id: "a", directory: join(directory, "a"), record: false };
  const node = await Kibitzer.open({ ...options, listen: ["tcp://127.0.0.1:0"] });
  t.after(async () => {
    await node.close();
    rmSync(directory, { recursive: true });
  });
  await node.bootstrap("entries");
  await Promise.all(texts.map(async (text) => await node.publish(text)));
  return node;
}

async function textsOf(entries: AsyncIterable<Entry>): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const entry of entries) texts.push(entry.text());
  return texts;
}

test("without following it ends at the last entry there is", async (t) => {
  const node = await nodeWith(t, ["one", "two", "three"]);
  for (const [range, texts] of [
    [{}, ["one", "two", "three"]],
    [{ to: 2 }, ["one", "two"]],
    [{ from: 2, to: 10 }, ["two", "three"]],
    [{ to: Infinity }, ["one", "two", "three"]],
    [{ from: 7, to: 9 }, []],
    [{ from: 2, to: 1 }, []],
  ] as const) {
    const found = await textsOf(node.entries({ ...range, follow: false }));
    assert.deepEqual(found, texts, JSON.stringify(range));
  }
});

test("what is no index, and no signal, is refused by name", async (t) => {
  const node = await nodeWith(t, []);
  for (const options of [{ from: 0 }, { from: 1.5 }, { to: Number.NaN }]) {
    await failureOf(textsOf(node.entries(options)), { code: "KBZ_ARGUMENT", outcome: "none" });
  }
  // What plain JavaScript may pass.
  const signal: AbortSignal = JSON.parse("{}");
  await failureOf(textsOf(node.entries({ signal })), { code: "KBZ_ARGUMENT", outcome: "none" });
  await failureOf(node.publish("never", { signal }), { code: "KBZ_ARGUMENT", outcome: "none" });
  await node.publish("only");
  assert.deepEqual(await textsOf(node.entries({ follow: false })), ["only"]);
});

test("closing ends what follows for ever, and fails what has an end", async (t) => {
  const node = await nodeWith(t, ["one"]);
  const [endless, bounded] = [node.entries(), node.entries({ to: 2 })];
  for (const reading of [endless, bounded]) {
    assert.equal((await reading.next()).value?.text(), "one");
  }
  const [end, failure] = [endless.next(), failureOf(bounded.next(), { code: "KBZ_CLOSED" })];
  await node.close();
  assert.equal((await end).done, true);
  assert.equal((await failure).outcome, "none");
  for (const follow of [true, false]) {
    await failureOf(textsOf(node.entries({ follow })), { code: "KBZ_CLOSED", outcome: "none" });
  }
});
