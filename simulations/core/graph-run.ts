/**
 * One seeded run of an election under lasting cuts: a named topology or any graph on five nodes,
 * any leader, lagging or not. Whoever is quorum-connected takes over, and then all stays calm.
 */
import { Prng } from "../prng.ts";
import { graphTopology, ids, namedTopologies, TopologyRun, type Topology } from "./topology.ts";
import { demand } from "./violation.ts";

const graphs = 1024;
/** In election time-outs. */
const recoveredWithin = 4;

interface Ran {
  readonly steps: number;
  readonly slots: number;
  readonly counts: ReadonlyMap<string, number>;
}

function drawTopology(prng: Prng): Topology {
  if (prng.chance(0.4)) return prng.pick(namedTopologies);
  const leader = prng.pick(ids);
  const others = ids.filter((id) => id !== leader);
  const [lagging, deposed] = prng.pick([
    [null, null],
    [prng.pick(others), null],
    [null, prng.pick(ids)],
  ] as const);
  const topology = graphTopology(prng.integer(0, graphs - 1), leader, lagging);
  return deposed === null ? topology : { ...topology, deposed };
}

/** @throws {Violation} `L1` when nobody takes over who could, `L3` when it does not stay calm,
 *   `L6` when somebody leads on without a quorum. */
export function simulateGraph(seed: number, trace: ((line: string) => void) | null): Ran {
  const topology = drawTopology(new Prng(`graph ${seed}`));
  trace?.(JSON.stringify(topology));
  const run = new TopologyRun(topology, seed, trace);
  const result = run.run();
  const { quorumConnected, recoveredAfter, laterBallots, idleWindows, idleLeaders } = result;
  const { successions } = result;
  const text = (): string => `${topology.name}: ${JSON.stringify(result)}`;
  demand(idleLeaders.length === 0, "L6", text);
  if (quorumConnected.length === 0) {
    demand(recoveredAfter === null, "A2", text);
    return run.ran;
  }
  demand(recoveredAfter !== null && recoveredAfter <= recoveredWithin, "L1", text);
  // Whoever takes over is not deposed by another one that could have, too. Where leaders changed
  // just before, what the last one began may be decided as well.
  const mostSuccessions = topology.deposed === undefined ? 1 : 2;
  const isCalm = laterBallots === 0 && idleWindows === 0 && successions <= mostSuccessions;
  demand(isCalm, "L3", text);
  return run.ran;
}
