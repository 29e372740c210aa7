/**
 * The checkers of whole nodes can fail (H3): for each invariant an answer, a disk or a silence that
 * breaks it, made by hand on a cluster that works, is flagged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ballot } from "../../consensus/index.ts";
import type { Entry } from "../../src/api.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { SimulatedNode } from "../cluster.ts";
import type { SimulatedDisk } from "../disk/disk.ts";
import { Prng } from "../prng.ts";
import { second } from "../simulator.ts";
import { Simulation, type Stage } from "../simulation.ts";
import { calmSwarm } from "../swarm/calm-swarm.ts";
import { parseScript } from "../stories/script.ts";
import { tell } from "../stories/tell.ts";
import { Agreement } from "./agreement.ts";
import type { Submission } from "./durability.ts";
import { checkFailover } from "./failover.ts";
import { checkMemory, type Memory } from "./lives.ts";
import { checkClosing, checkProgress } from "./progress.ts";
import { checkReplay } from "./replay.ts";

type Script = (stage: Stage, first: SimulatedNode) => Promise<void>;

/** Plays `script` with so many nodes, and nothing after it. */
async function play(nodes: number, script: Script): Promise<void> {
  const swarm = { ...calmSwarm, nodes };
  const simulation = new Simulation(0, { swarm, supervised: false, endsWithScript: true });
  const { failure } = await simulation.perform(async (stage) => {
    const [first] = stage.cluster.nodes;
    assert.ok(first !== undefined);
    await script(stage, first);
  });
  assert.equal(failure, null, failure?.message);
}

/** With a founder alone, and one entry that was published and shown. */
async function published(script: Script): Promise<void> {
  await play(1, async (stage, first) => {
    const submission = stage.clients.publish(first, 1);
    await pass(stage);
    assert.equal(submission?.index, 1);
    assert.equal(stage.agreement.indexLast, 1);
    await script(stage, first);
  });
}

async function pass({ simulator }: Stage): Promise<void> {
  await simulator.run(simulator.now + second);
}

async function breaks(invariant: string, stage: Stage, message: RegExp): Promise<void> {
  await assert.rejects(pass(stage), { invariant, message });
}

/** From now on `method` of `object` is this one. */
function falsify<Value extends object>(object: Value | null, method: keyof Value, value: unknown) {
  assert.ok(object !== null);
  Object.defineProperty(object, method, { value });
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
  await published(async (stage, first) => {
    const { durability, clients } = stage;
    durability.acknowledge(durability.submit("y", "a1"), 7);
    clients.barrier(first);
    await breaks("C5", stage, /a barrier at a gave 1, though 7 was acknowledged/);
  });
});

test("W5: a reader is told that what it asked for is gone, and is there", async () => {
  await published(async (stage, first) => {
    const gone = new KibitzerError("KBZ_TRUNCATED", "The log begins with 1 now.", {
      retryable: false,
      outcome: "none",
    });
    falsify(first.kibitzer, "entries", () => {
      throw gone;
    });
    stage.clients.follow(first, 1);
    await breaks("W5", stage, /a says that 1 is gone, not 1/);
  });
});

test("W4: a follower that is told of a later index than the next one", async () => {
  await published(async (stage, first) => {
    falsify(first.kibitzer, "entries", () => entriesOf(2));
    stage.clients.follow(first, 1);
    await breaks("W4", stage, /tells index 2 where 1 was due/);
  });
});

test("W4: a read that shows an index twice", async () => {
  await published(async (stage, first) => {
    falsify(first.kibitzer, "entries", () => entriesOf(0));
    stage.clients.read(first, 1);
    await breaks("W4", stage, /shows index 0 where 1 was due/);
  });
});

test("C5: a read that ends before what was to be read", async () => {
  await published(async (stage, first) => {
    falsify(first.kibitzer, "entries", () => entriesOf());
    stage.clients.read(first, 1);
    await breaks("C5", stage, /ends at index 0 of a read up to 1/);
  });
});

test("A4: a reader is shown what nobody published", async () => {
  await published(async (stage, first) => {
    falsify(first.kibitzer, "entries", () => entriesOf(2));
    stage.clients.follow(first, 2);
    await breaks("A4", stage, /a shows "a1.2 x", never published/);
  });
});

test("C7: a publish that fails without saying what became of it", async () => {
  await published(async (stage, first) => {
    falsify(first.kibitzer, "publish", async () => {
      throw new TypeError("no outcome");
    });
    stage.clients.publish(first, 1);
    await breaks("C7", stage, /publish rejected with TypeError: no outcome/);
  });
});

test("C1: an entry that is acknowledged twice", async () => {
  await play(1, async ({ durability }) => {
    const submission = durability.submit("y", "a1");
    durability.acknowledge(submission, 1);
    assert.throws(() => durability.acknowledge(submission, 1), { invariant: "C1" });
  });
});

test("L2: a node that does not come back, and an answer that never comes", async () => {
  await published(async (stage, first) => {
    stage.durability.submit("y", "a1");
    const waiting = checkProgress(stage, [first]);
    await assert.rejects(waiting, { invariant: "L2", message: /waiting: 1 \(y\)/ });
    await checkClosing(stage);
    const gone = checkProgress(stage, [first]);
    await assert.rejects(gone, { invariant: "L2", message: /not within 90 s: .* ready: ;/ });
  });
});

test("L2: nodes whose states stay apart", async () => {
  await published(async (stage, first) => {
    const stranger = { ...first, id: "x" };
    falsify(stage.clients, "readAll", async () => 1);
    const check = checkProgress(stage, [first, stranger]);
    await assert.rejects(check, { invariant: "L2", message: /states stay apart/ });
  });
});

test("L2: a node that shows no state is not left out of the comparison", async () => {
  await published(async (stage, first) => {
    const { kibitzer } = first;
    assert.ok(kibitzer !== null);
    const status = kibitzer.status.bind(kibitzer);
    falsify(kibitzer, "status", async () => ({ ...(await status()), members: [] }));
    const check = checkProgress(stage, [first]);
    await assert.rejects(check, { invariant: "L2", message: /states stay apart: a shows none/ });
  });
});

test("L10: a node that does not close, in the end or when it is asked to", async () => {
  await published(async (stage) => {
    falsify(stage.cluster, "close", async () => await forever);
    await assert.rejects(checkClosing(stage), { invariant: "L10" });
  });
  const { broken } = await tell(parseScript("nodes 1\npause a 90000\nclose a\nwait 61000"));
  assert.equal(broken?.invariant, "L10");
});

test("L5: whoever waits is not answered after the leader was struck", async () => {
  for (const strike of ["kill", "isolate"] as const) {
    await play(3, async (stage, { kibitzer }) => {
      assert.ok(kibitzer !== null);
      const { cluster } = stage;
      const liveness = { ...calmSwarm.liveness, strike };
      const swarm = { ...calmSwarm, liveness };
      const parts = { ...stage, swarm, prng: new Prng(strike) };
      await checkFailover(parts, cluster.nodes);
      await pass(stage);
      const submit = (): Submission => stage.durability.submit("y", "b1");
      const lost = { ...parts, clients: { publish: submit } };
      await assert.rejects(checkFailover(lost, cluster.nodes), {
        invariant: "L5",
        message: /1980 ms after ".*" of the leader .* calls still wait, at b1/,
      });
    });
  }
});

test("an exception that no node catches, and one that nobody awaits", async () => {
  await play(1, async (stage, { life }) => {
    life?.after(1, () => {
      throw new RangeError("out of bounds");
    });
    await breaks("uncaught", stage, /an exception of a: RangeError: out of bounds/);
  });
});

function ballot(round: number): Ballot {
  return { government: 1, round, id: "a" };
}

test("A17, D1, D5: a life that knows less than the last one was told to be durable", () => {
  const before: Memory = {
    cookie: "c",
    starts: 2,
    now: 900,
    writeLast: 7,
    promised: ballot(3),
    accepted: ballot(2),
  };
  const after: Memory = { ...before, starts: 3, now: 0 };
  checkMemory("a", before, after);
  checkMemory("a", before, { ...before, now: 950 });
  checkMemory("a", before, { ...after, cookie: "d", writeLast: 0, promised: ballot(0) });
  const breaksBy = (invariant: string, changed: Partial<Memory>): void => {
    assert.throws(() => checkMemory("a", before, { ...after, ...changed }), { invariant });
  };
  breaksBy("A17", { promised: ballot(2) });
  breaksBy("A17", { accepted: ballot(1) });
  breaksBy("D1", { writeLast: 6 });
  breaksBy("D5", { starts: 2 });
});

test("R1, S1: a recording that was altered, or that replays to another state", async () => {
  await published(async (stage, { kibitzer, disk }) => {
    assert.ok(kibitzer !== null);
    const [own] = (await stage.simulator.complete(kibitzer.status(), second)).members;
    await checkClosing(stage);
    assert.ok((await checkReplay(stage)) > 0);

    const agreement = new Agreement(() => true);
    agreement.hash("z", own?.hash.slot ?? 0, "0".repeat(16));
    await assert.rejects(checkReplay({ ...stage, agreement }), { invariant: "S1" });

    alter(disk, /recording/, ({ length }) => Math.floor(length / 2));
    await assert.rejects(checkReplay(stage), { invariant: "R1" });
  });
});

/** Changes a byte of the first such file, with no note of it in the books of the simulation. */
function alter(disk: SimulatedDisk, which: RegExp, where: (bytes: Uint8Array) => number): void {
  const [path = ""] = disk.paths().filter((each) => which.test(each));
  const bytes = disk.peek(path) ?? new Uint8Array();
  const position = where(bytes);
  disk.find(path).write(Uint8Array.of((bytes[position] ?? 0) ^ 255), position);
}

test("D8, M4: a node that finds its journal damaged, and one that is exiled unawares", async () => {
  await published(async (stage, first) => {
    await checkClosing(stage);
    alter(first.disk, /segment/, () => 700);
    stage.cluster.start(first);
    await breaks("D8", stage, /takes its disk for damaged/);
  });

  await play(3, async (stage, { kibitzer }) => {
    assert.ok(kibitzer !== null);
    const exile = stage.simulator.complete(kibitzer.exile("c"), 10 * second);
    await assert.rejects(
      exile.then(async () => await pass(stage)),
      { invariant: "M4" },
    );
  });
});
