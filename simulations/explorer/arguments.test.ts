/** What the command understands, and that it says what was wanted of what it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, usage } from "./arguments.ts";
import { fullBudget, left, scopeDefault } from "./kibitzer/scope.ts";

test("without arguments it explores the core, breadth-first, in the default scope", () => {
  const args = parse([]);
  assert.equal(args?.model, "kibitzer");
  assert.equal(args.strategy, "bfs");
  assert.deepEqual(args.scope, scopeDefault);
  assert.equal(args.states, null);
});

test("every bound is taken, and packed without touching another", () => {
  const bounds = ["--crashes", "3", "--duplicates", "2", "--rounds", "1", "--retries", "4"];
  const args = parse([...bounds, "--ballots", "5", "--deviations", "6", "--atomic"]);
  assert.ok(args !== null);
  const budget = fullBudget(args.scope);
  const counts = ["crashes", "duplicates", "rounds", "retries", "a", "c", "deviations"] as const;
  assert.deepEqual(
    counts.map((count) => left(budget, count)),
    [3, 2, 1, 4, 5, 5, 6],
  );
  assert.ok(args.scope.isAtomic);
});

test("what is wrong is refused by name", () => {
  assert.throws(() => parse(["--model", "raft"]), /--model: wanted kibitzer, .* got "raft"/);
  assert.throws(() => parse(["--states", "0"]), /--states: wanted a whole number from 1/);
  assert.throws(() => parse(["--crashes", "9"]), /--crashes: wanted .* got "9"/);
  assert.throws(() => parse(["--strategy", "best"]), /--strategy: wanted bfs, dfs/);
  assert.throws(() => parse(["--nonsense"]), /Unknown option/);
});

test("a bound of another model is refused, not passed over", () => {
  for (const [model, option, value] of [
    ["paxos", "--ballots", "3"],
    ["abd", "--managers", "2"],
    ["two-phase-commit", "--atomic", null],
    ["kibitzer", "--managers", "2"],
  ] as const) {
    const args = ["--model", model, option, ...(value === null ? [] : [value])];
    assert.throws(
      () => parse(args),
      new RegExp(`${option} goes with --model .*, not with ${model}`),
    );
  }
  assert.equal(parse(["--model", "two-phase-commit", "--managers", "3"])?.managers, 3);
});

test("help is asked for, and names every bound", () => {
  assert.equal(parse(["--help"]), null);
  for (const name of Object.keys(scopeDefault)) {
    const option = name === "isAtomic" ? "atomic" : name;
    assert.match(usage, new RegExp(`--${option}`));
  }
});
