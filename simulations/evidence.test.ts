/** What is kept of a failure, and that the failure is told also where nothing can be kept. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { calmSwarm } from "./swarm/calm-swarm.ts";
import { keepEvidence, type Evidence } from "./evidence.ts";
import { Simulation } from "./simulation.ts";

test("evidence that cannot be written does not hide what was found", async (context) => {
  const simulation = new Simulation(1, { swarm: { ...calmSwarm, nodes: 1 } });
  await simulation.run(1);
  const usual = process.env["TMPDIR"];
  const directory = mkdtempSync(join(tmpdir(), "kibitz-evidence-"));
  context.after(() => {
    if (usual === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = usual;
    rmSync(directory, { recursive: true });
  });
  const keep = (): Evidence =>
    keepEvidence("test", simulation.cluster.nodes, new Map([["story.txt", "It broke."]]));
  process.env["TMPDIR"] = directory;
  const kept = keep();
  assert.equal(kept.problem, null);
  const names = readdirSync(kept.directory ?? "");
  assert.deepEqual(names.toSorted(), ["a", "story.txt"]);
  process.env["TMPDIR"] = join(directory, "none");
  const lost = keep();
  assert.equal(lost.directory, null);
  assert.match(lost.problem ?? "", /ENOENT/);
});
