/**
 * Records the inputs and outcomes of one life, and replays them: the same inputs from the same
 * durable state, or from a checkpoint in the middle, must give the same outcomes, byte for byte
 * (R1).
 */
import {
  Legislator,
  type DurableState,
  type LegislatorInput,
  type LegislatorOptions,
  type Outcome,
} from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import { demand } from "./violation.ts";

type Checkpoint = ReturnType<Legislator["checkpoint"]>;

export class Recorder {
  readonly #options: LegislatorOptions;
  readonly #durable: string;
  readonly #prng: Prng;
  readonly #inputs: string[] = [];
  readonly #outcomes: string[] = [];
  #checkpoint: { readonly after: number; readonly json: string } | null = null;

  constructor(options: LegislatorOptions, durable: DurableState, prng: Prng) {
    this.#options = options;
    this.#durable = JSON.stringify(durable);
    this.#prng = prng;
  }

  record(input: LegislatorInput, outcome: Outcome, legislator: Legislator): void {
    this.#inputs.push(JSON.stringify(input));
    this.#outcomes.push(JSON.stringify(outcome));
    if (!this.#prng.chance(1 / (200 + this.#inputs.length))) return;
    const json = JSON.stringify(legislator.checkpoint());
    this.#checkpoint = { after: this.#inputs.length, json };
  }

  verify(): void {
    const durable: DurableState = JSON.parse(this.#durable);
    this.#replay(new Legislator(this.#options, durable), 0, "replay");
    if (this.#checkpoint === null) return;
    const { after, json } = this.#checkpoint;
    const checkpoint: Checkpoint = JSON.parse(json);
    this.#replay(Legislator.restore(checkpoint), after, "checkpoint");
  }

  #replay(legislator: Legislator, first: number, what: string): void {
    for (const [offset, text] of this.#inputs.slice(first).entries()) {
      const input: LegislatorInput = JSON.parse(text);
      const outcome = JSON.stringify(legislator.step(input));
      const recorded = this.#outcomes[first + offset];
      demand(outcome === recorded, "R1", () => {
        const where = `${what} of ${this.#options.id} differs at step ${first + offset}`;
        return [where, text, recorded, outcome].join("\n");
      });
      if (what === "replay" && first + offset + 1 === this.#checkpoint?.after) {
        const json = JSON.stringify(legislator.checkpoint());
        demand(json === this.#checkpoint.json, "R1", () => `checkpoint of ${this.#options.id}`);
      }
    }
  }
}
