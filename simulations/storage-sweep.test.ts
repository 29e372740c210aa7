/** A crash of one node before its storage calls, while others go on: some of them all (K20). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { countCalls, sweepCases, sweepOne } from "./storage-sweep.ts";

test("whichever call a node does not get to, nothing is lost (K20)", async () => {
  const counts = await countCalls();
  assert.equal(counts.length, 3);
  for (const count of counts) assert.ok(count > 100, `${count} calls`);
  const all = await sweepCases(1);
  assert.equal(all.length, 2 * counts.reduce((sum, count) => sum + count));
  // An odd step, so that both kinds of crash are among them, and every node.
  for (const each of all.filter((_, at) => at % 223 === 11)) {
    const { failure, faults, lives } = await sweepOne(each);
    assert.equal(failure, null, `${JSON.stringify(each)}: ${failure?.message}`);
    assert.equal(faults.get("K20"), 1, `${JSON.stringify(each)} crashed`);
    assert.ok(lives > 3, "it was started again");
  }
});

function run(...args: readonly string[]): ReturnType<typeof spawnSync> {
  const script = join(import.meta.dirname, "sweep.ts");
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
}

test("the command repeats one crash, and refuses what it does not know", () => {
  const once = run("--case", "2:40:power", "--json");
  assert.equal(once.status, 0, String(once.stderr));
  const [line = "", last = ""] = String(once.stdout).trim().split("\n");
  assert.equal(JSON.parse(line).crashes, 1);
  assert.deepEqual(JSON.parse(last).summary, { runs: 1, crashes: 1, failed: 0 });
  assert.equal(run("--every", "0").status, 2);
});
