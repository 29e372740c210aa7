/** The judge flags each thing that it is there for, in histories made by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdtempSync, createReadStream, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkHistory } from "../../simulations/history/check.ts";
import { readHistory } from "../../simulations/history/history-file.ts";
import { log as logModel } from "../../simulations/history/log.ts";
import type { EventType, HistoryEvent } from "../../simulations/history/operation.ts";
import { History, recordedIn } from "./history.ts";
import { judge, judgeHistory, type Logged } from "./judge.ts";

const log: readonly Logged[] = [
  { index: 1, publisher: "p", sequence: 1, text: "one" },
  { index: 2, publisher: "p", sequence: 2, text: "two" },
  { index: 3, publisher: "q", sequence: 1, text: "three" },
];

function event(process: string, type: EventType, call: readonly [string, unknown, number]) {
  const [f, value, ms] = call;
  return { process, type, f, value, time: ms * 1e6, key: null };
}

/** Two publishers one after the other, then a barrier, a read, and one who follows the log. */
const events: readonly HistoryEvent[] = [
  event("c1", "invoke", ["publish", "one", 0]),
  event("c1", "ok", ["publish", 1, 1]),
  event("c1", "invoke", ["publish", "two", 2]),
  event("c2", "invoke", ["publish", "three", 2]),
  event("c1", "ok", ["publish", 2, 3]),
  event("c2", "info", ["publish", "KBZ_ABORTED", 9]),
  event("c3", "invoke", ["publish", "four", 9]),
  event("c3", "fail", ["publish", "KBZ_BUSY", 9]),
  event("c1", "invoke", ["barrier", null, 10]),
  event("c1", "ok", ["barrier", 3, 11]),
  event("c1", "invoke", ["read", { from: 2 }, 12]),
  event("c1", "ok", ["read", ["two", "three"], 13]),
  event("tail", "invoke", ["read", { from: 1, stale: true }, 14]),
  event("tail", "ok", ["read", ["one", "two"], 15]),
  event("c4", "invoke", ["read", { from: 1 }, 16]),
];

function verdict(history: readonly HistoryEvent[], ...logs: readonly (readonly Logged[])[]) {
  const operations = recordedIn(history).operations;
  const named = new Map(logs.map((entries, at) => [`node ${at}`, entries]));
  return judge(operations, named, judgeHistory(operations));
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
    operations: 8,
    acknowledged: 2,
    reads: 3,
    unknown: 1,
    failed: 1,
    lost: 0,
    doubled: 0,
    gapMs: 2,
    linearizability: "linearizable",
    violations: [],
  });
});

test("where no log could be read, nothing is called lost, and the history is judged", () => {
  const good = verdict(events);
  assert.deepEqual({ lost: good.lost, violations: good.violations }, { lost: 0, violations: [] });
  flagged(reading("two"), /history is not linearizable/);
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
  const stale = verdict(altered(9, event("c1", "ok", ["barrier", 1, 11])), log);
  assert.equal(stale.linearizability, "not linearizable");
  flagged(
    stale,
    /barrier → 1 \(line 10\) goes no further than 1, though publish "two" → 2 .* of index 2 before/,
  );
  const low = verdict(altered(4, event("c1", "ok", ["publish", 1, 3])), log);
  flagged(low, /"two" at index 1, where by publish "one" → 1/);
});

/** What is said of a history in which the read from 2 on gave this. */
function reading(...value: readonly string[]) {
  return verdict(altered(11, event("c1", "ok", ["read", value, 13])), log);
}

test("a read that is wrong, or does not go as far as was told before, is flagged", () => {
  flagged(reading("one", "three"), /not linearizable: .*"one" at index 2, where/);
  flagged(reading("two", "three", "ghost"), /"ghost" at index 4, which nobody published/);
  flagged(
    reading("two"),
    /read .* \(line 12\) goes no further than 2, though barrier → 3 .* had told of index 3/,
  );
});

test("who follows the log may be behind, and may not be shown what is not in it", () => {
  const behind = altered(13, event("tail", "ok", ["read", ["one"], 15]));
  assert.deepEqual(verdict(behind, log).violations, []);
  const wrong = altered(13, event("tail", "ok", ["read", ["one", "three"], 15]));
  flagged(verdict(wrong, log), /"three" at index 2, where by/);
});

test("a history in which one process does two things at once is no history", () => {
  const torn = [...events, event("c4", "invoke", ["barrier", null, 17])];
  assert.throws(() => verdict(torn, log), /still open/);
});

test("what was written is read by others as it was, without what struck it", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-history-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const history = new History();
  history.invoke("c1", "publish", "one").ok(1);
  history.strike("killed", "a");
  history.invoke("c1", "publish", "two").info("KBZ_ABORTED");
  history.invoke("tail of a", "read", { from: 1, stale: true }).ok(["one", "two"]);
  const path = join(directory, "history.jsonl");
  history.write(path);
  const read = await readHistory(createReadStream(path));
  const { operations, strikes } = read;
  assert.deepEqual({ operations, strikes }, history.read());
  assert.deepEqual(
    strikes.map(({ what, at, before }) => [what, at, before]),
    [["killed", "a", 2]],
  );
  assert.deepEqual(read.header, { model: "log" });
  assert.equal(checkHistory(read.operations, { model: logModel }).verdict, "linearizable");
});
