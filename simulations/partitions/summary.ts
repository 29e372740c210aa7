/** What many runs come to: one row for each topology or family of graphs, and the worst of them. */
import { graphOf } from "./graph.ts";
import type { Case } from "./partition-run.ts";
import type { Result } from "./worker.ts";

export interface Row {
  readonly family: string;
  readonly runs: number;
  /** Runs in which some node was quorum-connected. */
  readonly connected: number;
  readonly recovered: number;
  /** ET from the cut until a leader served; null when nobody could. */
  readonly recoveryMedian: number | null;
  readonly recoveryMax: number | null;
  /** Most changes of leader by one cut, with somebody quorum-connected. */
  readonly leaderChangesMax: number;
  /** Runs that went on electing, or stood still, after the recovery. */
  readonly unstable: number;
  /** Runs that broke an invariant of safety, or decided without a quorum. */
  readonly harmed: number;
  readonly healingMax: number;
  /** Runs outside of any bound. */
  readonly failed: number;
}

export interface Summary {
  readonly rows: readonly Row[];
  readonly total: Row;
  /** The slowest recoveries, then those with most changes of leader. */
  readonly worst: readonly Result[];
  readonly failures: readonly Result[];
  /** Virtual seconds. */
  readonly seconds: number;
}

const worstKept = 5;

export function summarize(results: readonly Result[]): Summary {
  const families = Map.groupBy(results, (result) => graphOf(result.case.graph).family);
  return {
    rows: [...families].map(([family, some]) => rowOf(family, some)),
    total: rowOf("all", results),
    worst: results.toSorted(isWorse).slice(0, worstKept),
    failures: results.filter(({ faults }) => faults.length > 0),
    seconds: results.reduce((sum, { measured }) => sum + measured.seconds, 0),
  };
}

function isWorse({ measured: left }: Result, { measured: right }: Result): number {
  const changes = right.leaderChanges - left.leaderChanges;
  return changes === 0 ? (right.recoveredAfter ?? 0) - (left.recoveredAfter ?? 0) : changes;
}

function rowOf(family: string, results: readonly Result[]): Row {
  const connected = results.filter(({ measured }) => measured.quorumConnected.length > 0);
  const recoveries = connected
    .flatMap(({ measured }) => measured.recoveredAfter ?? [])
    .toSorted((left, right) => left - right);
  const broke = (test: (invariant: string) => boolean): number => {
    return results.filter(({ faults }) => faults.some(({ invariant }) => test(invariant))).length;
  };
  return {
    family,
    runs: results.length,
    connected: connected.length,
    recovered: recoveries.length,
    recoveryMedian: recoveries[Math.floor(recoveries.length / 2)] ?? null,
    recoveryMax: recoveries.at(-1) ?? null,
    leaderChangesMax: Math.max(0, ...connected.map(({ measured }) => measured.leaderChanges)),
    unstable: broke((invariant) => invariant === "L3"),
    harmed: broke((invariant) => !invariant.startsWith("L")),
    healingMax: Math.max(0, ...results.map(({ measured }) => measured.healedAfter ?? 0)),
    failed: results.filter(({ faults }) => faults.length > 0).length,
  };
}

/** The command that runs one case again and tells its story. */
export function commandOf({ graph, leader, lag, seed, timeouts }: Case): string {
  const parts = [`--graph ${graph}`, `--leader ${leader}`, `--lag ${lag}`, `--seed ${seed}`];
  return `npm run partitions -- ${parts.join(" ")} --et ${timeouts}`;
}
