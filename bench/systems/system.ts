/** What is measured: a system of three processes on this computer, and its client. */

export type SystemName = "kibitzer" | "bound" | "etcd" | "nats" | "rabbitmq" | "zookeeper";

/** What a load publishes through. One for each client process. */
export interface Publisher {
  /** Resolves once the entry is acknowledged. */
  publish(entry: Uint8Array): Promise<unknown>;
  /** All in one call, where the system has such a call. */
  publishMany?(entries: readonly Uint8Array[]): Promise<unknown>;
  close(): Promise<void>;
}

export interface Running {
  readonly endpoints: readonly string[];
  /** Of the processes, in the order of `endpoints`; 0 for one that was killed. */
  pids(): readonly number[];
  /** Resolves once it takes writes and no process lags. */
  whole(): Promise<void>;
  stop(): Promise<void>;
  readonly killing?: Killing;
}

/** How its leader is killed and comes back. */
export interface Killing {
  /** The place of the leader in `endpoints`. */
  leader(): Promise<number>;
  /** Ends it with SIGKILL. */
  kill(at: number): Promise<void>;
  /** Starts it again on its directory; resolves once the system is whole. */
  restart(at: number): Promise<void>;
}

export interface Where {
  /** Empty; the caller removes it. */
  readonly directory: string;
  /** The first of the ports it may use. */
  readonly port: number;
}

export interface System {
  readonly name: SystemName;
  /** What has happened when a write is acknowledged, with the settings used here. */
  readonly durability: string;
  /** Whether its publisher has `publishMany`. */
  readonly hasBulk?: boolean;
  isInstalled(): boolean;
  /** Starts all processes, and waits for nothing. */
  launch(where: Where): Running;
  /** @throws {Error} when none can be reached; who calls may try again. */
  connect(endpoints: readonly string[]): Promise<Publisher>;
}
