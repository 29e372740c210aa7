/**
 * The only caller of the consensus core: one input at a time is stamped, recorded, applied, and its
 * outcome carried out whole before the next input is looked at (contract C1).
 */
import type {
  IslanderInput,
  IslanderOutcome,
  LegislatorInput,
  Outcome,
} from "../../consensus/index.ts";
import type { ConsensusState } from "../consensus-state.ts";
import { brokenNode } from "./halt-error.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import { digestIslanderOutcome, digestOutcome } from "../recording/outcome-digest.ts";
import type { EnvelopeRecorder } from "../recording/envelope-recorder.ts";
import type { Chance, Clock, Timer } from "../world.ts";

type Unstamped<Input> = Input extends unknown ? Omit<Input, "now" | "when"> : never;

/** An input as it arrives, before the run loop stamps it. */
export type LegislatorRequest = Unstamped<LegislatorInput>;

export interface RunLoopOptions {
  readonly state: ConsensusState;
  readonly recorder: EnvelopeRecorder | null;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Carries out everything of an outcome but its reply and its deadline. Must not throw. */
  carryOut(outcome: Outcome): void;
  /** The core broke one of its invariants: nothing is played any more. Called once. */
  failed(error: KibitzerError): void;
}

interface Waiting {
  readonly request: LegislatorRequest;
  readonly answered: ((outcome: Outcome) => void) | null;
}

export class RunLoop {
  readonly #options: RunLoopOptions;
  /** Inputs that arrived while an outcome was being carried out. */
  readonly #inbox: Waiting[] = [];
  #isBusy = false;
  #isOver = false;
  #deadline: number | null = null;
  #timer: Timer | null = null;

  constructor(options: RunLoopOptions) {
    this.#options = options;
  }

  /**
   * Plays an input on the legislator, at once or as soon as the outcome under way is carried out.
   * @param answered Gets the outcome after it was carried out; never when the loop is over.
   */
  play(request: LegislatorRequest, answered: ((outcome: Outcome) => void) | null = null): void {
    if (this.#isOver) return;
    this.#inbox.push({ request, answered });
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      let next = this.#inbox.shift();
      while (next !== undefined && !this.#isOver) {
        this.#playOne(next);
        next = this.#inbox.shift();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Plays an input on the islander, which needs no outcome of the legislator's. */
  playIslander(input: IslanderInput): IslanderOutcome {
    const { state, recorder } = this.#options;
    recorder?.recordIslander(input);
    const outcome = state.stepIslander(input);
    recorder?.outcome(digestIslanderOutcome(outcome));
    return outcome;
  }

  /** Milliseconds by which its timer is late; 0 if it is not. */
  get overdueMs(): number {
    if (this.#deadline === null || this.#isOver) return 0;
    return Math.max(0, this.#options.clock.now() - this.#deadline);
  }

  /** Begins to keep time. */
  start(): void {
    this.#tick();
  }

  /** Nothing is played any more. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#inbox.length = 0;
  }

  #playOne({ request, answered }: Waiting): void {
    const { state, clock, recorder } = this.#options;
    const input: LegislatorInput = { ...request, now: clock.now(), when: clock.wall() };
    recorder?.recordLegislator(input);
    const outcome = state.stepLegislator(input);
    recorder?.outcome(digestOutcome(outcome));
    this.#options.carryOut(outcome);
    answered?.(outcome);
    this.#keepTime(outcome.deadline);
  }

  /** Under load the deadline of a round stays the same for many steps, and so does its timer. */
  #keepTime(deadline: number | null): void {
    if (deadline === this.#deadline || this.#isOver) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#deadline = deadline;
    if (deadline === null) return;
    const { clock } = this.#options;
    this.#timer = clock.after(Math.max(0, deadline - clock.now()), () => this.#tick());
  }

  #tick(): void {
    this.#timer = null;
    this.#deadline = null;
    this.play({ kind: "event", jitter: this.#options.chance.fraction() });
  }

  #fail(error: unknown): void {
    this.stop();
    this.#options.failed(brokenNode(error));
  }
}
