/** Elections under partial connectivity, in a size for every change. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { configure } from "../../src/configuration.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { countOf, graphOf, laggard, numbered, quorumConnected, topologies } from "./graph.ts";
import { lags, PartitionRun, timing, type Case, type Measured } from "./partition-run.ts";
import { canonical, planned, type Wanted } from "./plan.ts";
import { commandOf, summarize } from "./summary.ts";
import { judge } from "./verdict.ts";
import { judgeWhole, runWholeNodes } from "./whole-node.ts";
import { runCase } from "./worker.ts";

const wanted: Wanted = {
  named: false,
  sizes: [],
  sample: 0,
  graph: null,
  leader: null,
  lag: null,
  seed: 1,
  timeouts: 6,
  timeoutsOthers: 6,
};

/** Runs them all, and tells of each that is out of bounds. */
function check(cases: readonly Case[]): ReturnType<typeof summarize> {
  const summary = summarize(cases.map((each) => runCase(each, false)));
  const failures = summary.failures.map(({ case: each, faults }) => {
    return `${faults.map(({ message }) => message).join("; ")}: ${commandOf(each)}`;
  });
  assert.deepEqual(failures, []);
  return summary;
}

test("an election time-out is the silence that ships", () => {
  const shipped = configure({ directory: "anywhere" }, nodeWorld).timing;
  assert.deepEqual(timing, shipped);
});

test("all graphs are there; quorum-connected is counted on links that work both ways", () => {
  assert.deepEqual(
    [3, 4, 5].map((size) => countOf(size, false)),
    [8, 64, 1024],
  );
  assert.equal(countOf(3, true), 64);
  assert.deepEqual(quorumConnected(numbered(5, 1023, false)), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(quorumConnected(numbered(5, 0, false)), []);
  // a–b in one direction only is no link.
  assert.deepEqual(quorumConnected(numbered(3, 0b01, true)), []);
  assert.deepEqual(quorumConnected(numbered(3, 0b11, true)), ["a", "b"]);
  const named = topologies.map((graph) => quorumConnected(graph).join(""));
  assert.deepEqual(named, ["a", "a", "abc", "abcde", "abc"]);
  assert.throws(() => graphOf("5:1024"), RangeError);
  assert.throws(() => graphOf("6:1"), RangeError);
});

test("graphs with a marked leader that differ in names only are of one class", () => {
  // As many as there are rooted graphs: 6 on three nodes, 20 on four.
  for (const [size, classes] of [
    [3, 6],
    [4, 20],
  ] as const) {
    const forms = new Set<string>();
    for (let number = 0; number < countOf(size, false); number += 1) {
      const graph = numbered(size, number, false);
      for (const leader of graph.nodes) forms.add(canonical(graph, leader, leader));
    }
    assert.equal(forms.size, classes);
  }
});

test("the follower that lags is one that could win", () => {
  assert.equal(laggard(graphOf("quorum-loss"), "c"), "a");
  assert.equal(laggard(graphOf("constrained"), "e"), "a");
});

const fine: Measured = {
  quorumConnected: ["a"],
  missed: 0,
  recoveredAfter: 1,
  leaderChanges: 1,
  laterBallots: 0,
  idleWindows: 0,
  idleLeaders: [],
  decided: 5,
  healedAfter: 1,
  changesHealed: 0,
  ballotsHealed: 0,
  violation: null,
  seconds: 1,
  story: [],
};

test("each bound flags a run that is out of it", () => {
  assert.deepEqual(judge(fine), []);
  const flagged = (different: Partial<Measured>): readonly string[] => {
    return judge({ ...fine, ...different }).map(({ invariant }) => invariant);
  };
  assert.deepEqual(flagged({ recoveredAfter: null }), ["L1"]);
  assert.deepEqual(flagged({ recoveredAfter: 3.01 }), ["L1"]);
  assert.deepEqual(flagged({ leaderChanges: 2 }), ["L3"]);
  assert.deepEqual(flagged({ laterBallots: 1 }), ["L3"]);
  assert.deepEqual(flagged({ idleWindows: 1 }), ["L3"]);
  assert.deepEqual(flagged({ idleLeaders: ["b"] }), ["L6"]);
  assert.deepEqual(flagged({ healedAfter: null }), ["L2"]);
  assert.deepEqual(flagged({ healedAfter: 4.01 }), ["L2"]);
  assert.deepEqual(flagged({ changesHealed: 1 }), ["L4"]);
  assert.deepEqual(flagged({ ballotsHealed: 1 }), ["L3"]);
  const nobody = { quorumConnected: [], recoveredAfter: null, leaderChanges: 0, decided: 0 };
  assert.deepEqual(flagged(nobody), []);
  assert.deepEqual(flagged({ ...nobody, decided: 1 }), ["A1"]);
  assert.deepEqual(flagged({ ...nobody, laterBallots: 1 }), ["L3"]);
  assert.deepEqual(flagged({ violation: { invariant: "A2", message: "" } }), ["A2"]);
});

test("a case is a whole run: the same twice, its story included", () => {
  const each: Case = { graph: "quorum-loss", leader: "c", lag: "link", seed: 3, timeouts: 6 };
  const measured = new PartitionRun(each).run();
  assert.deepEqual(new PartitionRun(each).run(), measured);
  assert.ok(measured.missed > 0, "it lagged");
  assert.ok(measured.story.some((line) => line.includes("a: candidate → leading")));
});

test("the named topologies recover and stay calm, whoever lags", () => {
  const { total } = check(planned({ ...wanted, named: true }));
  assert.equal(total.runs, 9 * lags.length);
  assert.equal(total.recovered, total.runs);
});

test("graphs on three nodes, directed and not, some of them", () => {
  const cases = planned({ ...wanted, sizes: [3] });
  assert.equal(cases.length, (8 + 64) * 3 * lags.length);
  const { total } = check(cases.filter((_, at) => at % 8 === 0));
  assert.ok(total.recovered > 30 && total.recovered < total.runs, "some can lead, others cannot");
});

test("graphs on four and five nodes, some of them", () => {
  const four = planned({ ...wanted, sizes: [4] }).filter((_, at) => at % 37 === 0);
  const five = sampleOfFive();
  const { total } = check([...four, ...five]);
  assert.ok(total.recovered > 30, `${total.recovered} recovered`);
});

/** Without the plan, which sorts all of them into classes. */
function sampleOfFive(): readonly Case[] {
  const cases: Case[] = [];
  for (let number = 7; number < 1024; number += 41) {
    const { nodes, name } = numbered(5, number, false);
    const leader = nodes[number % nodes.length] ?? "a";
    const lag = lags[number % lags.length] ?? "none";
    cases.push({ graph: name, leader, lag, seed: number, timeouts: 6 });
  }
  return cases;
}

for (const graph of ["quorum-loss", "chained-3"]) {
  test(`whole nodes under ${graph}: clients of every node that can go on do so`, async () => {
    const leader = topologies.find(({ name }) => name === graph)?.leaders.at(-1) ?? "a";
    const each: Case = { graph, leader, lag: "none", seed: 1, timeouts: 8 };
    const measured = await runWholeNodes(each);
    assert.deepEqual(judgeWhole(measured), []);
    assert.deepEqual(measured.served, quorumConnected(graphOf(graph)));
    const { report } = measured;
    assert.ok(report.submitted > 100 && report.acknowledged === report.submitted);
  });
}

test("the command repeats one case, and refuses what it does not know", () => {
  const command = join(import.meta.dirname, "partitions.ts");
  const run = (...args: readonly string[]): ReturnType<typeof spawnSync> => {
    return spawnSync(process.execPath, [command, ...args], { encoding: "utf8" });
  };
  const told = run("--graph", "chained-3", "--lag", "none", "--et", "4", "--json");
  assert.equal(told.status, 0, String(told.stderr));
  const lines = String(told.stdout).trim().split("\n");
  const last: unknown = JSON.parse(lines.at(-1) ?? "");
  assert.ok(typeof last === "object" && last !== null && "summary" in last);
  assert.equal(run("--graph", "6:1").status, 2);
});
