/** An entry that the state machine cannot apply: what becomes of it is the same on every node. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  Kibitzer,
  type KibitzerError,
  type MachineEntry,
  type StateMachine,
} from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";
import { gather, hostOver, WrittenLog } from "./host-scene.ts";
import { Ledger } from "./ledger.ts";

const never = new AbortController().signal;

/** Throws at some entries: at the same ones on every node, unless told to be strict. */
class Delicate extends Ledger {
  readonly onError: NonNullable<StateMachine["onError"]>;
  readonly isStrict: boolean;

  constructor(onError: NonNullable<StateMachine["onError"]>, isStrict = false) {
    super();
    this.onError = onError;
    this.isStrict = isStrict;
  }

  override apply(entry: MachineEntry): string {
    const text = entry.text();
    if (text === "poison" || (this.isStrict && text === "odd")) throw new Error(`no ${text}`);
    return super.apply(entry);
  }
}

interface Three {
  readonly nodes: readonly Kibitzer[];
  readonly machines: readonly Delicate[];
  /** The same directory, with another machine. */
  readonly again: (at: number, machine: Delicate) => Promise<Kibitzer>;
}

async function three(t: TestContext, machines: readonly Delicate[]): Promise<Three> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-poison-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const open = async (at: number, machine: Delicate): Promise<Kibitzer> => {
    const id = "abc"[at] ?? "";
    const node = await Kibitzer.open({
      id,
      directory: join(directory, id),
      listen: [`unix:${directory}/${id}.socket`],
      parliamentSize: 3,
      record: false,
      machine,
    });
    t.after(async () => await node.close());
    return node;
  };
  const nodes = await Promise.all(machines.map(async (machine, at) => await open(at, machine)));
  const [first, ...others] = nodes;
  assert.ok(first !== undefined);
  await first.bootstrap("poisoned");
  await Promise.all(others.map(async (node) => await node.join(null, first.url)));
  await eventually("three seats", async () => {
    const { government } = await first.status();
    return government.parliament.length === 3 ? government : null;
  });
  return { nodes, machines, again: open };
}

test("P20 one poisoned entry does not stop the cluster: all skip it", async (t) => {
  const machines = [1, 2, 3].map(() => new Delicate("skip"));
  const { nodes, again } = await three(t, machines);
  const [first, second] = nodes;
  assert.ok(first !== undefined && second !== undefined);
  await first.publish("one");
  assert.deepEqual(await second.publish("poison"), { index: 2, isSkipped: true });
  const { index, result } = await first.publish("three");
  assert.deepEqual([index, Buffer.from(result ?? []).toString()], [3, "2:three"]);
  await Promise.all(nodes.map(async (node) => await node.barrier()));
  for (const { lines } of machines) assert.deepEqual(lines, ["1 one", "3 three"]);
  await Promise.all(nodes.map(async (node) => await node.close()));
  const anew = [1, 2, 3].map(() => new Delicate("skip"));
  const back = await Promise.all(anew.map(async (machine, at) => await again(at, machine)));
  await Promise.all(back.map(async (node) => await node.barrier()));
  for (const { lines } of anew) assert.deepEqual(lines, ["1 one", "3 three"]);
});

test("P20 where machines stop, all stop at one entry, and may skip it later", async (t) => {
  const { nodes, again } = await three(
    t,
    [1, 2, 3].map(() => new Delicate("stop")),
  );
  await nodes[0]?.publish("one");
  nodes[0]?.publish("poison").catch(() => undefined);
  const errors: (KibitzerError | null)[] = [];
  for (const node of nodes) void node.ended.then((error) => errors.push(error));
  // The last one may be left without a quorum before it has learned that the entry is decided.
  await eventually("two nodes have stopped", async () => {
    return await Promise.resolve(errors.length >= 2 ? errors : null);
  });
  for (const error of errors) {
    assert.equal(error?.code, "KBZ_MACHINE");
    assert.match(error.message, /apply at entry 2 .* no poison.*onError: "skip"/s);
  }
  await Promise.all(nodes.map(async (node) => await node.close()));
  const machines = [1, 2, 3].map(() => new Delicate("skip"));
  const back = await Promise.all(machines.map(async (machine, at) => await again(at, machine)));
  assert.equal((await back[0]?.publish("three"))?.index, 3);
  await Promise.all(back.map(async (node) => await node.barrier()));
  for (const { lines } of machines) assert.deepEqual(lines, ["1 one", "3 three"]);
});

test("P20 who skips what the others apply has diverged, and stops alone", async (t) => {
  const machines = [new Delicate("skip"), new Delicate("skip"), new Delicate("skip", true)];
  const { nodes } = await three(t, machines);
  const [first, , strict] = nodes;
  assert.ok(first !== undefined && strict !== undefined);
  await first.publish("odd");
  const error = await strict.ended;
  assert.equal(error?.code, "KBZ_MACHINE_DIVERGED");
  assert.equal((await first.publish("goes on")).index, 2);
});

test("what was skipped is told, kept in snapshots, and part of the hash", async () => {
  const log = new WrittenLog();
  log.append(["one", "poison", "three"]);
  const skipping = hostOver(log, new Delicate("skip"));
  await skipping.host.reached({ slot: log.slot }, never);
  assert.deepEqual(skipping.skips, [2]);
  const row = skipping.host.resultsOf(1, 1);
  assert.equal(row?.results?.[1], "skipped");
  const bytes = await gather(skipping.part.write(log.slot, never));
  const restored = hostOver(log, new Delicate("skip"), false);
  await restored.part.restore(
    (async function* () {
      yield bytes;
    })(),
    log.slot,
  );
  assert.deepEqual(restored.host.resultsOf(1, 1), row);
  const other = hostOver(log, new Ledger());
  await other.host.reached({ slot: log.slot }, never);
  assert.notEqual(other.host.hash, skipping.host.hash);
  for (const { over } of [skipping, restored, other]) over.abort();
});
