/** One member of a parliament of three, driven by hand: everybody else is the test. */
import { hashDecree } from "../../consensus/hash.ts";
import { ballotZero, type Ballot } from "../../consensus/identifiers.ts";
import type { Batch, Decree, Value } from "../../consensus/decree.ts";
import { Legislator } from "../../consensus/legislator.ts";
import type { Heard, Message, Ping, Pong, Report } from "../../consensus/messages.ts";
import type { LegislatorInput, Outcome } from "../../consensus/outcome.ts";
import { emptyRepublic, Republic } from "../../consensus/republic.ts";

type Unstamped<Input> = Input extends unknown ? Omit<Input, "now" | "when"> : never;

export const cookieOf = (id: string): string => id.padStart(16, "0");

const citizen = (id: string): { id: string; cookie: string; url: string; properties: {} } => {
  return { id, cookie: cookieOf(id), url: `memory:${id}`, properties: {} };
};

/** `a` founds a republic. */
export const founding: Value = {
  kind: "bootstrap",
  republic: { name: "r", identity: cookieOf("e") },
  founder: citizen("a"),
  parliamentSize: 3,
};

/** The log that makes `a`, `b` and `c` the parliament, `a` named to lead; `spare` has no seat. */
const values: readonly Value[] = [
  founding,
  { kind: "opening" },
  { kind: "admission", citizen: citizen("b") },
  { kind: "admission", citizen: citizen("c") },
  { kind: "admission", citizen: citizen("spare") },
  { kind: "registration", nonce: cookieOf("f") },
  { kind: "succession", government: 2, parliament: ["a", "b", "c"], leader: "a", leaving: [] },
];

/** The publisher whose registration the log holds. */
export const publisher = 6;

/** `values` as decrees after `before`. */
export function decreesAfter(
  before: { readonly slot: number; readonly hash: string },
  values: readonly Value[],
): readonly Decree[] {
  let { hash } = before;
  return values.map((value, at) => {
    const unhashed = { slot: before.slot + 1 + at, time: 0, when: 0, value };
    hash = hashDecree(hash, unhashed);
    return { ...unhashed, hash };
  });
}

export function batch(sequence: number, checksum = sequence): Batch {
  return { ...batchOf(publisher, sequence), checksum };
}

export function batchOf(publisher: number, sequence: number): Batch {
  return { kind: "batch", publisher, sequence, count: 1, size: 8, checksum: sequence };
}

export class SeatedMember {
  readonly legislator: Legislator;
  readonly applied: Decree[] = [];
  now = 0;
  halted: Outcome["halt"] = null;

  /** @param id Who this is, as it starts on a disk that holds `more` after the log above. */
  constructor(id = "a", more: readonly Value[] = []) {
    const republic = new Republic(emptyRepublic());
    for (const decree of decreesAfter(republic, [...values, ...more])) republic.apply(decree);
    this.legislator = new Legislator(
      {
        id,
        cookie: cookieOf(id),
        starts: 1,
        pingTicks: 50,
        silenceTicks: 400,
        stallTicks: 2000,
        replaceTicks: null,
      },
      {
        promised: ballotZero,
        accepted: ballotZero,
        republic: republic.state(),
        decrees: [],
        lostUpTo: 0,
        heard: [],
        writeLast: 0,
      },
    );
  }

  /** Steps, and makes durable at once what was written; the outcomes are one. */
  step(input: Unstamped<LegislatorInput>): { outcome: Outcome; sent: Outcome["send"] } {
    const outcome = this.#step(input);
    const sent = [...outcome.send];
    let { persist } = outcome;
    while (persist !== null) {
      const next = this.#step({ kind: "persisted", write: persist.number });
      sent.push(...next.send);
      persist = next.persist;
    }
    return { outcome, sent };
  }

  receive(from: string, message: Message, cookie = cookieOf(from)): Outcome["send"] {
    return this.step({ kind: "receive", from, cookie, message }).sent;
  }

  /** Time for another round of pings, each of which `answering` answer with `report`. */
  round(answering: readonly string[], report: Partial<Report> = {}): Outcome["send"] {
    this.now += 50;
    const { sent } = this.step({ kind: "event", jitter: 0 });
    const ping = sent.find(({ message }) => message.kind === "ping")?.message;
    const answers = [...sent];
    if (ping?.kind !== "ping") return answers;
    for (const from of answering) {
      answers.push(...this.receive(from, pongTo(ping, this.report(report))));
    }
    return answers;
  }

  /** What a member that holds the same log says of itself. */
  report(different: Partial<Report> = {}): Report {
    const { republic } = this.legislator;
    return {
      government: 2,
      promised: ballotZero,
      accepted: ballotZero,
      length: republic.slot,
      decided: republic.slot,
      stateHash: this.legislator.view().stateHash,
      leading: null,
      quorumConnected: true,
      timely: true,
      hasRoom: true,
      hearsFit: null,
      chooses: null,
      starts: 1,
      machine: null,
      ...different,
    };
  }

  /** Has `b` hold all that this leader proposed. */
  decideAll(): void {
    const { promised: ballot, length } = this.legislator.view();
    this.receive("b", { kind: "accepted", ballot, length });
  }

  /** Wins an election by the promise of `b` and has its opening decided; returns its ballot. */
  lead(): Ballot {
    this.round(["b", "c"]);
    const ballot = this.legislator.view().promised;
    const { length, decided } = this.legislator.view();
    const held = { accepted: ballotZero, length, intact: length, decided, decrees: [] };
    this.receive("b", { kind: "promised", ballot, ...held });
    this.decideAll();
    return ballot;
  }

  #step(input: Unstamped<LegislatorInput>): Outcome {
    const outcome = this.legislator.step({ ...input, now: this.now, when: 0 });
    for (const { decree } of outcome.applied) this.applied.push(decree);
    this.halted ??= outcome.halt;
    return outcome;
  }
}

/** What answers `ping`, from a peer that is in the same round. */
export function pongTo(ping: Ping, report: Report, heard: Heard | null = null): Pong {
  const { round } = ping;
  return { kind: "pong", round, report, answer: { starts: ping.report.starts, round, heard } };
}
