/**
 * What was acknowledged stays: at its index, for ever, once (D3, C1); what was refused for good
 * never appears (C7); one publisher's entries stand in the order of their publishing (C2).
 */
import type { ErrorOutcome } from "../../src/kibitzer-error.ts";
import { demand } from "../core/violation.ts";
import { brief, type Agreement } from "./agreement.ts";

export interface Submission {
  readonly text: string;
  /** Who published it: one life of one node. */
  readonly session: string;
  /** Its place in the order of the session. */
  readonly number: number;
  outcome: "waiting" | "acknowledged" | "gone" | ErrorOutcome;
  index: number | null;
}

export class Durability {
  readonly #submissions = new Map<string, Submission>();
  readonly #waiting = new Set<Submission>();
  #acknowledged = 0;
  #indexAcknowledged = 0;

  /** Whether anybody published `text`. */
  knows(text: string): boolean {
    return this.#submissions.has(text);
  }

  get submitted(): number {
    return this.#submissions.size;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The highest index that was acknowledged: what a barrier begun now must reach (C5). */
  get indexAcknowledged(): number {
    return this.#indexAcknowledged;
  }

  /** Everything that was acknowledged at an index of at most `last`. */
  acknowledgedUpTo(last: number): readonly { readonly text: string; readonly index: number }[] {
    return [...this.#submissions.values()].flatMap(({ text, outcome, index }) => {
      const isIn = outcome === "acknowledged" && index !== null && index <= last;
      return isIn ? [{ text, index }] : [];
    });
  }

  submit(text: string, session: string): Submission {
    const number = this.#submissions.size;
    const submission: Submission = { text, session, number, outcome: "waiting", index: null };
    this.#submissions.set(text, submission);
    this.#waiting.add(submission);
    return submission;
  }

  acknowledge(submission: Submission, index: number): void {
    const { text, outcome } = submission;
    demand(outcome === "waiting", "C1", () => `${brief(text)} was ${outcome}, then acknowledged`);
    submission.outcome = "acknowledged";
    this.#waiting.delete(submission);
    submission.index = index;
    this.#acknowledged += 1;
    this.#indexAcknowledged = Math.max(this.#indexAcknowledged, index);
  }

  refuse(submission: Submission, outcome: ErrorOutcome): void {
    submission.outcome = outcome;
    this.#waiting.delete(submission);
  }

  /** What the sessions that are still there wait for. */
  get waiting(): ReadonlySet<Submission> {
    return this.#waiting;
  }

  /** The session has ended: nobody waits for its answers, and nobody repeats its requests. */
  end(session: string): void {
    for (const submission of this.#waiting) {
      if (submission.session !== session) continue;
      submission.outcome = "gone";
      this.#waiting.delete(submission);
    }
  }

  /** Holds what nodes have shown against what was promised; all of the log must have been shown. */
  check(agreement: Agreement): void {
    const latest = new Map<string, number>();
    for (const submission of this.#submissions.values()) {
      const { text, outcome, session } = submission;
      const index = agreement.indexOf(text);
      if (outcome === "acknowledged") {
        demand(index === submission.index, "D3", () => {
          const found = index === undefined ? "is gone" : `stands at index ${index}`;
          return `${brief(text)}, acknowledged at index ${submission.index}, ${found}`;
        });
      }
      demand(outcome !== "none" || index === undefined, "C7", () => {
        return `${brief(text)} was refused for good, but stands at index ${index}`;
      });
      if (index === undefined) continue;
      const before = latest.get(session) ?? 0;
      demand(index > before, "C2", () => {
        return `${brief(text)} at index ${index} follows index ${before} of the same session`;
      });
      latest.set(session, index);
    }
  }
}
