/**
 * The checkers of whole nodes can fail (H3): for each invariant an answer, a disk or a silence that
 * breaks it, made by hand on a cluster that works, is flagged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../../src/api.ts";
import type { Kibitzer } from "../../src/kibitzer.ts";
import type { SimulatedNode } from "../cluster.ts";
import { second } from "../simulator.ts";
import { Stage } from "../stories/stage.ts";
import { parseScript } from "../stories/script.ts";
import { tell } from "../stories/tell.ts";
import { Agreement } from "./agreement.ts";
import { checkClosing, checkProgress, type ProgressParts } from "./progress.ts";
import { checkReplay } from "./replay.ts";

async function stageOf(nodes: number): Promise<Stage> {
  const stage = new Stage({ nodes, chance: 0, network: "calm", commands: [] }, 100);
  await stage.found("calm");
  return stage;
}

/** A founder alone, with one entry that was published and shown. */
async function published(): Promise<Stage> {
  const stage = await stageOf(1);
  const submission = stage.clients.publish(stage.at(0), 1);
  await pass(stage);
  assert.equal(submission?.index, 1);
  assert.equal(stage.agreement.indexLast, 1);
  return stage;
}

async function pass({ simulator }: Stage): Promise<void> {
  await simulator.run(simulator.now + second);
}

async function breaks(invariant: string, stage: Stage, message: RegExp): Promise<void> {
  await assert.rejects(pass(stage), { invariant, message });
}

/** From now on the node's `method` is this one. */
function falsify(node: SimulatedNode, method: keyof Kibitzer, value: unknown): void {
  assert.ok(node.kibitzer !== null);
  Object.defineProperty(node.kibitzer, method, { value });
}

function partsOf({ simulator, clients, agreement, durability, cluster, expected }: Stage) {
  return {
    simulator,
    clients,
    agreement,
    durability,
    cluster: {
      nodes: expected,
      ready: () => cluster.ready(),
      close: async (node, how) => await cluster.close(node, how),
    },
  } satisfies ProgressParts;
}

const forever: Promise<void> = new Promise(() => undefined);

async function* entriesOf(...indexes: readonly number[]): AsyncGenerator<Entry> {
  for (const index of indexes) yield entry(index);
}

function entry(index: number): Entry {
  const text = `a1.${index} x`;
  const bytes = Buffer.from(text);
  const rest = { government: 1, when: 0, publisher: "3", sequence: index, bytes };
  return { index, slot: index + 3, text: () => text, ...rest };
}

test("C5: a barrier below what was acknowledged before it", async () => {
  const stage = await published();
  const { durability, clients } = stage;
  durability.acknowledge(durability.submit("y", "a1"), 7);
  clients.barrier(stage.at(0));
  await breaks("C5", stage, /a barrier at a gave 1, though 7 was acknowledged/);
});

test("W4: a follower that is told of a later index than the next one", async () => {
  const stage = await published();
  falsify(stage.at(0), "entries", () => entriesOf(2));
  stage.clients.follow(stage.at(0), 1);
  await breaks("W4", stage, /tells index 2 where 1 was due/);
});

test("W4: a read that shows an index twice", async () => {
  const stage = await published();
  falsify(stage.at(0), "entries", () => entriesOf(0));
  stage.clients.read(stage.at(0), 1);
  await breaks("W4", stage, /shows index 0 where 1 was due/);
});

test("C5: a read that ends before what was to be read", async () => {
  const stage = await published();
  falsify(stage.at(0), "entries", () => entriesOf());
  stage.clients.read(stage.at(0), 1);
  await breaks("C5", stage, /ends at index 0 of a read up to 1/);
});

test("A4: a reader is shown what nobody published", async () => {
  const stage = await published();
  falsify(stage.at(0), "entries", () => entriesOf(1, 2));
  stage.clients.follow(stage.at(0), 1);
  await breaks("A4", stage, /a shows "a1.2 x", never published/);
});

test("C7: a publish that fails without saying what became of it", async () => {
  const stage = await published();
  falsify(stage.at(0), "publish", async () => {
    throw new TypeError("no outcome");
  });
  stage.clients.publish(stage.at(0), 1);
  await breaks("C7", stage, /publish rejected with TypeError: no outcome/);
});

test("C1: an entry that is acknowledged twice", async () => {
  const { durability } = await stageOf(1);
  const submission = durability.submit("y", "a1");
  durability.acknowledge(submission, 1);
  assert.throws(() => durability.acknowledge(submission, 1), { invariant: "C1" });
});

test("L2: a node that does not come back, and an answer that never comes", async () => {
  const stage = await published();
  const { cluster, ...parts } = partsOf(stage);
  await checkClosing({ ...parts, cluster });
  const gone = checkProgress({ ...parts, cluster: { ...cluster, ready: () => [] } });
  await assert.rejects(gone, { invariant: "L2", message: /not within 90 s: .* ready: ;/ });
  parts.durability.submit("y", "a1");
  const waiting = checkProgress({ ...parts, cluster: { ...cluster, ready: () => cluster.nodes } });
  await assert.rejects(waiting, { invariant: "L2", message: /waiting: 1 \(y\)/ });
});

test("L2: nodes whose states stay apart", async () => {
  const stage = await published();
  const parts = partsOf(stage);
  const stranger = { ...stage.at(0), id: "x" };
  const cluster = { ...parts.cluster, nodes: [stage.at(0), stranger] };
  const clients = { publish: () => null, readAll: async () => 1 };
  const check = checkProgress({
    ...parts,
    clients,
    cluster: { ...cluster, ready: () => cluster.nodes },
  });
  await assert.rejects(check, { invariant: "L2", message: /states stay apart/ });
});

test("L10: a node that does not close, in the end or when it is asked to", async () => {
  const parts = partsOf(await published());
  const never = { ...parts.cluster, close: async () => await forever };
  await assert.rejects(checkClosing({ ...parts, cluster: never }), { invariant: "L10" });
  const { broken } = await tell(parseScript("nodes 1\npause a 90000\nclose a\nwait 61000"));
  assert.equal(broken?.invariant, "L10");
});

test("R1, S1: a recording that was altered, or that replays to another state", async () => {
  const stage = await published();
  const parts = partsOf(stage);
  const { simulator } = stage;
  const { kibitzer, disk } = stage.at(0);
  assert.ok(kibitzer !== null);
  const [own] = (await simulator.complete(kibitzer.status(), second)).members;
  await checkClosing(parts);
  assert.ok((await checkReplay(parts)) > 0);

  const agreement = new Agreement(() => true);
  agreement.hash("z", own?.hash.slot ?? 0, "0".repeat(16));
  await assert.rejects(checkReplay({ ...parts, agreement }), { invariant: "S1" });

  const [path = ""] = disk.paths().filter((each) => each.startsWith("data/recording/"));
  disk.rot(path, Math.floor((disk.peek(path)?.length ?? 0) / 2), 1);
  await assert.rejects(checkReplay(parts), { invariant: "R1" });
});

test("D8, M4: a node that finds its journal damaged, and one that is exiled unawares", async () => {
  const damaged = await published();
  const node = damaged.at(0);
  await checkClosing(partsOf(damaged));
  const [path = ""] = node.disk.paths().filter((each) => each.includes("journal"));
  node.disk.rot(path, 700, 255);
  damaged.cluster.start(node);
  await breaks("D8", damaged, /node a stopped/);

  const exiling = await stageOf(3);
  const { kibitzer } = exiling.at(0);
  assert.ok(kibitzer !== null);
  const exile = exiling.simulator.complete(kibitzer.exile("c"), 10 * second);
  await assert.rejects(
    exile.then(async () => await pass(exiling)),
    { invariant: "M4" },
  );
});
