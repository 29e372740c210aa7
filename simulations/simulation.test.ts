/** Whole runs: seeds pass, the same seed is the same run, and the checkers can fail (H3). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { Entry } from "../src/api.ts";
import { Agreement } from "./checkers/agreement.ts";
import { Durability } from "./checkers/durability.ts";
import { checkLinearizability } from "./checkers/linearizability.ts";
import { HistoryRecorder, keepInMemory } from "./history/recorder.ts";
import { ordersOf, parse } from "./simulate-arguments.ts";
import { Simulation } from "./simulation.ts";

test("seeds pass: faults, then calm, then every check", async () => {
  for (let seed = 1; seed <= 6; seed += 1) {
    const report = await new Simulation(seed).run(4);
    assert.equal(report.failure, null, `seed ${seed}: ${report.failure?.message}`);
    // A worst day comes before the calm, maybe before anything was acknowledged, and the recordings
    // of all but the survivor are gone with their disks.
    const isWorst = report.swarm.worstDay !== null;
    assert.ok(isWorst || report.acknowledged > 0, `seed ${seed} acknowledges something`);
    assert.ok(isWorst || report.replayed > 100, `seed ${seed} replays its recordings`);
  }
});

test("the same seed is the same run, to the last line (R4)", async () => {
  for (const seed of [7, 8]) {
    const { trace, steps, acknowledged } = await new Simulation(seed).run(3);
    const again = await new Simulation(seed).run(3);
    assert.deepEqual(
      { trace, steps, acknowledged },
      { trace: again.trace, steps: again.steps, acknowledged: again.acknowledged },
    );
  }
});

test("the command prints the same twice, whatever the time zone and locale (R4)", () => {
  const script = join(import.meta.dirname, "simulate.ts");
  const args = [script, "--seed", "9", "--seconds", "2", "--json"];
  const outputs = [
    { TZ: "UTC", LANG: "C" },
    { TZ: "Asia/Tokyo", LANG: "tr_TR.UTF-8" },
  ].map((env) => {
    const { status, stdout } = spawnSync(process.execPath, args, {
      env: { ...process.env, ...env },
      encoding: "utf8",
    });
    assert.equal(status, 0);
    return stdout;
  });
  assert.equal(outputs[0], outputs[1]);
  const lines = (outputs[0] ?? "").trim().split("\n");
  assert.equal(JSON.parse(lines.at(-1) ?? "").summary.failed, 0);
});

function seedsOf(args: readonly string[]): readonly number[] {
  const parsed = parse(args);
  assert.ok(parsed !== null);
  return ordersOf(parsed).map(({ seed }) => seed);
}

test("a seed is one run, or the first of as many as are asked for", () => {
  assert.deepEqual(seedsOf(["--seed", "7"]), [7]);
  assert.deepEqual(seedsOf(["--from", "7", "--seeds", "2"]), [7, 8]);
  assert.equal(parse(["--help"]), null);
  const both = ["--seed", "7", "--seeds", "2"];
  assert.deepEqual(seedsOf(both), [7, 8]);
  const script = join(import.meta.dirname, "simulate.ts");
  const line = [script, ...both, "--seconds", "1", "--json"];
  const { stdout } = spawnSync(process.execPath, line, { encoding: "utf8" });
  const reports = stdout.trim().split("\n").slice(0, -1);
  assert.deepEqual(
    reports.map((report) => JSON.parse(report).seed),
    [7, 8],
  );
});

test("the command refuses what it does not know", () => {
  for (const args of [
    ["--seeds", "none"],
    ["--sed", "1"],
    ["--seconds", "0"],
    ["--seed", "1", "--from", "2"],
  ]) {
    assert.throws(() => parse(args), Error, args.join(" "));
  }
  const script = join(import.meta.dirname, "simulate.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--sed", "1"], {
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout], [2, ""]);
  assert.match(stderr, /Usage:/);
});

function entry(index: number, text: string, rest: Partial<Entry> = {}): Entry {
  return {
    index,
    slot: index + 10,
    government: 1,
    when: 0,
    publisher: "5",
    sequence: index,
    bytes: Buffer.from(text),
    text: () => text,
    ...rest,
  };
}

/** A history in which `x1` … `x9` were published by one session, and the checkers for it. */
function history(): { readonly agreement: Agreement; readonly durability: Durability } {
  const durability = new Durability();
  for (let number = 1; number <= 9; number += 1) durability.submit(`x${number}`, "a1");
  return { agreement: new Agreement((text) => durability.knows(text)), durability };
}

function submission(durability: Durability, text: string): Parameters<Durability["refuse"]>[0] {
  const found = [...durability.waiting].find((waiting) => waiting.text === text);
  assert.ok(found !== undefined);
  return found;
}

test("two values at one index break agreement (A1)", () => {
  const { agreement } = history();
  agreement.show("a", entry(1, "x1"));
  agreement.show("b", entry(1, "x1"));
  assert.throws(() => agreement.show("c", entry(1, "x2")), { invariant: "A1" });
  for (const other of [{ government: 2 }, { when: 1 }, { publisher: "9" }, { sequence: 7 }]) {
    const shown = { ...entry(1, "x1"), ...other };
    assert.throws(() => agreement.show("c", shown), { invariant: "A1" }, JSON.stringify(other));
  }
});

test("a value that nobody published breaks validity (A4)", () => {
  assert.throws(() => history().agreement.show("a", entry(1, "y")), { invariant: "A4" });
});

test("a value at two indexes is not once (C1)", () => {
  const { agreement } = history();
  agreement.show("a", entry(1, "x1"));
  assert.throws(() => agreement.show("a", entry(2, "x1")), { invariant: "C1" });
});

test("two hashes after one slot break the state (S1)", () => {
  const { agreement } = history();
  agreement.hash("a", 4, "00");
  agreement.hash("b", 5, "01");
  assert.throws(() => agreement.hash("b", 4, "02"), { invariant: "S1" });
});

test("a hole in the log, and a number out of turn, are found (A5, C2)", () => {
  const { agreement } = history();
  agreement.show("a", entry(2, "x2"));
  assert.throws(() => agreement.checkWhole(), { invariant: "A5" });
  agreement.show("a", entry(1, "x1", { sequence: 2 }));
  assert.throws(() => agreement.checkWhole(), { invariant: "C2" });
});

test("an acknowledged value that is gone or elsewhere is lost (D3)", () => {
  const { agreement, durability } = history();
  durability.acknowledge(submission(durability, "x1"), 1);
  assert.throws(() => durability.check(agreement), { invariant: "D3" });
  agreement.show("a", entry(2, "x1"));
  assert.throws(() => durability.check(agreement), { invariant: "D3" });
});

test("a value refused for good that appears was not (C7)", () => {
  const { agreement, durability } = history();
  durability.refuse(submission(durability, "x1"), "none");
  durability.check(agreement);
  agreement.show("a", entry(1, "x1"));
  assert.throws(() => durability.check(agreement), { invariant: "C7" });
});

test("values of one session out of its order are found (C2)", () => {
  const { agreement, durability } = history();
  agreement.show("a", entry(1, "x2"));
  durability.check(agreement);
  agreement.show("a", entry(2, "x1"));
  assert.throws(() => durability.check(agreement), { invariant: "C2" });
});

test("a barrier that misses what was acknowledged before it has no order (C4)", () => {
  const { sink, events } = keepInMemory();
  const recorder = new HistoryRecorder({ sink });
  recorder.invoke(null, "publish", "x").ok(1);
  recorder.invoke(null, "barrier", null).ok(1);
  checkLinearizability(events);
  recorder.invoke(null, "barrier", null).ok(0);
  assert.throws(() => checkLinearizability(events), { invariant: "C4" });
});
