/** Publishing around a real Islander, whose submissions a test answers, in virtual time. */
import { setImmediate as turn } from "node:timers/promises";
import { Islander } from "../../consensus/index.ts";
import type { IslanderInput, Submission, SubmissionResult } from "../../consensus/index.ts";
import { readBatch, verifyBatch } from "../../src/codec/batch.ts";
import { Publishing } from "../../src/publishing/publishing.ts";
import type { PublishingOptions } from "../../src/publishing/publishing.ts";
import type { Clock, Timer } from "../../src/world.ts";
import { PublisherTable } from "../../simulations/core/publisher-table.ts";
import { Prng } from "../../simulations/prng.ts";

/** Time that passes only when told; the end of a turn is the real one. */
class TestClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((each) => each !== timer)) };
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  get timers(): number {
    return this.#timers.length;
  }

  pass(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.callback();
  }
}

interface Sent {
  readonly submission: Submission;
  readonly body: Uint8Array;
  readonly answer: (result: SubmissionResult) => void;
  readonly reject: (error: Error) => void;
}

/** Keeps every submission until the test decides what becomes of it. */
export class Desk {
  readonly clock = new TestClock();
  readonly table = new PublisherTable();
  readonly inputs: IslanderInput[] = [];
  sent: Sent[] = [];
  registrations = 0;
  refuseRegistration = false;
  readonly publishing: Publishing;

  constructor(options: Partial<PublishingOptions> = {}) {
    const islander = new Islander();
    const prng = new Prng(1);
    this.publishing = new Publishing({
      owner: "client",
      clock: this.clock,
      chance: {
        fraction: () => prng.fraction(),
        hex16: () => `${this.registrations}`.padStart(16, "0"),
      },
      play: (input) => {
        this.inputs.push(input);
        return islander.step(input);
      },
      submit: (submission, body) =>
        new Promise((answer, reject) => this.sent.push({ submission, body, answer, reject })),
      register: async (nonce) => {
        this.registrations += 1;
        if (this.refuseRegistration) return { kind: "refusedRegistration", nonce };
        return this.table.register(nonce);
      },
      broken: (cause) => {
        throw cause;
      },
      ...options,
    });
  }

  /** Lets everything that is due happen, without time passing. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 4; turns += 1) await turn();
  }

  /** Answers all that was sent by the rules of the table; returns the texts that came. */
  decide(): string[] {
    const texts: string[] = [];
    for (const { submission, body, answer } of this.sent.splice(0)) {
      verifyBatch(submission.batch, body);
      texts.push(...textsOf(submission, body));
      answer(this.table.apply(submission.batch));
    }
    return texts;
  }

  answer(result: SubmissionResult): void {
    for (const sent of this.sent.splice(0)) sent.answer(result);
  }
}

function textsOf({ batch }: Submission, body: Uint8Array): string[] {
  return [...readBatch(body, batch.count)].map((bytes) => new TextDecoder().decode(bytes));
}
