/** The judge flags each thing that it is there for, in histories made by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEvent } from "./history.ts";
import { judge, type Logged } from "./judge.ts";

const log: readonly Logged[] = [
  { index: 1, publisher: "p", sequence: 1, text: "one" },
  { index: 2, publisher: "p", sequence: 2, text: "two" },
  { index: 3, publisher: "q", sequence: 1, text: "three" },
];

/** Two publishers one after the other, then a barrier and a read. */
const events: readonly HistoryEvent[] = [
  { process: 1, type: "invoke", f: "publish", value: "one", time: 0 },
  { process: 1, type: "ok", f: "publish", value: 1, time: 1e6 },
  { process: 1, type: "invoke", f: "publish", value: "two", time: 2e6 },
  { process: 2, type: "invoke", f: "publish", value: "three", time: 2e6 },
  { process: 1, type: "ok", f: "publish", value: 2, time: 3e6 },
  { process: 2, type: "info", f: "publish", value: "KBZ_ABORTED", time: 9e6 },
  { process: 3, type: "invoke", f: "publish", value: "four", time: 9e6 },
  { process: 3, type: "fail", f: "publish", value: "KBZ_BUSY", time: 9e6 },
  { process: 1, type: "invoke", f: "barrier", value: null, time: 10e6 },
  { process: 1, type: "ok", f: "barrier", value: 3, time: 11e6 },
  { process: 1, type: "invoke", f: "read", value: { from: 2 }, time: 12e6 },
  { process: 1, type: "ok", f: "read", value: ["two", "three"], time: 13e6 },
  { process: 4, type: "invoke", f: "read", value: { from: 1 }, time: 14e6 },
];

function verdict(history: readonly HistoryEvent[], ...logs: readonly (readonly Logged[])[]) {
  return judge(history, new Map(logs.map((entries, at) => [`node ${at}`, entries])));
}

function flagged(found: { readonly violations: readonly string[] }, expected: RegExp): void {
  assert.ok(
    found.violations.some((violation) => expected.test(violation)),
    `wanted ${expected} among ${JSON.stringify(found.violations)}`,
  );
}

/** The history with the event at `position` replaced. */
function altered(position: number, event: HistoryEvent): readonly HistoryEvent[] {
  return events.with(position, event);
}

test("a good history is counted, and nothing is flagged", () => {
  assert.deepEqual(verdict(events, log, log), {
    operations: 7,
    acknowledged: 2,
    unknown: 1,
    failed: 1,
    lost: 0,
    doubled: 0,
    gapMs: 2,
    violations: [],
  });
});

test("an acknowledged entry that is missing, or elsewhere, is lost", () => {
  const missing = verdict(events, log.slice(0, 1));
  assert.equal(missing.lost, 1);
  flagged(missing, /two was acknowledged at 2, and is nowhere/);
  const swapped = [{ ...log[1]!, index: 1 }, { ...log[0]!, index: 2 }, log[2]!];
  assert.equal(verdict(events, swapped).lost, 2);
});

test("an entry that is there twice is flagged", () => {
  const twice = verdict(events, [...log, { index: 4, publisher: "p", sequence: 3, text: "one" }]);
  assert.equal(twice.doubled, 1);
  flagged(twice, /one is twice in the log, at 1 and 4/);
});

test("logs that differ are flagged: by an entry, an end, a gap", () => {
  const other = [log[0]!, log[1]!, { ...log[2]!, text: "other" }];
  flagged(verdict(events, log, other), /log of node 1 differs at position 3/);
  flagged(verdict(events, log, log.slice(0, 2)), /log of node 1 ends at 2, another at 3/);
  flagged(verdict(events, log, [log[0]!, log[2]!]), /log of node 1 differs at position 2/);
});

test("an entry that nobody published, or that was refused for good, is flagged", () => {
  const last = { index: 4, publisher: "q", sequence: 2 };
  const ghost = [...log, { ...last, text: "ghost" }];
  flagged(verdict(events, ghost), /ghost at 4 was never published/);
  const refused = [...log, { ...last, text: "four" }];
  flagged(verdict(events, refused), /four at 4 was refused for good/);
});

test("a publisher's entries out of its order are flagged", () => {
  const late = log.with(1, { ...log[1]!, sequence: 1 });
  flagged(verdict(events, late), /1 of publisher p at 2 stands behind its 1/);
});

test("an answer older than what was acknowledged before is flagged", () => {
  const stale: HistoryEvent = { process: 1, type: "ok", f: "barrier", value: 1, time: 11e6 };
  flagged(verdict(altered(9, stale), log), /barrier of 1 gave 1 after 2 was told/);
  const low: HistoryEvent = { process: 1, type: "ok", f: "publish", value: 1, time: 3e6 };
  flagged(verdict(altered(4, low), log), /publish of 1 gave 1 after 1 was told/);
});

/** What is said of a history in which the read from 2 on gave this. */
function reading(...value: readonly string[]) {
  return verdict(altered(11, { process: 1, type: "ok", f: "read", value, time: 13e6 }), log);
}

test("a read that is wrong, or does not go as far as was told before, is flagged", () => {
  flagged(reading("one", "three"), /1 read one at 2/);
  flagged(reading("two", "three", "ghost"), /1 read ghost at 4/);
  flagged(reading("two"), /read of 1 gave 2 after 3 was told/);
});

test("a history in which one process does two things at once is no history", () => {
  const torn = [...events, events[12]!];
  assert.throws(() => verdict(torn, log), /one thing at a time/);
});
