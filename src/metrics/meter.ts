/**
 * What a node counts while it works: plain numbers, kept where things happen, by batch, sync,
 * message or change of role, never by entry. Read when somebody asks for the metrics; decides
 * nothing, and nothing depends on it.
 */
import type { NodeId, Ping, Pong } from "../../consensus/index.ts";
import type { Traffic } from "../../transport/index.ts";
import type { Response } from "../requests.ts";
import { Histogram, Tally } from "./histogram.ts";

/** Milliseconds with fractions: durations of what takes less than one are measured, too. */
export function now(): number {
  return performance.now();
}

/** What is counted of the journal. */
export class StorageMeter {
  readonly syncs: Histogram = new Histogram();
  readonly snapshots: Histogram = new Histogram();
  /** Of the last snapshot of this life; its wall time 0 before the first. */
  snapshotBytes = 0;
  snapshotAt = 0;
  /** Stretches of damage that were found. */
  damages = 0;

  /** @param wall When it was done, by the wall clock. */
  made(bytes: number, ms: number, wall: number): void {
    this.snapshots.observe(ms);
    this.snapshotBytes = bytes;
    this.snapshotAt = wall;
  }
}

/** What is counted of one peer. */
export class PeerMeter implements Traffic {
  readonly roundTrips: Histogram = new Histogram();
  sentBytes = 0;
  receivedBytes = 0;
  sendFailures = 0;
  /** How far the peer said that its durable log reaches, and is decided. */
  length = 0;
  decided = 0;
  #round = -1;
  #pingedAt = 0;

  pinged(round: number): void {
    this.#round = round;
    this.#pingedAt = now();
  }

  heard({ kind, report, answer }: Ping | Pong): void {
    this.length = report.length;
    this.decided = report.decided;
    if (kind !== "pong" || answer.round !== this.#round) return;
    this.#round = -1;
    this.roundTrips.observe(now() - this.#pingedAt);
  }
}

/** Entries that somebody reads, or waits for, over frames or HTTP: what is wanted next. */
export interface Reading {
  next: number;
}

/** What is counted of the requests of clients, by method. */
export class RequestMeter {
  readonly durations: Map<string, Histogram> = new Map();
  readonly codes: Map<string, Tally> = new Map();

  note(method: string, code: string, ms: number): void {
    let durations = this.durations.get(method);
    let codes = this.codes.get(method);
    if (durations === undefined || codes === undefined) {
      durations = new Histogram();
      codes = new Tally();
      this.durations.set(method, durations);
      this.codes.set(method, codes);
    }
    durations.observe(ms);
    codes.add(code);
  }
}

export interface Certificate {
  readonly role: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export class Meter {
  readonly storage: StorageMeter = new StorageMeter();
  readonly requests: RequestMeter = new RequestMeter();
  /** Those of clients that are under way. */
  readonly readings: Set<Readonly<Reading>> = new Set();
  /** By outcome: "won" or "lost". */
  readonly elections: Tally = new Tally();
  /** By reason. */
  readonly failedProposals: Tally = new Tally();
  /** From when the leader took a batch over until it was decided and applied. */
  readonly commits: Histogram = new Histogram();
  /** What a batch took in the state machine. */
  readonly applies: Histogram = new Histogram();
  /** When each certificate of this node ends, by what it is for; none without TLS. */
  certificates: () => readonly Certificate[] = () => [];
  leaderChanges = 0;
  heartbeatFailures = 0;
  readIndexFailures = 0;
  /**
   * How often a state was found to differ from this node's. A node whose own differs from a
   * majority's stops, so that it is these others who tell.
   */
  mismatches = 0;
  #differing: readonly NodeId[] = [];
  readonly #peers = new Map<NodeId, PeerMeter>();

  /** Of who is reached; bounded by how many that may be. */
  peer(id: NodeId): PeerMeter {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new PeerMeter();
      this.#peers.set(id, peer);
    }
    return peer;
  }

  peers(): ReadonlyMap<NodeId, PeerMeter> {
    return this.#peers;
  }

  forget(id: NodeId): void {
    this.#peers.delete(id);
  }

  /** What became of a batch that was handed in here. */
  proposed(response: Response): void {
    if (response.kind === "refused") this.failedProposals.add(response.reason);
    else if (response.kind === "enqueued") this.failedProposals.add("undecided");
  }

  /** @param differing Whose state differs from this node's now. */
  compared(differing: readonly NodeId[]): void {
    const before = this.#differing;
    if (differing.length > 0) {
      this.mismatches += differing.filter((id) => !before.includes(id)).length;
    }
    this.#differing = differing;
  }

  /** A message to a peer left, or was dropped at once. */
  told(id: NodeId, kind: string, isSent: boolean): void {
    if (isSent) return;
    this.peer(id).sendFailures += 1;
    if (kind === "ping") this.heartbeatFailures += 1;
  }
}
