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

/** What is left of a failure, for people: nothing in here decides whether there was one. */
export interface Evidence {
  /** With the disks of all nodes and the end of the story; null when it could not be written. */
  readonly directory: string | null;
  /** Why it is not there, or not whole. */
  readonly problem: string | null;
}

export interface SeedResult {
  readonly report: RunReport;
  readonly evidence: Evidence | null;
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

/** A full disk must not hide what was found: neither this failure, nor those of the next seeds. */
export function keepEvidence(simulation: Simulation, report: RunReport): Evidence {
  let directory: string | null = null;
  try {
    directory = mkdtempSync(join(tmpdir(), `kibitz-simulate-${report.seed}-`));
    write(directory, simulation, report);
    return { directory, problem: null };
  } catch (error) {
    return { directory, problem: error instanceof Error ? error.message : String(error) };
  }
}

function write(directory: string, simulation: Simulation, { failure }: RunReport): void {
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
}
