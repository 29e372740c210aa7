/**
 * The door of simulations/: whole clusters under virtual time, with faults drawn from a seed, for
 * users who test what they build on the log.
 *
 * @module kibitzer/simulations
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
export { SimulatedDisk, calmDisk, type DiskFaults, type Range } from "./disk/disk.ts";
export type { PowerLoss } from "./disk/simulated-file.ts";
export { SimulatedNetwork, calmNetwork, type NetworkFaults, type CutKind } from "./network.ts";
export { Cluster, type ClusterEvents, type ClusterPlan, type SimulatedNode } from "./cluster.ts";
export { calmSwarm } from "./swarm/calm-swarm.ts";
export { drawSwarm } from "./swarm/drawn-swarm.ts";
export type { Swarm, Workload } from "./swarm/swarm.ts";
export {
  Simulation,
  type Failure,
  type RunReport,
  type SimulationOptions,
  type Stage,
} from "./simulation.ts";
export {
  HistoryRecorder,
  keepInMemory,
  writeLines,
  type HistorySink,
  type OpenOperation,
  type RecorderOptions,
} from "./history/recorder.ts";
export {
  HistoryFormatError,
  Pairing,
  type EventType,
  type HistoryEvent,
  type Operation,
  type Process,
  type Strike,
} from "./history/operation.ts";
export { readHistory, type HistoryFile, type HistoryHeader } from "./history/history-file.ts";
export { impossible, type Machine, type Model } from "./history/machine.ts";
export {
  checkHistory,
  models,
  type CheckOptions,
  type HistoryReport,
  type Problem,
  type Verdict,
} from "./history/check.ts";
export type { SearchBounds } from "./history/search.ts";
export { drawPage, type PageParts } from "./history/page.ts";
export {
  checkStateMachine,
  type StateMachineCheck,
  type StateMachineProblem,
  type StateMachineReport,
} from "./machine/check-state-machine.ts";
export type { NodeMachine } from "./machine/simulated-machine.ts";
export { TrapError } from "./machine/traps.ts";
export { Violation } from "./core/violation.ts";
