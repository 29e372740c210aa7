/**
 * One seed from its draws to its verdict, and the evidence of a failure in a directory. Knows
 * nothing of what is printed.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventLine, headerLine } from "./history/history-file.ts";
import { Simulation, type RunReport } from "./simulation.ts";

export interface SeedOrder {
  readonly seed: number;
  /** Simulated seconds under faults. */
  readonly seconds: number;
  /** How many lines of the story stay readable after a failure. */
  readonly linesKept?: number;
}

export interface SeedResult {
  readonly report: RunReport;
  /** A directory with the disks of all nodes and the end of the story, or null. */
  readonly evidence: string | null;
  /** Real milliseconds that it took. */
  readonly elapsedMs: number;
}

export async function runSeed({ seed, seconds, linesKept }: SeedOrder): Promise<SeedResult> {
  const begun = performance.now();
  const simulation = new Simulation(seed, linesKept === undefined ? {} : { linesKept });
  const report = await simulation.run(seconds);
  const elapsedMs = performance.now() - begun;
  const evidence = report.failure === null ? null : keepEvidence(simulation, report);
  return { report, evidence, elapsedMs };
}

function keepEvidence(simulation: Simulation, { seed, failure }: RunReport): string {
  const directory = mkdtempSync(join(tmpdir(), `kibitz-simulate-${seed}-`));
  for (const { id, disk } of simulation.cluster.nodes) {
    for (const path of disk.paths()) {
      const target = join(directory, id, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, disk.peek(path) ?? new Uint8Array());
    }
  }
  const lines = [headerLine({ model: "log" }), ...simulation.history.map(eventLine)];
  writeFileSync(join(directory, "history.jsonl"), lines.join(""));
  writeFileSync(join(directory, "story.txt"), `${failure?.lines.join("\n")}\n${failure?.stack}\n`);
  return directory;
}
