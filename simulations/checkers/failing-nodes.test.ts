/**
 * What a run demands of its nodes as processes can fail (H3): how they start, stop, answer and
 * forget. One wrong act each, put into a cluster that works, is flagged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../../src/api.ts";
import { KibitzerClient } from "../../src/client/kibitzer-client.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { KibitzerError, type KibitzerErrorCode } from "../../src/kibitzer-error.ts";
import { SimulatedDisk } from "../disk/disk.ts";
import { inPlaceOf } from "../in-place-of.ts";
import { second, Simulator } from "../simulator.ts";
import { Simulation, type RunReport, type Stage } from "../simulation.ts";
import { SystemError } from "../disk/system-error.ts";
import { parseScript } from "../stories/script.ts";
import { tell } from "../stories/tell.ts";
import { calmSwarm } from "../swarm/calm-swarm.ts";
import type { Swarm } from "../swarm/swarm.ts";

async function play(
  script: (stage: Stage) => Promise<void>,
  swarm: Partial<Swarm> = {},
): Promise<RunReport["failure"]> {
  const all = { ...calmSwarm, timing: { pingMs: 100, silenceMs: 500, stallMs: 2000 }, ...swarm };
  const simulation = new Simulation(1, { swarm: all, supervised: false, endsWithScript: true });
  const { failure } = await simulation.perform(script);
  return failure;
}

async function wait({ simulator }: Stage, seconds = 1): Promise<void> {
  await simulator.run(simulator.now + seconds * second);
}

function refusing(code: KibitzerErrorCode): Disposable {
  const details = { retryable: false, outcome: "none" } as const;
  return inPlaceOf(Kibitzer, "open", async () => {
    throw new KibitzerError(code, "This test says so.", details);
  });
}

test("D5, D8, M4, M5, S1: a node that stops, and nothing was done to it", async () => {
  const expected = [
    ["KBZ_DAMAGED", "D8"],
    ["KBZ_DIVERGED", "S1"],
    ["KBZ_STALE_DISK", "D5"],
    ["KBZ_ID_TAKEN", "M4"],
    ["KBZ_EXILED", "M4"],
    ["KBZ_REPUBLIC", "M5"],
    ["KBZ_IN_USE", "M4"],
  ] as const;
  for (const [code, invariant] of expected) {
    const failure = await play(async (stage) => {
      const [, node] = stage.cluster.nodes;
      assert.ok(node !== undefined);
      stage.cluster.crash(node, null);
      using _ = refusing(code);
      stage.cluster.start(node);
      await wait(stage);
    });
    assert.equal(failure?.invariant, invariant, code);
  }
});

test("M4, D5: a second process on one directory", async () => {
  const failure = await play(async (stage) => {
    const [node] = stage.cluster.nodes;
    assert.ok(node !== undefined);
    using _ = inPlaceOf(SimulatedDisk.prototype, "lock", () => {
      return { [Symbol.asyncDispose]: async () => undefined };
    });
    await stage.simulator.complete(stage.cluster.startTwin(node), 10 * second);
  });
  // Found by who started it, or before by a member that vouches for the directory's state.
  assert.match(
    `${failure?.message}`,
    /^M4: two processes have opened the directory of a|^D5: .* a copy of it runs/,
  );
});

test("D6: a process that goes on after it was told of a failed sync", async () => {
  // Nothing has failed but in the harness's books: as if the node had not heard it.
  const on = await play(async (stage) => {
    const [node] = stage.cluster.nodes;
    assert.ok(node?.life !== null && node !== undefined);
    node.disk.syncWatcher?.failed(node.life);
    await wait(stage, 2);
  });
  assert.match(`${on?.message}`, /^D6: a goes on after a failed sync/);
  const again = await play(async (stage) => {
    stage.cluster.nodes[0]?.disk.syncWatcher?.repeated("data/promise-1");
    await wait(stage);
  });
  assert.equal(again?.invariant, "D6");
});

test("D11: a node that ends since its disk is full", async () => {
  const failure = await play(async (stage) => {
    const [node] = stage.cluster.nodes;
    assert.ok(node !== undefined);
    // What the journal may need space for at any time: nothing is ever filled ahead.
    using _ = inPlaceOf(SimulatedDisk.prototype, "reserve", (_: number, path: string) => {
      if (path.includes("/segment-")) throw new SystemError("ENOSPC", "fdatasync", path);
    });
    for (let round = 0; round < 10; round += 1) {
      stage.clients.publish(node);
      await wait(stage, 0.1);
    }
  });
  assert.equal(failure?.invariant, "D11");
});

test("D4: a node that is damaged where it counts, and does not say so", async () => {
  const swarm = { ...calmSwarm, atlas: { victims: [], isSafetyOnly: true } };
  const simulation = new Simulation(1, { swarm });
  const { failure } = await simulation.perform(async (stage) => {
    for (let round = 0; round < 10; round += 1) {
      for (const node of stage.cluster.nodes) stage.clients.publish(node);
      await wait(stage, 0.2);
    }
    // It is down for good, as nobody sees.
    Object.defineProperty(stage.cluster, "start", { value: () => undefined });
  });
  assert.equal(failure?.invariant, "D4");
});

test("D5: a node that serves, having forgotten what it promised", async () => {
  const atlas = { victims: [2], isSafetyOnly: false };
  const folders = { meanMs: 3000, kinds: ["backup"] as const };
  const operator = { meanMs: 500, kinds: ["transfer"] as const };
  const timing = { pingMs: 100, silenceMs: 500, stallMs: 2000 };
  const workload = { ...calmSwarm.workload, publishesPerSecond: 20 };
  const swarm = { ...calmSwarm, atlas, folders, operator, timing, workload };
  const simulation = new Simulation(3, {
    swarm,
    // Nobody tells it that its disk is old, or asks it for a promise.
    acknowledged: () => {
      const { network } = simulation.cluster;
      if (!simulation.simulator.trace.faults().has("X6")) return;
      network.droppedKinds = new Set(["pong", "prepare"]);
    },
  });
  const { failure } = await simulation.run(40);
  assert.equal(failure?.invariant, "D5", failure?.message);
  assert.match(failure.message, /c serves, having forgotten what it promised/);
});

test("L2: a republic that does not get whole, and a node whose log nobody can read", async () => {
  using _ = inPlaceOf(Kibitzer.prototype, "join", async () => await new Promise(() => undefined));
  const failure = await play(async () => undefined);
  assert.equal(failure?.invariant, "L2");
  assert.match(failure.message, /not whole after 30 s/);

  const alone = await play(
    async (stage) => {
      const [node] = stage.cluster.nodes;
      assert.ok(node !== undefined);
      stage.cluster.crash(node, null);
      await stage.clients.readAll(node);
    },
    { nodes: 1 },
  );
  assert.equal(alone?.invariant, "L2");
  assert.match(alone.message, /node a is not running/);
});

test("L5: what is waited for, and does not come", async () => {
  const never = new Promise<void>(() => undefined);
  await assert.rejects(new Simulator().complete(never, second), { invariant: "L5" });
});

test("L2, C7: a story that never begins, and an operator who is told nothing of use", async () => {
  {
    using _ = inPlaceOf(Kibitzer.prototype, "status", async () => ({
      government: { parliament: [] },
      members: [],
    }));
    const told = await tell(parseScript("nodes 3"));
    assert.equal(told.broken?.invariant, "L2");
    assert.match(told.broken.message, /no seats for all founders/);
  }
  using _ = inPlaceOf(Kibitzer.prototype, "transfer", async () => {
    throw new TypeError("no code");
  });
  const told = await tell(parseScript("nodes 3\ntransfer a anybody\nwait 10"));
  assert.equal(told.broken?.invariant, "C7", told.broken?.message);
});

/** With a client in a process of its own, one of whose answers is this one. */
async function misleading(method: keyof KibitzerClient, answer: unknown): Promise<string> {
  const workload = { ...calmSwarm.workload, remoteClients: 1 };
  using _ = inPlaceOf(KibitzerClient.prototype, method, answer);
  const { failure } = await new Simulation(1, { swarm: { ...calmSwarm, workload } }).run(4);
  return `${failure?.invariant}: ${failure?.message}`;
}

const low = async (): Promise<{ index: number }> => ({ index: -1 });

async function lost(): Promise<never> {
  throw new TypeError("no outcome");
}

async function* far(): AsyncGenerator<Partial<Entry>> {
  yield { index: 7_000 };
}

test("C5, C7, W4: a client far away that is answered wrongly", async () => {
  assert.match(await misleading("barrier", low), /^C5: .* a barrier of k1 gave -1/);
  assert.match(await misleading("publish", lost), /^C7: .*publish rejected with TypeError/);
  assert.match(await misleading("entries", far), /^W4: .*k1 reads index 7000 where 1 was due/);
});
