/**
 * Answers those who read this node: users' entries, decided decrees for a backup, and snapshots.
 * Asks nobody else, and promises nothing about what others have.
 */
import type { RepublicIdentity } from "../../consensus/index.ts";
import type { Hello } from "../../transport/index.ts";
import { Deadline } from "../deadline.ts";
import type {
  DecreesRequest,
  EntriesBatch,
  EntriesRequest,
  RepairRequest,
  Response,
  SnapshotRequest,
} from "../requests.ts";
import type { SnapshotPiece } from "../snapshots/snapshot-piece.ts";
import type { Clock } from "../world.ts";
import type { LogReader } from "./log-reader.ts";
import { refusal } from "./refusals.ts";

export interface ReadingOptions {
  readonly clock: Clock;
  readonly reader: LogReader;
  /** The republic that this node belongs to, or null before it is known. */
  identity(): RepublicIdentity | null;
  /** Bytes of a snapshot that was offered, or the newest; null when it is not here any more. */
  snapshot(slot: number, offset: number, bytesMax: number): Promise<SnapshotPiece | null>;
  /** What is whole here of slots that somebody else has lost. */
  repair(request: RepairRequest): Promise<Response>;
}

const waitMsMax = 30_000;
const readBytesMax = 1_048_576;

export class Reading {
  readonly #options: ReadingOptions;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /** @throws {KibitzerError} `KBZ_TRUNCATED` when the entry asked for is gone. */
  async entries(request: EntriesRequest, signal: AbortSignal): Promise<Response> {
    const { reader } = this.#options;
    const { index, bytesMax, waitMs } = request;
    const most = Math.min(bytesMax, readBytesMax);
    const read = async (): Promise<readonly EntriesBatch[]> => await reader.read(index, most);
    if (waitMs > 0 && index > reader.indexLast) {
      using deadline = new Deadline(this.#options.clock, Math.min(waitMs, waitMsMax), signal);
      await reader.reached({ index }, deadline.signal);
      // What has just come is little, and its followers wait for it.
      return { kind: "entries", batches: await read(), indexLast: reader.indexLast };
    }
    const batches = await reader.turns.take(read);
    return { kind: "entries", batches, indexLast: reader.indexLast };
  }

  async repair(request: RepairRequest): Promise<Response> {
    return await this.#options.repair(request);
  }

  /**
   * Only to who is of this republic, as far as it says: the whole state is in it. A client learns
   * which one that is with its first connection, and may have no less of the log.
   */
  async snapshot(request: SnapshotRequest, from: Hello): Promise<Response> {
    const { slot, offset, bytesMax } = request;
    const isNewClient = from.node === null && from.republic === null;
    if (!isNewClient && from.republic !== this.#options.identity()?.identity) {
      return refusal("notFound", null);
    }
    const read = await this.#options.snapshot(slot, offset, Math.min(bytesMax, readBytesMax));
    return read === null ? refusal("notFound", null) : { kind: "chunk", offset, ...read };
  }

  /** @throws {KibitzerError} `KBZ_TRUNCATED` when the first slot asked for is gone. */
  async decrees({ slotFirst, slotLast, bytesMax }: DecreesRequest): Promise<Response> {
    const most = Math.min(bytesMax, readBytesMax);
    const decrees = await this.#options.reader.decrees(slotFirst, slotLast, most);
    return { kind: "decrees", decrees };
  }
}
