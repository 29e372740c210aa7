/**
 * One seed from its draws to its verdict, and the evidence of a failure. Knows nothing of what is
 * printed.
 */
import { keepEvidence, type Evidence } from "./evidence.ts";
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
  readonly evidence: Evidence | null;
  /** Real milliseconds that it took. */
  readonly elapsedMs: number;
}

export async function runSeed({ seed, seconds, linesKept }: SeedOrder): Promise<SeedResult> {
  const begun = performance.now();
  const simulation = new Simulation(seed, linesKept === undefined ? {} : { linesKept });
  const report = await simulation.run(seconds);
  const elapsedMs = performance.now() - begun;
  const evidence = report.failure === null ? null : evidenceOf(simulation, report);
  return { report, evidence, elapsedMs };
}

/** Recordings, the history of what clients saw, and the end of the story. */
function evidenceOf(simulation: Simulation, { seed, failure }: RunReport): Evidence {
  const history = [headerLine({ model: "log" }), ...simulation.history.map(eventLine)];
  const texts = new Map([
    ["history.jsonl", history.join("")],
    ["story.txt", `${failure?.lines.join("\n")}\n${failure?.stack}\n`],
  ]);
  return keepEvidence(`kibitz-simulate-${seed}`, simulation.cluster.nodes, texts);
}
