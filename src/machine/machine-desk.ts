/**
 * What a node does with the state machine that is attached to it, if one is: waits for it, adds its
 * results to answers, and has it answer questions.
 */
import type { Batch, Hash, Slot } from "../../consensus/index.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Histogram } from "../metrics/histogram.ts";
import type { LogReader } from "../node/log-reader.ts";
import { undecided } from "../node/settlements.ts";
import type { QueryRequest, Response } from "../requests.ts";
import type { Clock } from "../world.ts";
import {
  answerTooLarge,
  attachedTwice,
  notAMachine,
  notAnAnswer,
  queryFailed,
  questionTooLarge,
} from "./machine-errors.ts";
import { MachineHost } from "./machine-host.ts";
import type { SnapshotParts } from "../snapshots/snapshot-part.ts";
import { machineLimits } from "./machine-limits.ts";
import { MachinePart } from "./machine-part.ts";
import { droppedResults } from "./results.ts";
import type { StateMachine } from "./state-machine.ts";
import { Waker } from "./waker.ts";

export interface MachineDeskOptions {
  readonly clock: Clock;
  readonly applies?: Histogram;
  readonly reader: LogReader;
  readonly over: AbortSignal;
  /** Where the machine takes part in snapshots; null: nowhere, it begins with the first entry. */
  readonly parts: SnapshotParts | null;
  isLeading(): boolean;
  publish(entry: Uint8Array | string): Promise<unknown>;
  marked(slot: Slot, hash: Hash): void;
  skipped(at: { readonly slot: Slot; readonly index: number }, error: unknown): void;
  failed(error: unknown): void;
}

export class MachineDesk {
  readonly #options: MachineDeskOptions;
  #host: MachineHost | null = null;
  #isAttaching = false;

  constructor(options: MachineDeskOptions) {
    this.#options = options;
  }

  /** What is attached; null for none. */
  get machine(): StateMachine | null {
    return this.#host?.machine ?? null;
  }

  /** How far the machine is; null without one. */
  get applied(): { readonly slot: Slot; readonly index: number } | null {
    return this.#host === null ? null : { slot: this.#host.slot, index: this.#host.index };
  }

  /** Whether it lags so far that nothing more should be published here. */
  get isBehind(): boolean {
    return this.#host?.isBehind ?? false;
  }

  /**
   * Feeds `machine` from now on, from the latest snapshot that holds it, or from the first entry;
   * resolves once it is restored. Nobody waits for it before, and nothing is left of one that
   * cannot be restored.
   *
   * @throws {KibitzerError} `KBZ_ARGUMENT` when there is one already, or it is none; as
   *   `SnapshotParts.add` does.
   */
  async attach(machine: StateMachine): Promise<void> {
    if (!isMachine(machine)) throw notAMachine(machine);
    if (this.#host !== null || this.#isAttaching) throw attachedTwice();
    const options = this.#options;
    const host = new MachineHost({
      machine,
      reader: options.reader,
      clock: options.clock,
      over: options.over,
      ...(options.applies === undefined ? {} : { applies: options.applies }),
      marked: (slot, hash) => options.marked(slot, hash),
      skipped: (at, error) => options.skipped(at, error),
      failed: (error) => options.failed(error),
      caughtUp: () => waker.look(),
    });
    const waker = new Waker(options, host);
    this.#isAttaching = true;
    try {
      await options.parts?.add(new MachinePart(host));
    } finally {
      this.#isAttaching = false;
    }
    this.#host = host;
    void host.run();
  }

  /** Resolves once everything up to `slot` is applied; false when `signal` aborts before. */
  async reached(slot: Slot, signal: AbortSignal): Promise<boolean> {
    return this.#host === null || (await this.#host.reached({ slot }, signal));
  }

  /**
   * Adds to the effect of a batch what the machine made of it, once it is applied here. Who gives
   * up before knows no more than that it was submitted.
   */
  async complete(
    { publisher, sequence, count }: Batch,
    response: Response,
    signal: AbortSignal,
  ): Promise<Response> {
    const host = this.#host;
    if (host === null || response.kind !== "effect" || !("index" in response.effect)) {
      return response;
    }
    const { index } = response.effect;
    if (!(await host.reached({ index: index + count - 1 }, signal))) return undecided;
    const row = host.resultsOf(publisher, sequence);
    const results = row === null ? droppedResults(count) : row.results;
    return { ...response, results };
  }

  /**
   * Has the machine answer a question, once it has applied `index`, or `waitMs` are over.
   * @param barrier What makes the answer linearizable; anything but a barrier is the answer then.
   * @throws {KibitzerError} `KBZ_TOO_LARGE`; `KBZ_MACHINE` when the machine throws.
   */
  async answer(
    { question, index, waitMs, isStale }: QueryRequest,
    barrier: () => Promise<Response>,
    signal: AbortSignal,
  ): Promise<Response> {
    const host = this.#host;
    const { questionBytesMax, answerBytesMax, questionWaitMsMax } = machineLimits;
    if (question.length > questionBytesMax) {
      throw questionTooLarge(question.length, questionBytesMax);
    }
    const machine = host?.machine;
    if (host === null || machine?.query === undefined) {
      return { kind: "refused", reason: "noMachine", leader: null };
    }
    if (!isStale) {
      const response = await barrier();
      if (response.kind !== "barrier") return response;
    }
    if (index > host.index) {
      using deadline = new Deadline(
        this.#options.clock,
        Math.min(waitMs, questionWaitMsMax),
        signal,
      );
      await host.reached({ index }, deadline.signal);
    }
    const told = await host.ask(() => answerOf(machine, question), signal);
    if (told === null) return { kind: "refused", reason: "busy", leader: null };
    const { index: applied, value: answer } = told;
    if (answer.length > answerBytesMax) throw answerTooLarge(answer.length, answerBytesMax);
    return { kind: "answer", index: applied, answer };
  }
}

/** What a machine throws for a question is the matter of who asked it, and not of the node. */
function answerOf(machine: StateMachine, question: Uint8Array): Uint8Array {
  let answer: unknown;
  try {
    answer = machine.query?.(question);
  } catch (error) {
    throw error instanceof KibitzerError ? error : queryFailed(error);
  }
  if (!(answer instanceof Uint8Array)) throw queryFailed(notAnAnswer(answer));
  return answer;
}

function isMachine(machine: unknown): boolean {
  if (typeof machine !== "object" || machine === null) return false;
  return ["apply", "snapshot", "restore"].every((name) => {
    return name in machine && typeof Reflect.get(machine, name) === "function";
  });
}
