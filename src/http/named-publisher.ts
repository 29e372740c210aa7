/**
 * Publishes for whoever names its publisher and sequence: the same entries under the same numbers
 * take effect once, however often and wherever they are sent. One for each request.
 */
import {
  Islander,
  type Batch,
  type Effect,
  type PublisherId,
  type Republic,
  type SubmissionResult,
} from "../../consensus/index.ts";
import { Deadline } from "../deadline.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Bell } from "../node/bell.ts";
import type { RunningNode } from "../node/running-node.ts";
import { ownBarrier } from "../node/own-barrier.ts";
import { Publishing } from "../publishing/publishing.ts";
import { resultOf } from "../publishing/submission-result.ts";
import type { EnqueueRequest } from "../requests.ts";
import type { World } from "../world.ts";
import { httpLimits } from "./http-limits.ts";
import { HttpProblem } from "./problem.ts";

/** What it needs of its node. */
export interface NumberingNode {
  readonly configuration: { readonly world: Pick<World, "clock" | "chance"> };
  /** Rings when its log has gone on. */
  readonly changed: Pick<Bell, "until">;
  readonly service: Pick<RunningNode["service"], "enqueue">;
  readonly state: {
    readonly legislator: { readonly republic: Pick<Republic, "outcomeOf" | "batchOf"> };
  };
}

export interface Numbered {
  readonly publisher: PublisherId;
  readonly sequence: number;
}

export class NamedPublisher implements Disposable {
  readonly #node: NumberingNode;
  readonly #publisher: PublisherId;
  readonly #publishing: Publishing;
  /** Aborts when what comes before it does not come, and when it is disposed. */
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  #sequence: number;
  /** Submissions of the batch under way that may have had an effect. */
  #doubt = 0;
  #last: SubmissionResult | null = null;
  /** Which number was waited for in vain. */
  #expected: number | null = null;
  #batch: Batch | null = null;

  constructor(node: NumberingNode, { publisher, sequence }: Numbered, signal: AbortSignal) {
    const { clock, chance } = node.configuration.world;
    const islander = new Islander();
    this.#node = node;
    this.#publisher = publisher;
    this.#sequence = sequence;
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
    this.#publishing = new Publishing({
      owner: "request",
      clock,
      chance,
      play: (input) => islander.step(input),
      submit: async ({ batch }, body) => await this.#submit(batch, body),
      register: () => Promise.resolve({ kind: "lost" }),
      resume: { publisher: String(publisher), sequenceNext: sequence },
      // What is published rejects with what is broken.
      broken: () => undefined,
    });
  }

  /**
   * Has `entries` decided as one batch; one call after the other. Resolves with the first's index.
   * @throws {KibitzerError | HttpProblem} after which, if `retryable`, all may be sent again.
   */
  async publish(entries: readonly Uint8Array[]): Promise<number> {
    this.#doubt = 0;
    this.#last = null;
    try {
      const { index } = await this.#publishing.publishMany(entries, { signal: this.#signal });
      this.#sequence += entries.length;
      return index;
    } catch (error) {
      throw this.#reasonOf(error);
    }
  }

  [Symbol.dispose](): void {
    this.#publishing.close();
    this.#end.abort();
  }

  async #submit(batch: Batch, body: Uint8Array): Promise<SubmissionResult> {
    this.#batch = batch;
    const result = await this.#enqueue(batch, body);
    const isEarly = isGap(result) && this.#expectedBy(batch) !== null;
    // A leader that knows less than this node is asked again in a while, as after other setbacks.
    return isEarly ? await this.#submitNext(batch, body, result) : result;
  }

  /** What it follows may be on its way, through another connection or node; but not for ever. */
  async #submitNext(
    batch: Batch,
    body: Uint8Array,
    early: SubmissionResult,
  ): Promise<SubmissionResult> {
    const { configuration, changed } = this.#node;
    using deadline = new Deadline(
      configuration.world.clock,
      httpLimits.predecessorMs,
      this.#signal,
    );
    await changed.until(() => this.#expectedBy(batch) === null, deadline.signal);
    if (this.#signal.aborted) return early;
    // Also when the time is over: of many copies all are to be answered alike.
    const result = await this.#enqueue(batch, body);
    if (deadline.isOver && isGap(result)) {
      this.#expected = this.#expectedBy(batch);
      // Else it has come by now, and the next answer will not miss it.
      if (this.#expected !== null) this.#end.abort();
    }
    return result;
  }

  async #enqueue(batch: Batch, body: Uint8Array): Promise<SubmissionResult> {
    this.#doubt += 1;
    const request: EnqueueRequest = { method: "enqueue", batch, body, hops: 0 };
    const result = resultOf(await this.#node.service.enqueue(request, this.#signal));
    if (result.kind === "refused" || result.kind === "unknownPublisher") this.#doubt -= 1;
    this.#last = result;
    return result;
  }

  #reasonOf(error: unknown): unknown {
    const outcome = this.#doubt === 0 ? "none" : "unknown";
    if (this.#last?.kind === "conflict") return this.#conflict();
    if (this.#last?.kind === "unknownPublisher") return unknown(this.#publisher, outcome);
    if (this.#expected !== null) return this.#gap(this.#expected, outcome);
    if (!(error instanceof KibitzerError)) return error;
    // The same numbers have one effect at most: it may be sent again whatever became of it.
    const retryable =
      error.retryable || error.code === "KBZ_ABORTED" || error.code === "KBZ_CLOSED";
    return new KibitzerError(error.code, error.message, { retryable, outcome, cause: error });
  }

  #gap(expected: number, outcome: "none" | "unknown"): HttpProblem {
    const error = new KibitzerError(
      "KBZ_PUBLISHER",
      `Sequence ${this.#sequence} of publisher ${this.#publisher} comes too early: send those ` +
        `from ${expected} on first.`,
      { retryable: true, outcome },
    );
    return new HttpProblem(error, { more: { expected } });
  }

  /** The publisher's next number, as this node's log has it; null if `batch` is not early. */
  #expectedBy(batch: Batch): number | null {
    const { republic } = this.#node.state.legislator;
    const effect: Effect | null = republic.outcomeOf(batch);
    return effect?.kind === "gap" ? effect.expected : null;
  }

  #conflict(): KibitzerError {
    const { republic } = this.#node.state.legislator;
    const before = republic.batchOf(this.#publisher, this.#sequence);
    const isOther = before !== null && before.count === this.#batch?.count;
    const found = isOther
      ? "was used for another entry"
      : "was used already, and what for is not known here any more: look for it in the log";
    return new KibitzerError(
      "KBZ_PUBLISHER",
      `Sequence ${this.#sequence} of publisher ${this.#publisher} ${found}.`,
      { retryable: false, outcome: isOther ? "none" : "unknown" },
    );
  }
}

/**
 * A publisher is called by the slot of its registration.
 * @throws {KibitzerError} `KBZ_PUBLISHER` when that has not been decided yet.
 */
export async function checkRegistered(
  node: Pick<RunningNode, "over" | "service" | "state">,
  publisher: PublisherId,
  signal: AbortSignal,
): Promise<void> {
  const { legislator } = node.state;
  if (publisher <= legislator.republic.slot) return;
  await ownBarrier(node, { signal });
  if (publisher > legislator.republic.slot) throw unknown(publisher, "none");
}

function unknown(publisher: PublisherId, outcome: "none" | "unknown"): KibitzerError {
  return new KibitzerError(
    "KBZ_PUBLISHER",
    `Publisher ${publisher} is unknown to the republic, or has expired: ask for a new one with ` +
      "POST /v1/publishers.",
    { retryable: false, outcome },
  );
}

function isGap(result: SubmissionResult): boolean {
  return result.kind === "gap" || (result.kind === "refused" && result.reason === "gap");
}
