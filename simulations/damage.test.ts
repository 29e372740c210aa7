/**
 * Damage, and what must become of it: noticed, replaced, survived. And that the checkers which say
 * so can fail (H3).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Agreement } from "./checkers/agreement.ts";
import { Atlas } from "./atlas.ts";
import { Governments } from "./checkers/governments.ts";
import { dataDirectory } from "./cluster.ts";
import { damageDisk, damageKinds, isUsedSegment, wound } from "./disk/disk-damage.ts";
import { calmDisk } from "./disk/disk.ts";
import { applicableFaults, missingFaults } from "./fault-kinds.ts";
import { OtherFolders } from "./other-folders.ts";
import { Prng } from "./prng.ts";
import { Simulation, type RunReport, type Stage } from "./simulation.ts";
import { millisecond, second } from "./simulator.ts";
import { calmSwarm } from "./swarm/calm-swarm.ts";
import type { Swarm } from "./swarm/swarm.ts";

const sectorBytes = 512;

async function tell(
  script: (stage: Stage) => Promise<void>,
  swarm: Partial<Swarm> = {},
): Promise<RunReport> {
  const all = { ...calmSwarm, timing: { pingMs: 100, silenceMs: 500, stallMs: 2000 }, ...swarm };
  return await new Simulation(1, { swarm: all }).perform(async (stage) => {
    // Waits until all three have seats: a node that founds alone has no copies elsewhere.
    for (let round = 0; round < 8; round += 1) await publishAll(stage);
    await script(stage);
  });
}

async function publishAll({ simulator, cluster, clients }: Stage): Promise<void> {
  for (const node of cluster.nodes) clients.publish(node);
  await simulator.run(simulator.now + 150 * millisecond);
}

test("P19 damage of each kind is noticed, and repaired or replaced, or does no harm", async () => {
  for (const kind of damageKinds) {
    let isCertain = false;
    const report = await tell(
      async (stage) => {
        const [, , node] = stage.cluster.nodes;
        assert.ok(node !== undefined);
        for (let round = 0; round < 20 && !isCertain; round += 1) {
          damageDisk(node.disk, new Prng(`${kind} at rest ${round}`), kind);
          isCertain = node.disk.wounds.refusal(node.disk.directories) !== null;
        }
        stage.cluster.crash(node, null);
        await stage.simulator.run(stage.simulator.now + 3 * second);
      },
      { atlas: { victims: [2], isSafetyOnly: false } },
    );
    assert.equal(report.failure, null, `${kind}: ${report.failure?.message}`);
    assert.ok(isCertain, `${kind} damages what must be noticed`);
    // One that has lost a file may not know where its log ended; others are repaired.
    if (kind !== "gone") assert.equal(report.faults.get("O5"), undefined, `${kind}: not exiled`);
  }
});

test("a node that starts on damage that it should notice is found (D7)", async () => {
  const report = await tell(async ({ simulator, cluster }) => {
    const [, , node] = cluster.nodes;
    assert.ok(node !== undefined);
    // Nothing is missing but in the harness's own books: as if the node had not looked.
    node.disk.wounds.lose(`${dataDirectory}/promise-3`);
    cluster.crash(node, null);
    await simulator.run(simulator.now + 3 * second);
  });
  assert.equal(report.failure?.invariant, "D7");
});

test("a member that may not serve with its disk is found (D5)", async () => {
  const report = await tell(async ({ simulator, cluster }) => {
    const [, node] = cluster.nodes;
    assert.ok(node !== undefined);
    node.mustNotServe = "this test says so";
    cluster.crash(node, null);
    await simulator.run(simulator.now + 3 * second);
  });
  assert.equal(report.failure?.invariant, "D5");
});

test("a node that takes a sound disk for damaged is found (D8)", async () => {
  const report = await tell(async ({ simulator, cluster }) => {
    const [, , node] = cluster.nodes;
    assert.ok(node !== undefined);
    // Behind the back of the harness's books, so that for them the disk is sound.
    const log = node.disk.directories
      .files()
      .find(([path, file]) => isUsedSegment(node.disk, { path, file }));
    log?.[1].damage(Uint8Array.of(1, 2, 3), sectorBytes);
    cluster.crash(node, null);
    await simulator.run(simulator.now + 3 * second);
  });
  assert.equal(report.failure?.invariant, "D8");
});

test("a recording that does not replay is found (R1)", async () => {
  const report = await tell(async ({ cluster }) => {
    const [node] = cluster.nodes;
    const recording = node?.disk.directories.files().find(([path]) => path.includes("/recording-"));
    assert.ok(recording !== undefined);
    recording[1].sync(recording[1].pending());
    recording[1].damage(Uint8Array.of(1, 2, 3), 400);
  });
  assert.equal(report.failure?.invariant, "R1");
});

test("a barrier below what was acknowledged is found (C5)", async () => {
  const workload = { ...calmSwarm.workload, barriersPerSecond: 20 };
  const report = await tell(
    async ({ simulator, clients, durability }) => {
      durability.acknowledge(durability.submit("never decided", "nobody"), 10_000);
      clients.start();
      await simulator.run(simulator.now + second);
    },
    { workload },
  );
  assert.equal(report.failure?.invariant, "C5");
});

test("a core that does not converge, and could, is a failure (L2, L7)", async () => {
  const report = await tell(async ({ cluster }) => {
    const [, , node] = cluster.nodes;
    assert.ok(node !== undefined);
    // Down, and nobody takes care of it.
    node.isLost = true;
    node.isReplaced = true;
    cluster.crash(node, null);
  });
  assert.equal(report.failure?.invariant, "L2");
  assert.equal(report.stuck, null);
});

test("an emptied disk under a known id is refused, and replaced by exile (X5, D5)", async () => {
  const report = await tell(async ({ simulator, cluster }) => {
    const [node] = cluster.nodes;
    assert.ok(node !== undefined);
    cluster.crash(node, null);
    cluster.replaceDisk(node, new Map());
    node.pardons.add("KBZ_ID_TAKEN");
    node.mustNotServe = "its disk was emptied";
    await simulator.run(simulator.now + 4 * second);
  });
  assert.equal(report.failure, null, report.failure?.message);
  assert.equal(report.faults.get("O5"), 1);
});

test("a disk that went back behind its promise is noticed by peers (X6, D5)", async () => {
  const report = await tell(async (stage) => {
    const { simulator, cluster } = stage;
    const [, , node] = cluster.nodes;
    assert.ok(node !== undefined);
    const image = node.disk.image();
    // Another leads meanwhile, to whom it has promised.
    const leads = cluster.nodes.map(({ kibitzer }) => kibitzer?.transfer(null));
    for (const transfer of leads) transfer?.catch(() => undefined);
    for (let round = 0; round < 20; round += 1) await publishAll(stage);
    cluster.crash(node, null);
    cluster.replaceDisk(node, image);
    node.pardons.add("KBZ_STALE_DISK");
    await simulator.run(simulator.now + 4 * second);
  });
  assert.equal(report.failure, null, report.failure?.message);
  assert.equal(report.faults.get("O5"), 1);
});

for (const made of ["while it runs", "while it is down"]) {
  test(`of a disk and its copy made ${made} one is told, and none votes (X9, M4)`, async () => {
    let replaced = 0;
    const report = await tell(async (stage) => {
      const { simulator, cluster, agreement } = stage;
      const [, , node] = cluster.nodes;
      assert.ok(node !== undefined);
      const prng = new Prng("clone");
      const others = new OtherFolders({ simulator, prng, cluster, agreement });
      node.pardons.add("KBZ_STALE_DISK");
      if (made === "while it is down") cluster.crash(node, null);
      others.startClone(node, 5 * second, () => null);
      const isOriginalTold = (): boolean => node.refusal === "KBZ_STALE_DISK";
      const isOneTold = (): boolean => isOriginalTold() || others.told > 0;
      assert.ok(await simulator.run(simulator.now + 3 * second, isOneTold), "one is told");
      replaced = isOriginalTold() ? 1 : 0;
      for (let round = 0; round < 20; round += 1) await publishAll(stage);
      others.calm();
    });
    assert.equal(report.failure, null, report.failure?.message);
    assert.equal(report.faults.get("O5") ?? 0, replaced);
  });
}

test("a folder of another republic is refused, and harms nobody (X8, M5)", async () => {
  const report = await tell(async (stage) => {
    const { simulator, cluster, agreement, supervisor } = stage;
    const [, , node] = cluster.nodes;
    assert.ok(node !== undefined);
    const others = new OtherFolders({ simulator, prng: new Prng("other"), cluster, agreement });
    const image = await simulator.complete(others.elsewhere(node), 10 * second);
    cluster.crash(node, null);
    const own = node.disk.image();
    cluster.replaceDisk(node, image);
    node.pardons.add("KBZ_REPUBLIC");
    node.mustNotServe = "it has the folder of another republic";
    let isBack = false;
    supervisor.expectForeign(node, () => {
      cluster.replaceDisk(node, own);
      isBack = true;
    });
    assert.ok(await simulator.run(simulator.now + 5 * second, () => isBack));
    for (let round = 0; round < 3; round += 1) await publishAll(stage);
  });
  assert.equal(report.failure, null, report.failure?.message);
  assert.equal(report.faults.get("O5"), undefined, "nobody was exiled for it");
});

test("the old disk of an exiled incarnation learns of that, and stops (X6, O5, M4)", async () => {
  const report = await tell(async (stage) => {
    const { simulator, cluster, supervisor } = stage;
    const [, , node] = cluster.nodes;
    assert.ok(node !== undefined);
    const image = node.disk.image();
    supervisor.replace(node, "well");
    for (let round = 0; round < 20; round += 1) await publishAll(stage);
    assert.equal(node.wasReady, true, "it has joined again");
    cluster.crash(node, null);
    cluster.replaceDisk(node, image);
    node.pardons.add("KBZ_EXILED");
    node.mustStop = true;
    const seen = async (): Promise<boolean> => {
      return await simulator.run(simulator.now + 10 * second, () => !node.mustStop);
    };
    assert.ok(await seen(), "it has stopped, and come back with an empty disk");
  });
  assert.equal(report.failure, null, report.failure?.message);
  assert.equal(report.faults.get("O5"), 2);
});

test("with an entry damaged everywhere all nodes say so, and none recovers (K11, D4)", async () => {
  const swarm = { atlas: { victims: [], isSafetyOnly: true } };
  const { failure, stuck } = await tell(async () => undefined, swarm);
  assert.equal(failure, null, failure?.message);
  assert.match(stuck ?? "", /^there is no intact copy of index \d+ on any disk$/);
});

test("a core converges though the others stay deaf, mute, cut off or down (8.3)", async () => {
  for (const outsider of ["deaf", "mute"] as const) {
    const liveness = { isWhole: false, outsiders: [outsider], strike: null };
    const report = await tell(publishAll, { nodes: 5, liveness });
    assert.equal(report.failure, null, `${outsider}: ${report.failure?.message}`);
    assert.equal(report.stuck, null);
  }
});

test("a crash at each storage call of a node's life loses nothing (K20)", async () => {
  const timing = { pingMs: 100, silenceMs: 500, stallMs: 2000 };
  const swarm = { ...calmSwarm, nodes: 1, timing };
  for (let call = 1; call <= 120; call += 5) {
    const report = await new Simulation(call, { swarm }).perform(async (stage) => {
      const { simulator, cluster } = stage;
      const [node] = cluster.nodes;
      assert.ok(node !== undefined);
      const { disk } = node;
      const last = disk.operations + call;
      disk.onOperation = (number) => {
        if (number < last) return;
        disk.onOperation = null;
        cluster.crash(node, { survival: 0.5, torn: false, garbage: false });
      };
      await publishAll(stage);
      cluster.crash(node, { survival: 0, torn: false, garbage: false });
      await simulator.run(simulator.now + 200 * millisecond);
    });
    assert.equal(report.failure, null, `at call ${call}: ${report.failure?.message}`);
  }
});

test("a read that the system refuses is an error of ours, and the node goes on (K18)", async () => {
  const swarm = { nodes: 1, workload: { ...calmSwarm.workload, giantChance: 1 } };
  const report = await tell(async (stage) => {
    const { simulator, cluster } = stage;
    // More segments than are kept open: one for each entry that is as large as may be.
    for (let round = 0; round < 40; round += 1) await publishAll(stage);
    const [node] = cluster.nodes;
    const kibitzer = node?.kibitzer ?? null;
    assert.ok(node !== undefined && kibitzer !== null);
    const read = async (): Promise<number> => {
      let count = 0;
      for await (const _ of kibitzer.entries({ from: 1, to: 1 })) count += 1;
      return count;
    };
    node.disk.faults = { ...calmDisk, openErrorChance: 1 };
    const refused = { code: "KBZ_JOURNAL_FAILED", retryable: true, outcome: "none" };
    await assert.rejects(simulator.complete(read(), second), refused);
    node.disk.faults = calmDisk;
    assert.equal(await simulator.complete(read(), second), 1);
  }, swarm);
  assert.equal(report.failure, null, report.failure?.message);
});

function made(number: number, parliament: readonly string[]) {
  return { number, parliament, slot: number * 3 };
}

test("governments that differ, fall, or bring an exiled one back are found (M1, M2, M4)", () => {
  const governments = new Governments(3);
  governments.show("a", made(1, ["a"]), null);
  governments.show("a", made(2, ["a", "b", "c"]), 1);
  assert.throws(() => governments.show("b", made(2, ["a", "b", "d"]), 1), { invariant: "M1" });
  assert.throws(() => governments.show("b", made(1, ["a"]), 2), { invariant: "M1" });
  assert.throws(() => governments.show("b", made(3, ["a", "b", "c", "d"]), 2), { invariant: "M2" });
  assert.throws(() => governments.show("b", made(3, ["a", "a"]), 2), { invariant: "M2" });
  governments.depart("c", "0000000000000001");
  const member = { id: "c", url: "", role: "member", reachable: true, version: "" } as const;
  const rest = { decided: { slot: 1, index: 0 }, applied: { slot: 1, index: 0 } };
  const standing = { naturalized: true, eligible: true };
  const hash = { slot: 1, value: "00" };
  const members = [{ ...member, ...standing, ...rest, hash, cookie: "0000000000000001" }];
  assert.throws(() => governments.checkMembers("a", { members }), { invariant: "M4" });
});

test("a core is excused only without a majority, of seats or of intact copies (L7)", () => {
  const swarm = { ...calmSwarm, nodes: 5 };
  const { cluster } = new Simulation(1, { swarm });
  const governments = new Governments(5);
  const agreement = new Agreement(() => true);
  const atlas = new Atlas({ swarm, cluster, governments, agreement });
  const [a, b, c] = cluster.nodes;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  governments.show("a", { number: 2, parliament: ["a", "b", "c"], slot: 3 }, 1);
  // Only a has learned of it, and is not there: the others have nothing to go on with.
  assert.match(atlas.excuse([b, c]) ?? "", /nobody in the core holds a copy of any government/);
  governments.show("b", { number: 1, parliament: ["a"], slot: 1 }, null);
  assert.match(atlas.excuse([b, c]) ?? "", /no majority of government 1 \(a\)/);
  assert.equal(atlas.excuse([a, b]), null);
  governments.show("a", { number: 3, parliament: ["a", "b", "c", "d", "e"], slot: 9 }, 2);
  assert.match(atlas.excuse([a, b]) ?? "", /no majority of government 3/);
  assert.equal(atlas.excuse([a, b, c]), null);
  a.disk.wounds.lose("nothing was ever here");
  assert.match(atlas.excuse([a, b, c]) ?? "", /no majority of intact .*: damaged are those of a$/);
  for (const { disk } of [b, c]) disk.wounds.lose("nor here");
  assert.match(atlas.excuse([a, b, c]) ?? "", /no intact copy .* government 3 .* of a b c$/);
});

test("a kind of fault that never happened in 1,000 seeds is named (H4)", () => {
  const counts = new Map([...applicableFaults.keys()].map((id) => [id, 1]));
  assert.deepEqual(missingFaults(counts, 1000), []);
  counts.delete("K14");
  assert.deepEqual(missingFaults(counts, 1000), ["K14"]);
  assert.deepEqual(missingFaults(counts, 999), []);
});

test("a wound is one only while the bytes differ and the file is in use", async () => {
  await tell(async ({ cluster }) => {
    const [node] = cluster.nodes;
    assert.ok(node !== undefined);
    const { disk } = node;
    const found = disk.directories
      .files()
      .find(([path, file]) => isUsedSegment(disk, { path, file }));
    assert.ok(found !== undefined);
    const [path, file] = found;
    const byte = new Uint8Array(1);
    file.read(byte, 600);
    const other = Uint8Array.of((byte[0] ?? 0) ^ 1);
    assert.equal(wound(disk, { path, file }, 600, byte), false);
    assert.equal(wound(disk, { path, file }, 600, other), true);
    assert.match(disk.wounds.refusal(disk.directories) ?? "", /damaged at byte 600/);
    file.damage(byte, 600);
    assert.equal(disk.wounds.refusal(disk.directories), null);
    disk.wounds.clear();
  });
});
