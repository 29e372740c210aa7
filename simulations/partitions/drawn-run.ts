/**
 * One seeded run of an election under lasting cuts: a named topology or any graph on five nodes, of
 * links that work both ways or only one, any leader, lagging or not. Whoever is quorum-connected
 * takes over, and then all stays calm.
 */
import { Violation } from "../core/violation.ts";
import { Prng } from "../prng.ts";
import { countOf, drawDirected, numbered, topologies } from "./graph.ts";
import { lags, PartitionRun, type Case, type Ran } from "./partition-run.ts";
import { judge } from "./verdict.ts";

/** In election time-outs: long enough that whoever disturbs a leader does so more than once. */
const timeouts = 20;

function drawCase(seed: number): Case {
  const prng = new Prng(`graph ${seed}`);
  const rest = { lag: prng.pick(lags), seed, timeouts };
  if (prng.chance(0.4)) {
    const { name, leaders } = prng.pick(topologies);
    return { graph: name, leader: prng.pick(leaders), ...rest };
  }
  const { name, nodes } = prng.chance(0.5)
    ? numbered(5, prng.integer(0, countOf(5, false) - 1), false)
    : drawDirected(5, prng);
  return { graph: name, leader: prng.pick(nodes), ...rest };
}

/** @throws {Violation} the first of what is out of bounds. */
export function simulateGraph(seed: number, trace: ((line: string) => void) | null): Ran {
  const drawn = drawCase(seed);
  trace?.(JSON.stringify(drawn));
  const run = new PartitionRun(drawn, trace);
  const [fault] = judge(run.run());
  if (fault !== undefined) {
    throw new Violation(fault.invariant, `${JSON.stringify(drawn)}: ${fault.message}`);
  }
  return run.ran;
}
