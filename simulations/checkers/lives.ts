/**
 * From one life of a node to the next, as its recordings tell: what it was told to be durable it
 * still knows, it counts its starts, and it uses no number of a write again (A17, D1). Recordings
 * are not synced, so the last moments of a life may be missing.
 */
import { compareBallots, type Ballot, type Plain } from "../../consensus/index.ts";
import { ConsensusState } from "../../src/consensus-state.ts";
import { recordedEnvelopes } from "../../src/recording/replay.ts";
import type { FileSystem } from "../../src/world.ts";
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

interface Remembered {
  readonly first: Memory;
  readonly last: Memory;
}

/** @throws {KibitzerError} `KBZ_DAMAGED` as the recording is; null when it has no checkpoint. */
export async function remembered(file: string, files: FileSystem): Promise<Remembered | null> {
  let state: ConsensusState | null = null;
  let first: Memory | null = null;
  let last: Memory | null = null;
  let underWay: Written[] = [];
  for await (const envelope of recordedEnvelopes(file, files)) {
    if (envelope.method === "checkpoint") {
      state = ConsensusState.fromCheckpoint(envelope);
      first = last = memoryIn(envelope.body.legislator);
      continue;
    }
    if (state === null || last === null) return null;
    const { outcome } = state.play(envelope);
    if (outcome !== null && "persist" in outcome && outcome.persist !== null) {
      const { promised, accepted } = state.legislator.view();
      underWay.push({ writeLast: outcome.persist.number, promised, accepted });
      last = { ...last, writeLast: outcome.persist.number };
    }
    if (envelope.method !== "persisted") continue;
    const { write, now } = envelope.body;
    const durable: Written = underWay.findLast((each) => each.writeLast <= write) ?? last;
    last = { ...last, now, promised: durable.promised, accepted: durable.accepted };
    underWay = underWay.filter((each) => each.writeLast > write);
  }
  return first === null || last === null ? null : { first, last };
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
