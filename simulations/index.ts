/**
 * The door of simulations/: whole clusters under virtual time, with faults drawn from a seed, for
 * users who test what they build on the log.
 */
export { Prng } from "./prng.ts";
export {
  Simulator,
  Life,
  millisecond,
  second,
  type Micros,
  type ClockOptions,
} from "./simulator.ts";
export { Trace } from "./trace.ts";
export { SimulatedDisk, calmDisk, type DiskFaults, type Range } from "./disk.ts";
export type { PowerLoss } from "./simulated-file.ts";
export { SimulatedNetwork, calmNetwork, type NetworkFaults, type CutKind } from "./network.ts";
export { Cluster, type ClusterEvents, type SimulatedNode } from "./cluster.ts";
export { drawSwarm, type Swarm, type Workload } from "./swarm.ts";
export { Simulation, type Failure, type RunReport, type SimulationOptions } from "./simulation.ts";
export { Violation } from "./core/violation.ts";
