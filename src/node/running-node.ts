/**
 * A running node as those see it that answer for it and watch it: HTTP, metrics, probes. They look,
 * and hand requests to its service; how it runs is the engine's.
 */
import type { Citizen, LegislatorView, RepublicIdentity } from "../../consensus/index.ts";
import type { Gate } from "../access/gate.ts";
import type { Status } from "../api.ts";
import type { Configuration } from "../configuration.ts";
import type { ConsensusState } from "../consensus-state.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import type { MachineDesk } from "../machine/machine-desk.ts";
import type { Meter } from "../metrics/meter.ts";
import type { Publishing } from "../publishing/publishing.ts";
import type { NodeReport } from "../requests.ts";
import type { DataDirectory } from "../storage/directory.ts";
import type { Journal } from "../storage/journal.ts";
import type { Bell } from "./bell.ts";
import type { LogReader } from "./log-reader.ts";
import type { Peers } from "./peers.ts";
import type { Service } from "./service.ts";

export interface RunningNode {
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly directory: Pick<DataDirectory, "path" | "record">;
  /** Null outside of a republic. */
  readonly journal: Journal | null;
  readonly state: ConsensusState;
  readonly reader: LogReader;
  readonly service: Service;
  readonly publishing: Publishing;
  readonly machine: MachineDesk;
  readonly peers: Peers;
  readonly gate: Gate;
  readonly meter: Meter;
  readonly metrics: {
    /** In the text format of Prometheus. */
    text(): Promise<{ readonly text: string; readonly contentType: string }>;
  };
  /** The republic that the directory belongs to, or null. */
  readonly identity: RepublicIdentity | null;
  /** The republic once its first decree is decided here. */
  readonly republic: RepublicIdentity | null;
  /** The advertised endpoint. */
  readonly url: string;
  /** Rings when role, government or membership may have changed, and when all is over. */
  readonly changed: Bell;
  /** Aborted when the node stops, for whatever reason. */
  readonly over: AbortController;
  /** Whether it is about to stop: it is to be given nothing more to do. */
  readonly isDraining: boolean;
  /** Why it has stopped, or null. */
  readonly failure: KibitzerError | null;
  /** Milliseconds by which the timer of its core is late; 0 if it is not. */
  readonly overdueMs: number;
  /** Every member that is known, this node included. */
  contacts(): readonly Citizen[];
  view(): LegislatorView;
  report(): NodeReport;
  /** The cluster as this node sees it. */
  status(signal: AbortSignal): Promise<Status>;
}
