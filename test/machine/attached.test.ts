/** State machines attached to real nodes in one process: results, barriers, questions, restarts. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer, KibitzerClient, type KibitzerOptions } from "../../src/index.ts";
import { Ledger } from "./ledger.ts";

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-machine-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function open(
  t: TestContext,
  directory: string,
  options: Partial<KibitzerOptions> = {},
): Promise<Kibitzer> {
  const node = await Kibitzer.open({
    directory: join(directory, options.id ?? "a"),
    ...(options.id === undefined ? {} : { listen: [`unix:${directory}/${options.id}.socket`] }),
    parliamentSize: 3,
    record: false,
    ...options,
  });
  t.after(async () => await node.close());
  return node;
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

test("publish resolves with the result, at a node and through a client", async (t) => {
  const directory = directoryOf(t);
  const ledger = new Ledger();
  const node = await open(t, directory, { id: "a", machine: ledger });
  await node.bootstrap("results");
  const { index, result } = await node.publish("one");
  assert.equal(index, 1);
  assert.equal(text(result), "1:one");

  await using client = await KibitzerClient.connect([node.url]);
  const many = await Promise.all(["two", "three"].map((entry) => client.publish(entry)));
  assert.deepEqual(
    many.map((each) => text(each.result)),
    ["2:two", "3:three"],
  );
  assert.deepEqual(ledger.lines, ["1 one", "2 two", "3 three"]);
  assert.deepEqual(
    ledger.times,
    ledger.times.toSorted((left, right) => left - right),
  );
});

test("a machine attached late, and one after a restart, begin with the first entry", async (t) => {
  const directory = directoryOf(t);
  const node = await open(t, directory, { id: "a" });
  await node.bootstrap("restart");
  assert.deepEqual(await node.publish("one"), { index: 1 });
  const late = new Ledger();
  await node.attach(late);
  await node.barrier();
  assert.deepEqual(late.lines, ["1 one"]);
  assert.equal(text((await node.publish("two")).result), "2:two");
  await assert.rejects(node.attach(new Ledger()), { code: "KBZ_ARGUMENT" });
  await node.close();

  const restarted = new Ledger();
  const again = await open(t, directory, { machine: restarted });
  await again.barrier();
  assert.deepEqual(restarted.lines, ["1 one", "2 two"]);
  const { members } = await again.status();
  assert.deepEqual(members[0]?.applied, members[0]?.decided);
});

test("a question is answered after all that was published before it", async (t) => {
  const directory = directoryOf(t);
  const a = await open(t, directory, { id: "a", machine: new Ledger() });
  await a.bootstrap("questions");
  const b = await open(t, directory, { id: "b", machine: new Ledger() });
  await b.join(null, a.url);
  await using client = await KibitzerClient.connect([b.url]);
  for (const count of [1, 2, 3]) {
    await a.publish("entry");
    const { index, bytes } = await client.query(Buffer.from("n="));
    assert.equal(text(bytes), `n=${count}`);
    assert.equal(index, count);
  }
  const waiting = client.query(new Uint8Array(0), { stale: true, index: 4 });
  await a.publish("entry");
  assert.equal(text((await waiting).bytes), "4");
  assert.equal(text((await b.query(new Uint8Array(0))).bytes), "4");
});

test("without a machine there is nobody to ask, and it is said at once", async (t) => {
  const node = await open(t, directoryOf(t), { id: "a" });
  await node.bootstrap("nobody");
  await using client = await KibitzerClient.connect([node.url]);
  const nobody = { code: "KBZ_MACHINE", outcome: "none" };
  await assert.rejects(client.query(new Uint8Array(0)), nobody);
  await assert.rejects(node.query(new Uint8Array(0)), nobody);
  await assert.rejects(node.attach(JSON.parse("{}")), { code: "KBZ_ARGUMENT" });
});

test("a machine that throws stops its node, and says where", async (t) => {
  const node = await open(t, directoryOf(t), { id: "a" });
  await node.bootstrap("throws");
  const ledger = new Ledger();
  await node.attach({
    apply: (entry) => {
      if (entry.text() === "poison") throw new Error("cannot digest it");
      return ledger.apply(entry);
    },
    snapshot: () => ledger.snapshot(),
    restore: (pieces) => ledger.restore(pieces),
  });
  await node.publish("fine");
  await assert.rejects(node.publish("poison"), { code: "KBZ_CLOSED", outcome: "unknown" });
  const error = await node.ended;
  assert.equal(error?.code, "KBZ_MACHINE");
  assert.match(error.message, /apply at entry 2 \(slot \d+\): cannot digest it/);
});
