/** One thread of the table: takes cases, runs each, and answers with what was measured. */
import { PartitionRun, type Case, type Measured } from "./partition-run.ts";
import { serveTasks } from "../worker-pool.ts";
import { judge, type Fault } from "./verdict.ts";

export interface Result {
  readonly case: Case;
  readonly measured: Measured;
  readonly faults: readonly Fault[];
}

/** Runs one case; with its story when that is wanted, or when something went wrong. */
export function runCase(each: Case, isTold: boolean): Result {
  const measured = new PartitionRun(each).run();
  const faults = judge(measured);
  const story = isTold || faults.length > 0 ? measured.story : [];
  return { case: each, measured: { ...measured, story }, faults };
}

serveTasks((cases: readonly Case[]) => cases.map((each) => runCase(each, false)));
