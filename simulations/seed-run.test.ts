/** What is kept of a failure, and that the failure is told also where nothing can be kept. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { calmSwarm } from "./calm-swarm.ts";
import { keepEvidence } from "./seed-run.ts";
import { Simulation } from "./simulation.ts";

test("evidence that cannot be written does not hide what was found", async (context) => {
  const simulation = new Simulation(1, { swarm: { ...calmSwarm, nodes: 1 } });
  const report = await simulation.run(1);
  const usual = process.env["TMPDIR"];
  const directory = mkdtempSync(join(tmpdir(), "kibitz-evidence-"));
  context.after(() => {
    if (usual === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = usual;
    rmSync(directory, { recursive: true });
  });
  process.env["TMPDIR"] = directory;
  const kept = keepEvidence(simulation, report);
  assert.equal(kept.problem, null);
  const names = readdirSync(kept.directory ?? "");
  assert.deepEqual(names.toSorted(), ["a", "history.jsonl", "story.txt"]);
  process.env["TMPDIR"] = join(directory, "none");
  const lost = keepEvidence(simulation, report);
  assert.equal(lost.directory, null);
  assert.match(lost.problem ?? "", /ENOENT/);
});
