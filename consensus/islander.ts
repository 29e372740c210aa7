/**
 * The publisher's queue: numbers batches, has them submitted in order, submits again what has no
 * outcome, and tells each outcome once, in order. Never sees an entry's bytes, sends or waits
 * itself.
 */
import { assert, unreachable } from "./assert.ts";
import type { Batch } from "./decree.ts";
import type { Index, Tick } from "./identifiers.ts";
import { faultOf, readIslanderCheckpoint } from "./islander-checkpoint.ts";
import type { InFlight, IslanderCheckpoint, Session } from "./islander-checkpoint.ts";
import type {
  IslanderInput,
  IslanderOutcome,
  OpenInput,
  PublishedInput,
  PublishInput,
  Submission,
} from "./islander-outcome.ts";
import { answered, endOf, firstRefused, isPlausible, isPosition } from "./islander-answers.ts";
import { pauseTicks, setbackOf, timeoutTicks, timingFrom } from "./islander-timing.ts";
import type { IslanderTiming, Setback } from "./islander-timing.ts";
import { limits } from "./limits.ts";

/** Whatever is left out has a careful default. */
export type IslanderOptions = Partial<IslanderTiming>;

type Settled = IslanderOutcome["settled"][number];
type Failed = NonNullable<IslanderOutcome["failed"]>;

/** What one step found out; the rest of the outcome follows from the state. */
interface Findings {
  readonly settled?: readonly Settled[];
  readonly refused?: readonly Batch[];
  readonly failed?: Failed;
  readonly asked?: readonly Submission[];
}

const windowMax = limits.publisherBatchesInFlightMax;

export class Islander {
  readonly #timing: IslanderTiming;
  #session: Session = { kind: "closed" };
  /**
   * By sequence, without a hole. Replaced item by item, so that outcomes may keep what they tell.
   */
  #inFlight: InFlight[] = [];
  #window: number = windowMax;
  #failures = 0;
  #heardAt: Tick = 0;
  #retryAt: Tick | null = null;
  #askAt: Tick | null = null;
  #indexLast: Index = 0;

  constructor(options: IslanderOptions = {}) {
    this.#timing = timingFrom(options);
  }

  /** @throws {TypeError} when `checkpoint` is not one; it may come from a file. */
  static restore(checkpoint: unknown): Islander {
    const state = readIslanderCheckpoint(checkpoint);
    const islander = new Islander(state.timing);
    islander.#session = state.session;
    islander.#inFlight = [...state.inFlight];
    islander.#window = state.window;
    islander.#failures = state.failures;
    islander.#heardAt = state.heardAt;
    islander.#retryAt = state.retryAt;
    islander.#askAt = state.askAt;
    islander.#indexLast = state.indexLast;
    return islander;
  }

  /** Everything there is to know, as JSON data; `restore` goes on from it to the byte. */
  checkpoint(): IslanderCheckpoint {
    return {
      kind: "islander",
      timing: { ...this.#timing },
      session: { ...this.#session },
      inFlight: this.#inFlight.map((item) => ({ ...item, batch: { ...item.batch } })),
      window: this.#window,
      failures: this.#failures,
      heardAt: this.#heardAt,
      retryAt: this.#retryAt,
      askAt: this.#askAt,
      indexLast: this.#indexLast,
    };
  }

  /** The only way in. Same state and same input give the same outcome, always. */
  step(input: IslanderInput): IslanderOutcome {
    switch (input.kind) {
      case "open":
        return this.#onOpen(input);
      case "publish":
        return this.#onPublish(input);
      case "published":
        return this.#onPublished(input);
      case "event":
        return this.#onEvent(input.now);
      default:
        return unreachable(input);
    }
  }

  #onOpen({ now, nonce, resume }: OpenInput): IslanderOutcome {
    assert(this.#session.kind !== "registering", "one registration at a time");
    assert(this.#inFlight.length === 0, "a session with batches in flight is not replaced");
    this.#reset();
    if (resume === null) {
      this.#session = { kind: "registering", nonce, attempt: 0, outstanding: false };
    } else {
      const { publisher, sequenceNext } = resume;
      assert(Number.isSafeInteger(publisher) && publisher >= 1, "a publisher is a slot");
      assert(Number.isSafeInteger(sequenceNext) && sequenceNext >= 1, "a sequence is from 1");
      this.#session = { kind: "open", publisher, sequenceNext };
    }
    return this.#outcome(now, {});
  }

  #onPublish({ now, count, size, checksum }: PublishInput): IslanderOutcome {
    const session = this.#session;
    assert(session.kind === "open" && this.#room() > 0, "publish only while there is room");
    assert(
      count >= 1 && count <= limits.batchEntriesMax,
      "a batch has a bounded number of entries",
    );
    assert(size >= 4 * count && size <= limits.batchBytesMax, "a batch has a bounded size");
    assert(checksum >>> 0 === checksum, "a checksum has 32 bits");
    const { publisher, sequenceNext: sequence } = session;
    const batch: Batch = { kind: "batch", publisher, sequence, count, size, checksum };
    const unsent = { attempt: 0, outstanding: false, declined: 0, isFull: false, index: null };
    this.#inFlight.push({ batch, ...unsent });
    this.#session = { kind: "open", publisher, sequenceNext: sequence + count };
    return this.#outcome(now, {});
  }

  #onPublished(input: PublishedInput): IslanderOutcome {
    assert(input.jitter >= 0 && input.jitter < 1, "jitter is drawn from [0, 1)");
    switch (this.#session.kind) {
      case "closed":
        return this.#outcome(input.now, {});
      case "registering":
        return this.#onRegistrationAnswer(input, this.#session);
      case "open":
        // The registration is answered again by each of its submissions: the first answer counts.
        return input.sequence === 0 ? this.#outcome(input.now, {}) : this.#onBatchAnswer(input);
      default:
        return unreachable(this.#session);
    }
  }

  #onRegistrationAnswer(
    input: PublishedInput,
    session: Session & { readonly kind: "registering" },
  ): IslanderOutcome {
    const { now, attempt, result } = input;
    const end = endOf(input);
    assert(input.sequence === 0, "no batch is answered before the registration is");
    assert(attempt >= 1 && attempt <= session.attempt, "an answer is to something submitted");
    if (
      result.kind === "registered" &&
      result.nonce === session.nonce &&
      isPosition(result.publisher)
    ) {
      this.#reset();
      this.#session = { kind: "open", publisher: result.publisher, sequenceNext: 1 };
    } else if (result.kind === "refusedRegistration" && result.nonce === session.nonce) {
      return this.#end(now, "refusedRegistration");
    } else if (end !== null) {
      return this.#end(now, end);
    } else if (attempt === session.attempt && session.outstanding) {
      this.#session = { ...session, outstanding: false };
      this.#setBack(setbackOf(result), input);
    }
    return this.#outcome(now, {});
  }

  #onBatchAnswer(input: PublishedInput): IslanderOutcome {
    const { now, sequence, attempt, result } = input;
    const end = endOf(input);
    const position = this.#inFlight.findIndex((item) => item.batch.sequence === sequence);
    const item = this.#inFlight[position];
    if (item === undefined) {
      assert(sequence < this.#sequenceFirst(), "an answer is to what is in flight or settled");
      return this.#outcome(now, {});
    }
    assert(attempt >= 1 && attempt <= item.attempt, "an answer is to something submitted");
    if (item.index !== null) return this.#outcome(now, {});

    if (end !== null) return this.#end(now, end);
    if (
      (result.kind === "applied" || result.kind === "duplicate") &&
      isPlausible(this.#inFlight, { position, index: result.index, indexLast: this.#indexLast })
    ) {
      this.#inFlight[position] = { ...item, outstanding: false, index: result.index };
      return this.#onKnown(now);
    }
    const known = answered(item, attempt, result);
    this.#inFlight[position] = known;
    const refused = this.#giveUp();
    const isSetBack = item.outstanding && !known.outstanding && this.#inFlight.length > 0;
    if (isSetBack) this.#setBack(setbackOf(result), input);
    return this.#outcome(now, { refused });
  }

  /** What there is no room for is not tried for ever: who published it is told so. */
  #giveUp(): readonly Batch[] {
    const session = this.#session;
    assert(session.kind === "open", "batches are of an open session");
    const refused = this.#inFlight.splice(firstRefused(this.#inFlight));
    const [first] = refused;
    if (first === undefined) return [];
    this.#session = { ...session, sequenceNext: first.batch.sequence };
    if (this.#inFlight.length === 0) this.#goOnAnew();
    return refused.map(({ batch }) => batch);
  }

  /** One more outcome is known: tells what can be told in order, and opens the window. */
  #onKnown(now: Tick): IslanderOutcome {
    this.#failures = 0;
    this.#heardAt = now;
    this.#window = Math.min(windowMax, this.#window + 1);
    const settled: Settled[] = [];
    for (let head = this.#inFlight[0]; head !== undefined; head = this.#inFlight[0]) {
      if (head.index === null) break;
      this.#inFlight.shift();
      this.#indexLast = head.index + head.batch.count - 1;
      settled.push({ batch: head.batch, index: head.index });
    }
    if (this.#inFlight.length === 0) this.#retryAt = null;
    // What was overtaken is decided, since there are no gaps; only its answer is missing. Give an
    // answer that is merely late a moment, then ask the publisher table by submitting again.
    const overtaken = this.#inFlight.some((item) => item.index !== null);
    this.#askAt = overtaken ? (this.#askAt ?? now + this.#timing.overtakenTicks) : null;
    return this.#outcome(now, { settled });
  }

  #onEvent(now: Tick): IslanderOutcome {
    if (this.#retryAt !== null) {
      if (now >= this.#retryAt) this.#goBack(now);
    } else if (
      this.#waiting() &&
      now >= this.#heardAt + timeoutTicks(this.#timing, this.#failures)
    ) {
      this.#failures += 1;
      this.#window = Math.max(1, this.#window >> 1);
      this.#goBack(now);
    } else if (this.#askAt !== null && now >= this.#askAt) {
      return this.#outcome(now, { asked: this.#ask() });
    }
    return this.#outcome(now, {});
  }

  /** Schedules that everything without outcome is submitted again; one pause for all of a round. */
  #setBack(setback: Setback, { now, jitter }: PublishedInput): void {
    if (this.#retryAt !== null) return;
    this.#retryAt = now + pauseTicks(this.#timing, setback, this.#failures, jitter);
    this.#failures += 1;
    if (setback === "busy") this.#window = Math.max(1, this.#window >> 1);
  }

  /**
   * Go-back-n: nothing counts as outstanding any more, so everything is submitted again, in order.
   */
  #goBack(now: Tick): void {
    this.#retryAt = null;
    this.#askAt = null;
    this.#heardAt = now;
    if (this.#session.kind === "registering") {
      this.#session = { ...this.#session, outstanding: false };
    }
    this.#inFlight = this.#inFlight.map((item) => ({ ...item, outstanding: false }));
  }

  /** Submits the overtaken batches again; their order among the others matters no more. */
  #ask(): Submission[] {
    this.#askAt = null;
    const known = this.#inFlight.findLastIndex((item) => item.index !== null);
    const asked: Submission[] = [];
    for (let position = 0; position < known; position += 1) this.#submit(position, asked);
    return asked;
  }

  /** Submits what is not outstanding, in order, as far as the window reaches. */
  #fill(now: Tick): Submission[] {
    const submissions: Submission[] = [];
    if (this.#retryAt !== null) return submissions;
    let outstanding = 0;
    for (const item of this.#inFlight) if (item.outstanding) outstanding += 1;
    const idle = outstanding === 0;
    for (let position = 0; position < this.#inFlight.length; position += 1) {
      const item = this.#inFlight[position];
      if (item === undefined || item.outstanding || item.index !== null) continue;
      if (outstanding >= this.#window) break;
      this.#submit(position, submissions);
      outstanding += 1;
    }
    if (idle && submissions.length > 0) this.#heardAt = now;
    return submissions;
  }

  #submit(position: number, submissions: Submission[]): void {
    const item = this.#inFlight[position];
    assert(item !== undefined, "only what is in flight is submitted");
    if (item.index !== null) return;
    const attempt = item.attempt + 1;
    this.#inFlight[position] = { ...item, attempt, outstanding: true, isFull: false };
    submissions.push({ batch: item.batch, attempt });
  }

  #register(now: Tick): IslanderOutcome["register"] {
    const session = this.#session;
    if (session.kind !== "registering" || session.outstanding || this.#retryAt !== null)
      return null;
    const attempt = session.attempt + 1;
    this.#session = { ...session, attempt, outstanding: true };
    this.#heardAt = now;
    return { nonce: session.nonce, attempt };
  }

  /** The session is over. What is known to be decided is told even after something that failed. */
  #end(now: Tick, reason: Failed["reason"]): IslanderOutcome {
    const settled: Settled[] = [];
    const batches: Batch[] = [];
    for (const { batch, index } of this.#inFlight) {
      if (index === null) batches.push(batch);
      else settled.push({ batch, index });
    }
    this.#reset();
    this.#session = { kind: "closed" };
    this.#inFlight = [];
    return this.#outcome(now, { settled, failed: { reason, batches } });
  }

  #reset(): void {
    this.#goOnAnew();
    this.#indexLast = 0;
  }

  /** Nothing is in flight: what was set back with it is past. */
  #goOnAnew(): void {
    this.#window = windowMax;
    this.#failures = 0;
    this.#retryAt = null;
    this.#askAt = null;
  }

  #outcome(
    now: Tick,
    { settled = [], refused = [], failed, asked = [] }: Findings,
  ): IslanderOutcome {
    const register = this.#register(now);
    const filled = this.#fill(now);
    this.#check();
    return {
      register,
      submit: asked.length === 0 ? filled : [...asked, ...filled],
      settled,
      refused,
      failed: failed ?? null,
      room: this.#room(),
      deadline: this.#deadline(),
    };
  }

  #room(): number {
    // Counted from the first batch that was not told, since the publisher table keeps no more.
    return this.#session.kind === "open" ? windowMax - this.#inFlight.length : 0;
  }

  #deadline(): Tick | null {
    if (this.#retryAt !== null) return this.#retryAt;
    if (!this.#waiting()) return null;
    const lost = this.#heardAt + timeoutTicks(this.#timing, this.#failures);
    return this.#askAt === null ? lost : Math.min(lost, this.#askAt);
  }

  #waiting(): boolean {
    return this.#session.kind === "registering" || this.#inFlight.length > 0;
  }

  #sequenceFirst(): number {
    assert(this.#session.kind === "open", "only an open session numbers");
    return this.#inFlight[0]?.batch.sequence ?? this.#session.sequenceNext;
  }

  /** What holds between two steps. */
  #check(): void {
    const fault = faultOf({
      session: this.#session,
      inFlight: this.#inFlight,
      window: this.#window,
      retryAt: this.#retryAt,
    });
    assert(fault === null, fault ?? "");
  }
}
