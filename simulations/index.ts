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
export { SimulatedDisk, calmDisk, type DiskFaults, type Range } from "./disk.ts";
export type { PowerLoss } from "./simulated-file.ts";
export { SimulatedNetwork, calmNetwork, type NetworkFaults, type CutKind } from "./network.ts";
export { Cluster, type ClusterEvents, type ClusterPlan, type SimulatedNode } from "./cluster.ts";
export { calmSwarm } from "./calm-swarm.ts";
export { drawSwarm, type Swarm, type Workload } from "./swarm.ts";
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
} from "./check-state-machine.ts";
export type { NodeMachine } from "./simulated-machine.ts";
export { TrapError } from "./traps.ts";
export { Violation } from "./core/violation.ts";
