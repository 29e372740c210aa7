/**
 * The deterministic part of a node: a Legislator and an Islander. Only envelopes change it, so the
 * same envelopes make the same state anywhere. Never records, sends, waits or reads a clock.
 */
import {
  Islander,
  Legislator,
  toPlain,
  unreachable,
  type Hash,
  type IslanderInput,
  type IslanderOutcome,
  type LegislatorInput,
  type Outcome,
  type Slot,
} from "../consensus/index.ts";
import {
  playedOf,
  type CheckpointBody,
  type CheckpointEnvelope,
  type Envelope,
  type Played,
} from "./recording/envelope.ts";
import { digestIslanderOutcome, digestOutcome } from "./recording/outcome-digest.ts";

export interface Step {
  /** Null for a checkpoint, which asks nothing of anybody. */
  readonly outcome: Outcome | IslanderOutcome | null;
  readonly digest: Hash | null;
}

export class ConsensusState {
  #legislator: Legislator;
  #islander: Islander | null;
  #when = 0;

  constructor(legislator: Legislator, islander: Islander | null) {
    this.#legislator = legislator;
    this.#islander = islander;
  }

  /** The state that `checkpoint` was taken of. */
  static fromCheckpoint(checkpoint: CheckpointEnvelope): ConsensusState {
    const { legislator, islander } = restore(checkpoint.body);
    const state = new ConsensusState(legislator, islander);
    state.#when = checkpoint.when;
    return state;
  }

  get legislator(): Legislator {
    return this.#legislator;
  }

  get islander(): Islander | null {
    return this.#islander;
  }

  /** Of the replicated state, after its last applied slot (contract C10). */
  get hash(): { readonly slot: Slot; readonly value: Hash } {
    const { slot, stateHash } = this.#legislator.republic;
    return { slot, value: stateHash };
  }

  /** One of the three ways in, beside `stepIslander` and `play`. */
  stepLegislator(input: LegislatorInput): Outcome {
    this.#when = input.when;
    return this.#legislator.step(input);
  }

  /** Begins with a new Islander when there is none. */
  stepIslander(input: IslanderInput): IslanderOutcome {
    this.#when = input.when;
    this.#islander ??= new Islander();
    return this.#islander.step(input);
  }

  /**
   * Applies a recorded input.
   * @throws {KibitzerError} `KBZ_ARGUMENT` when it is not an envelope of ours.
   */
  play(envelope: Envelope): Step {
    return this.replay(playedOf(envelope));
  }

  /** As `play`, for what a recording holds. */
  replay(played: Played): Step {
    switch (played.target) {
      case "legislator": {
        const outcome = this.stepLegislator(played.input);
        return { outcome, digest: digestOutcome(outcome) };
      }
      case "islander": {
        const outcome = this.stepIslander(played.input);
        return { outcome, digest: digestIslanderOutcome(outcome) };
      }
      case "checkpoint": {
        const { legislator, islander } = restore(played.body);
        this.#legislator = legislator;
        this.#islander = islander;
        this.#when = played.when;
        return { outcome: null, digest: null };
      }
      default:
        return unreachable(played);
    }
  }

  /** All there is, as an envelope that another state can go on from. */
  checkpoint(): CheckpointEnvelope {
    const legislator = this.#legislator.checkpoint();
    const islander = this.#islander === null ? null : toPlain(this.#islander.checkpoint());
    const body = { legislator, islander };
    return { module: "kibitz", method: "checkpoint", when: this.#when, body };
  }
}

function restore({ legislator, islander }: CheckpointBody): {
  readonly legislator: Legislator;
  readonly islander: Islander | null;
} {
  return {
    legislator: Legislator.restore(legislator),
    islander: islander === null ? null : Islander.restore(islander),
  };
}
