/**
 * Answers at a node's endpoints while it repairs its journal, before its core runs: gives others
 * what is whole, tells everybody else what it waits for, and takes part in nothing.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Callee, Hello } from "../../transport/index.ts";
import type { HttpCallee } from "../access/gate.ts";
import { answerEarly, probeOf } from "../health/early.ts";
import { isOriginOurs } from "../http/hosts.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { refusal } from "../node/refusals.ts";
import type { Request, Response, SnapshotRequest } from "../requests.ts";
import type { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import type { Journal } from "../storage/journal.ts";
import type { RefusalLog } from "../node/refusal-log.ts";
import { answerRepair } from "./repair-answer.ts";

const pieceBytesMax = 1_048_576;

interface RepairCalleeParts {
  readonly journal: Journal;
  readonly snapshots: SnapshotFiles;
  hello(): Hello;
}

export class RepairCallee implements Callee<Request, Response>, HttpCallee {
  readonly #journal: Journal;
  readonly #snapshots: SnapshotFiles;
  readonly #hello: () => Hello;
  readonly #refusals: Pick<RefusalLog, "note">;
  /** What is waited for, in words. */
  waitsFor = "it asks the other members";

  constructor(parts: RepairCalleeParts, refusals: Pick<RefusalLog, "note">) {
    this.#journal = parts.journal;
    this.#snapshots = parts.snapshots;
    this.#hello = () => parts.hello();
    this.#refusals = refusals;
  }

  refused(detail: Parameters<RefusalLog["note"]>[0]): void {
    this.#refusals.note(detail);
  }

  hello(): Hello {
    return this.#hello();
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    answerEarly(request, response, `it repairs its journal: ${this.waitsFor}`);
  }

  isUrgent(request: IncomingMessage): boolean {
    return probeOf(request) !== undefined;
  }

  /** Only nodes and programs have business here, and pages of this computer. */
  admits({ headers }: IncomingMessage): boolean {
    return isOriginOurs(headers.origin, () => false);
  }

  hear(): void {
    // What is lost here is sent again: this node does not take part yet.
  }

  async answer(request: Request): Promise<Response> {
    if (request.method === "repair") return await answerRepair(this.#journal, request);
    if (request.method === "snapshot") return await this.#snapshot(request);
    throw new KibitzerError(
      "KBZ_BUSY",
      `This node repairs its journal and does not serve yet: ${this.waitsFor}.`,
      { retryable: true, outcome: "none" },
    );
  }

  async #snapshot({ slot, offset, bytesMax }: SnapshotRequest): Promise<Response> {
    const isKept = this.#journal.past.snapshots.includes(slot);
    const most = Math.min(bytesMax, pieceBytesMax);
    const piece = isKept ? await this.#snapshots.piece(slot, offset, most) : null;
    return piece === null ? refusal("notFound", null) : { kind: "chunk", offset, ...piece };
  }
}
