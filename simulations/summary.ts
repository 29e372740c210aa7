/** Sums of many runs: what they did, which faults they had, how fast they were. Prints nothing. */
import type { SeedResult } from "./seed-run.ts";

/** What depends on seeds and commit only. */
export interface Counts {
  readonly seeds: number;
  readonly failed: number;
  readonly steps: number;
  /** Simulated seconds. */
  readonly seconds: number;
  readonly submitted: number;
  readonly acknowledged: number;
  readonly barriers: number;
  readonly lives: number;
  readonly replayed: number;
}

/** The runs that speed is measured by: clusters of three with this many client operations. */
const ratedNodes = 3;
const ratedOperations = 20;

export class Summary {
  readonly #faults = new Map<string, number>();
  readonly #marks = new Map<string, number>();
  #counts: Counts = {
    seeds: 0,
    failed: 0,
    steps: 0,
    seconds: 0,
    submitted: 0,
    acknowledged: 0,
    barriers: 0,
    lives: 0,
    replayed: 0,
  };
  #elapsedMs = 0;
  #rated = { runs: 0, seconds: 0, elapsedMs: 0 };

  get counts(): Counts {
    return this.#counts;
  }

  /** Injected faults by their ids, sorted. */
  get faults(): Readonly<Record<string, number>> {
    return sorted(this.#faults);
  }

  get faultCounts(): ReadonlyMap<string, number> {
    return this.#faults;
  }

  /** Coverage marks by their names: how often each was hit. */
  get marks(): ReadonlyMap<string, number> {
    return this.#marks;
  }

  /** Simulated seconds for each second of one processor, all runs. */
  get speed(): number {
    return this.#counts.seconds / (this.#elapsedMs / 1000);
  }

  /** The same of clusters of three nodes with 20 operations a simulated second or more. */
  get rated(): { readonly runs: number; readonly speed: number } {
    const { runs, seconds, elapsedMs } = this.#rated;
    return { runs, speed: runs === 0 ? 0 : seconds / (elapsedMs / 1000) };
  }

  add({ report, elapsedMs }: SeedResult): void {
    const before = this.#counts;
    this.#counts = {
      seeds: before.seeds + 1,
      failed: before.failed + (report.failure === null ? 0 : 1),
      steps: before.steps + report.steps,
      seconds: before.seconds + report.seconds,
      submitted: before.submitted + report.submitted,
      acknowledged: before.acknowledged + report.acknowledged,
      barriers: before.barriers + report.barriers,
      lives: before.lives + report.lives,
      replayed: before.replayed + report.replayed,
    };
    this.#elapsedMs += elapsedMs;
    count(this.#faults, report.faults);
    count(this.#marks, report.marks);
    const operations = report.submitted + report.barriers;
    const isRated = report.swarm.nodes === ratedNodes;
    if (!isRated || operations < ratedOperations * report.seconds) return;
    const { runs, seconds } = this.#rated;
    this.#rated = {
      runs: runs + 1,
      seconds: seconds + report.seconds,
      elapsedMs: this.#rated.elapsedMs + elapsedMs,
    };
  }
}

function count(sums: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, times] of more) sums.set(name, (sums.get(name) ?? 0) + times);
}

export function sorted(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
