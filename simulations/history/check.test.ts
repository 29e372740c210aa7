/**
 * Known verdicts: small histories of the literature and of other checkers' examples, whose verdicts
 * are theirs, and one bad history for each way in which a log can be bad (H3).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHistory, models, type HistoryReport, type Verdict } from "./check.ts";
import { Pairing, type EventType } from "./operation.ts";

/** `A call write 0`: process, what happens, function, and a value in JSON. */
type Step = readonly [process: string, type: EventType, f: string, value?: unknown, key?: string];

function check(model: string, steps: readonly Step[], initial?: unknown): HistoryReport {
  const pairing = new Pairing();
  for (const [place, [process, type, f, value = null, key = null]] of steps.entries()) {
    pairing.add({ process, type, f, value, time: null, key }, place + 1);
  }
  const found = models.get(model);
  assert.ok(found !== undefined);
  const report = checkHistory(pairing.operations, { model: found, initial });
  if (model === "log") {
    const general = checkHistory(pairing.operations, { model: found, initial, generalOnly: true });
    assert.equal(general.verdict, report.verdict, "the general search agrees");
  }
  return report;
}

function expect(verdict: Verdict, model: string, steps: readonly Step[], initial?: unknown): void {
  const report = check(model, steps, initial);
  assert.equal(report.verdict, verdict, report.problem?.reason);
  assert.equal(report.problem === null, verdict === "linearizable");
}

test("Herlihy and Wing 1990, figure 1: four histories of a queue", () => {
  const enqueues: readonly Step[] = [
    ["A", "invoke", "enqueue", "x"],
    ["B", "invoke", "enqueue", "y"],
    ["B", "ok", "enqueue", "y"],
    ["A", "ok", "enqueue", "x"],
  ];
  // (a) The calls overlap, so that y may come first although x was called first.
  expect("linearizable", "queue", [
    ...enqueues,
    ["B", "invoke", "dequeue"],
    ["B", "ok", "dequeue", "x"],
    ["A", "invoke", "dequeue"],
    ["A", "ok", "dequeue", "y"],
    ["A", "invoke", "enqueue", "z"],
  ]);
  // (b) x was in before y was called, yet y comes out first.
  expect("not linearizable", "queue", [
    ["A", "invoke", "enqueue", "x"],
    ["A", "ok", "enqueue", "x"],
    ["B", "invoke", "enqueue", "y"],
    ["B", "ok", "enqueue", "y"],
    ["A", "invoke", "dequeue"],
    ["A", "ok", "dequeue", "y"],
  ]);
  // (c) A value is taken out while the call that puts it in is still open.
  expect("linearizable", "queue", [
    ["A", "invoke", "enqueue", "x"],
    ["B", "invoke", "dequeue"],
    ["B", "ok", "dequeue", "x"],
  ]);
  // (d) y is put in once and taken out twice.
  expect("not linearizable", "queue", [
    ...enqueues,
    ["A", "invoke", "dequeue"],
    ["C", "invoke", "dequeue"],
    ["A", "ok", "dequeue", "y"],
    ["C", "ok", "dequeue", "y"],
  ]);
});

test("Herlihy and Wing 1990, figure 2: two histories of a register", () => {
  const begin: readonly Step[] = [
    ["A", "invoke", "write", 0],
    ["A", "ok", "write", 0],
    ["B", "invoke", "write", 1],
    ["A", "invoke", "read"],
    ["A", "ok", "read", 1],
  ];
  expect("linearizable", "register", [
    ...begin,
    ["C", "invoke", "read"],
    ["C", "ok", "read", 1],
    ["B", "ok", "write", 1],
  ]);
  // Once somebody has read 1, it was written.
  expect("not linearizable", "register", [
    ...begin,
    ["C", "invoke", "read"],
    ["C", "ok", "read", 0],
    ["B", "ok", "write", 1],
  ]);
});

test("Porcupine's register examples", () => {
  const begin: readonly Step[] = [
    ["0", "invoke", "write", 100],
    ["1", "invoke", "read"],
    ["2", "invoke", "read"],
  ];
  expect(
    "linearizable",
    "register",
    [...begin, ["2", "ok", "read", 0], ["1", "ok", "read", 100], ["0", "ok", "write", 100]],
    0,
  );
  expect(
    "not linearizable",
    "register",
    [
      ["0", "invoke", "write", 200],
      ["1", "invoke", "read"],
      ["1", "ok", "read", 200],
      ["2", "invoke", "read"],
      ["2", "ok", "read", 0],
      ["0", "ok", "write", 200],
    ],
    0,
  );
});

test("Knossos' smallest bad histories", () => {
  // RethinkDB: what is read was never written; the read itself is blamed, not what follows it.
  const report = check("cas-register", [
    ["0", "invoke", "write", 0],
    ["0", "ok", "write", 0],
    ["1", "invoke", "read"],
    ["2", "invoke", "write", 4],
    ["1", "ok", "read", 3],
    ["2", "ok", "write", 4],
    ["3", "invoke", "read"],
    ["3", "ok", "read", 4],
  ]);
  assert.equal(report.verdict, "not linearizable");
  assert.equal(report.problem?.unplaceable[0]?.line, 3);
  // What failed for good is read.
  expect("not linearizable", "register", [
    ["1", "invoke", "read"],
    ["101", "invoke", "write", 3],
    ["101", "fail", "write", 3],
    ["1", "ok", "read", 3],
  ]);
});

function read(value: number): readonly Step[] {
  return [
    ["b", "invoke", "read"],
    ["b", "ok", "read", value],
  ];
}

test("an unknown outcome may take effect late, or never, but once", () => {
  const begin: readonly Step[] = [
    ["a", "invoke", "write", 1],
    ["a", "info", "write"],
    ["b", "invoke", "write", 2],
    ["b", "ok", "write", 2],
  ];
  expect("linearizable", "register", [...begin, ...read(2), ...read(2)]);
  expect("linearizable", "register", [...begin, ...read(2), ...read(1)]);
  expect("linearizable", "register", [...begin, ...read(1), ...read(1)]);
  expect("not linearizable", "register", [...begin, ...read(1), ...read(2)]);
  expect("not linearizable", "register", [...begin, ...read(2), ...read(1), ...read(2)]);
});

test("compare-and-set takes what it names, and only that", () => {
  const begin: readonly Step[] = [
    ["a", "invoke", "write", 1],
    ["a", "ok", "write", 1],
    ["b", "invoke", "cas", [1, 2]],
    ["a", "invoke", "cas", [1, 3]],
    ["a", "ok", "cas", [1, 3]],
  ];
  expect("linearizable", "cas-register", [...begin, ["b", "fail", "cas", [1, 2]]]);
  expect("linearizable", "cas-register", begin);
  expect("not linearizable", "cas-register", [...begin, ["b", "ok", "cas", [1, 2]]]);
});

test("keys are judged each by itself, and a bad one is named", () => {
  const steps: readonly Step[] = [
    ["a", "invoke", "put", "1", "x"],
    ["b", "invoke", "append", "2", "y"],
    ["b", "ok", "append", "2", "y"],
    ["a", "ok", "put", "1", "x"],
    ["b", "invoke", "append", "3", "y"],
    ["b", "ok", "append", "3", "y"],
    ["a", "invoke", "get", null, "x"],
    ["a", "ok", "get", "1", "x"],
  ];
  const good = check("kv", [
    ...steps,
    ["a", "invoke", "get", null, "y"],
    ["a", "ok", "get", "23", "y"],
  ]);
  assert.equal(good.verdict, "linearizable");
  assert.equal(good.partitions, 2);
  const bad = check("kv", [
    ...steps,
    ["a", "invoke", "get", null, "y"],
    ["a", "ok", "get", "32", "y"],
  ]);
  assert.equal(bad.verdict, "not linearizable");
  assert.equal(bad.problem?.key, "y");
});

const published: readonly Step[] = [
  ["a", "invoke", "publish", "x"],
  ["a", "ok", "publish", 1],
  ["a", "invoke", "publish", "y"],
  ["a", "ok", "publish", 2],
];

test("a good history of a log", () => {
  expect("linearizable", "log", [
    ["c", "invoke", "read", { from: 1, to: 3 }],
    ["b", "invoke", "publish", "lost"],
    ["b", "info", "publish"],
    ...published,
    ["d", "invoke", "barrier"],
    ["e", "invoke", "publish", "z"],
    ["c", "ok", "read", ["x"]],
    ["d", "ok", "barrier", 3],
    ["e", "ok", "publish", 3],
    ["d", "invoke", "read", 1],
    ["f", "invoke", "read", { from: 2, stale: true }],
    ["f", "ok", "read", ["y"]],
    ["d", "ok", "read", ["x", "y", "z", "lost"]],
  ]);
});

const badLogs: Readonly<Record<string, readonly Step[]>> = {
  "stale barrier": [...published, ["b", "invoke", "barrier"], ["b", "ok", "barrier", 1]],
  "stale read": [...published, ["b", "invoke", "read", 1], ["b", "ok", "read", ["x"]]],
  "read of the future": [
    ["b", "invoke", "read", { from: 1, to: 1 }],
    ["b", "ok", "read", ["x"]],
    ...published,
  ],
  "lost write": [
    ...published,
    ["b", "invoke", "publish", "z"],
    ["b", "ok", "publish", 2],
    ["b", "invoke", "read", 1],
    ["b", "ok", "read", ["x", "z"]],
  ],
  reordered: [...published, ["b", "invoke", "read", 1], ["b", "ok", "read", ["y", "x"]]],
  "out of real time": [
    ["a", "invoke", "publish", "x"],
    ["a", "ok", "publish", 2],
    ["b", "invoke", "publish", "y"],
    ["b", "ok", "publish", 1],
  ],
  duplicate: [...published, ["b", "invoke", "read", 1], ["b", "ok", "read", ["x", "y", "x"]]],
  "fractured read": [
    ["a", "invoke", "publish", "x"],
    ["b", "invoke", "publish", "y"],
    ["c", "invoke", "read", 1],
    ["c", "ok", "read", ["x", "y"]],
    ["d", "invoke", "read", 1],
    ["d", "ok", "read", ["x"]],
    ["a", "ok", "publish", 1],
    ["b", "ok", "publish", 2],
  ],
  "value from nowhere": [...published, ["b", "invoke", "read", 2], ["b", "ok", "read", ["q"]]],
  "refused, then there": [
    ["b", "invoke", "publish", "z"],
    ["b", "fail", "publish", "too large"],
    ...published,
    ["b", "invoke", "read", 1],
    ["b", "ok", "read", ["x", "y", "z"]],
  ],
  "hole that nobody filled": [
    ["b", "invoke", "publish", "late"],
    ["b", "info", "publish"],
    ...published,
    ["a", "invoke", "publish", "z"],
    ["a", "ok", "publish", 5],
  ],
  "hole below two that contradict each other": [
    ["a", "invoke", "publish", "x"],
    ["a", "ok", "publish", 5],
    ["b", "invoke", "publish", "y"],
    ["b", "ok", "publish", 5],
  ],
  "index that no memory reaches": [
    ...published,
    ["a", "invoke", "publish", "z"],
    ["a", "ok", "publish", Number.MAX_SAFE_INTEGER],
  ],
  "barrier that no memory reaches": [
    ...published,
    ["b", "invoke", "barrier"],
    ["b", "ok", "barrier", Number.MAX_SAFE_INTEGER],
  ],
  "read that begins where no memory reaches": [
    ...published,
    ["b", "invoke", "read", Number.MAX_SAFE_INTEGER],
    ["b", "ok", "read", ["x"]],
  ],
  "hole that was filled too late": [
    ["a", "invoke", "publish", "z"],
    ["a", "ok", "publish", 2],
    ["b", "invoke", "publish", "late"],
    ["b", "info", "publish"],
  ],
  "two acknowledged at one index": [
    ["a", "invoke", "publish", "x"],
    ["b", "invoke", "publish", "y"],
    ["a", "ok", "publish", 1],
    ["b", "ok", "publish", 1],
  ],
};

for (const [name, steps] of Object.entries(badLogs)) {
  test(`a bad history of a log is found: ${name} (C4, H3)`, () => {
    const report = check("log", steps);
    assert.equal(report.verdict, "not linearizable");
    assert.ok(report.problem !== null && report.problem.unplaceable.length > 0);
    assert.match(report.problem.reason, /line \d+/);
  });
}

test("at a bound the verdict is unknown, with what was given up", () => {
  const steps: Step[] = [];
  for (let writer = 0; writer < 12; writer += 1) {
    steps.push([`w${writer}`, "invoke", "write", writer]);
  }
  for (let writer = 0; writer < 12; writer += 1) steps.push([`w${writer}`, "ok", "write", writer]);
  steps.push(["r", "invoke", "read"], ["r", "ok", "read", "none of them"]);
  const pairing = new Pairing();
  for (const [place, [process, type, f, value = null]] of steps.entries()) {
    pairing.add({ process, type, f, value, time: null, key: null }, place + 1);
  }
  const model = models.get("register");
  assert.ok(model !== undefined);
  const verdictOf = (bounds: object): readonly [Verdict, string] => {
    const { verdict, problem } = checkHistory(pairing.operations, { model, bounds });
    return [verdict, problem?.reason ?? ""];
  };
  assert.deepEqual(verdictOf({})[0], "not linearizable");
  for (const [bounds, said] of [
    [{ configurationsMax: 3000 }, /bound of 3000 configurations/],
    [{ bytesMax: 100_000 }, /bound of 0.1 MiB/],
    [{ isOver: () => true }, /bound of its time/],
  ] as const) {
    const [verdict, reason] = verdictOf(bounds);
    assert.equal(verdict, "unknown");
    assert.match(reason, said);
  }
});

test("an order that the system names is tried first, and believed only when it is one", () => {
  const steps: readonly Step[] = [
    ["A", "invoke", "write", 1],
    ["B", "invoke", "write", 2],
    ["A", "ok", "write"],
    ["B", "ok", "write"],
    ["C", "invoke", "read"],
    ["C", "ok", "read", 1],
  ];
  const pairing = new Pairing();
  for (const [place, [process, type, f, value = null]] of steps.entries()) {
    pairing.add({ process, type, f, value, time: null, key: null }, place + 1);
  }
  const { operations } = pairing;
  const model = models.get("register");
  assert.ok(model !== undefined);
  const places = (...order: readonly number[]): HistoryReport =>
    checkHistory(operations, { model, place: ({ id }) => order.indexOf(id) });
  const named = places(1, 0, 2);
  assert.deepEqual([named.verdict, named.configurations], ["linearizable", 0]);
  // The read says otherwise, and comes last in real time: another order is found.
  for (const wrong of [places(0, 1, 2), places(2, 1, 0)]) {
    assert.equal(wrong.verdict, "linearizable");
    assert.ok(wrong.configurations > 0);
  }
  // One that was answered has no place.
  const lacking = checkHistory(operations, { model, place: ({ id }) => (id === 0 ? null : id) });
  assert.ok(lacking.configurations > 0);
  const bad = operations.map((each) => (each.f === "read" ? { ...each, output: 3 } : each));
  const report = checkHistory(bad, { model, place: ({ id }) => id });
  assert.equal(report.verdict, "not linearizable");
});
