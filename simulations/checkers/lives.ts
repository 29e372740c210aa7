/**
 * From one life of a node to the next, as its recordings tell: what it was told to be durable it
 * still knows, it counts its starts, and it uses no number of a write again (A17, D1). Recordings
 * are not synced, so the last moments of a life may be missing.
 */
import { compareBallots, type Ballot, type Plain } from "../../consensus/index.ts";
import type { ConsensusState, Step } from "../../src/consensus-state.ts";
import type { Played } from "../../src/recording/envelope.ts";
import { demand } from "../core/violation.ts";

/** What a node was told to have on its disk, at the end of a file or at the start of the next. */
export interface Memory {
  readonly cookie: Plain;
  readonly starts: number;
  /** Of the life's own clock; each life begins at 0. */
  readonly now: number;
  readonly writeLast: number;
  readonly promised: Ballot;
  readonly accepted: Ballot;
}

type Written = Pick<Memory, "writeLast" | "promised" | "accepted">;

/** Gathers what a node knew, from the replay of one file. */
export class LifeMemory {
  #first: Memory | null = null;
  #last: Memory | null = null;
  /** Written, and not yet told to be durable; in order. */
  #underWay: readonly Written[] = [];

  /** At the start of the file; null when it has no checkpoint. */
  get first(): Memory | null {
    return this.#first;
  }

  /** At its end. */
  get last(): Memory | null {
    return this.#last;
  }

  see(played: Played, { outcome }: Step, { legislator }: ConsensusState): void {
    if (played.target === "checkpoint") {
      this.#first = this.#last = memoryIn(played.body.legislator);
      this.#underWay = [];
      return;
    }
    if (played.target !== "legislator" || this.#last === null) return;
    if (outcome !== null && "persist" in outcome && outcome.persist !== null) {
      const { number: writeLast } = outcome.persist;
      const { promised, accepted } = legislator.view();
      this.#underWay = [...this.#underWay, { writeLast, promised, accepted }];
      this.#last = { ...this.#last, writeLast };
    }
    if (played.input.kind === "persisted") this.#persist(this.#last, played.input);
  }

  #persist(last: Memory, { write, now }: { readonly write: number; readonly now: number }): void {
    const durable: Written = this.#underWay.findLast((each) => each.writeLast <= write) ?? last;
    this.#last = { ...last, now, promised: durable.promised, accepted: durable.accepted };
    this.#underWay = this.#underWay.filter((each) => each.writeLast > write);
  }
}

/** Holds what a node knows at the start of a file against the end of the one before. */
export function checkMemory(id: string, before: Memory, after: Memory): void {
  if (before.cookie !== after.cookie) return;
  const promised = compareBallots(after.promised, before.promised) >= 0;
  demand(promised, "A17", () => `${id} has forgotten a promise that was durable`);
  const accepted = compareBallots(after.accepted, before.accepted) >= 0;
  demand(accepted, "A17", () => `${id} has forgotten the ballot of its log, which was durable`);
  demand(after.writeLast >= before.writeLast, "D1", () => {
    return `${id} had come to write ${before.writeLast}, and goes on after ${after.writeLast}`;
  });
  const isSameLife = after.now > 0;
  demand(isSameLife || after.starts > before.starts, "D5", () => {
    return `${id} starts as life ${after.starts}, after life ${before.starts}`;
  });
}

function memoryIn(legislator: Plain): Memory {
  const durable = ["state", "durable"];
  return {
    cookie: at(legislator, ["options", "cookie"]),
    starts: Number(at(legislator, ["options", "starts"])),
    now: Number(at(legislator, ["state", "now"])),
    writeLast: Number(at(legislator, ["state", "writeLast"])),
    promised: ballotIn(at(legislator, [...durable, "promised"])),
    accepted: ballotIn(at(legislator, [...durable, "accepted"])),
  };
}

function ballotIn(plain: Plain): Ballot {
  const government = Number(at(plain, ["government"]));
  const round = Number(at(plain, ["round"]));
  const id = at(plain, ["id"]);
  return { government, round, id: typeof id === "string" ? id : "" };
}

function at(plain: Plain, path: readonly string[]): Plain {
  let found = plain;
  for (const key of path) {
    if (found === null || typeof found !== "object" || Array.isArray(found)) return null;
    found = Object.entries(found).find(([name]) => name === key)?.[1] ?? null;
  }
  return found;
}
