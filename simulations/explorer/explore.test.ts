/** The explorer, judged by published counts, by planted bugs, and by each strategy on the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explore, type Strategy } from "./explore.ts";
import type { Model } from "./model.ts";
import { abdModel } from "./models/abd.ts";
import { paxosModel } from "./models/paxos.ts";
import { TwoPhaseCommit } from "./models/two-phase-commit.ts";

const strategies: readonly Strategy[] = ["bfs", "dfs"];
const unbounded = { states: Infinity, depth: Infinity };

function countStates<State, Action>(model: Model<State, Action>, strategy: Strategy): number {
  const { states, isExhausted, breach } = explore(model, { ...unbounded, strategy });
  assert.equal(breach, null);
  assert.ok(isExhausted);
  return states;
}

for (const strategy of strategies) {
  test(`single-decree Paxos has 16,668 states, by ${strategy}`, () => {
    assert.equal(countStates(paxosModel(), strategy), 16_668);
  });

  test(`two-phase commit has 288 states with 3 managers and 8,832 with 5, by ${strategy}`, () => {
    assert.equal(countStates(new TwoPhaseCommit(3), strategy), 288);
    assert.equal(countStates(new TwoPhaseCommit(5), strategy), 8832);
  });

  test(`a register of a majority has 544 states, by ${strategy}`, () => {
    assert.equal(countStates(abdModel(), strategy), 544);
  });
}

/** A planted bug is found on a way of `length` actions, and on no shorter one. */
function findsShortest<State, Action>(
  model: () => Model<State, Action>,
  { what, length }: { readonly what: RegExp; readonly length: number },
): void {
  const { breach } = explore(model(), { ...unbounded, strategy: "bfs" });
  assert.ok(breach !== null);
  assert.match(breach.what, what);
  assert.equal(breach.actions.length, length);
  assert.equal(breach.lines.length, length);
  // Depth-first and bounded is another way to the same length: nothing breaks one action sooner.
  const sooner = explore(model(), { states: Infinity, depth: length - 1, strategy: "dfs" });
  assert.equal(sooner.breach, null);
  const there = explore(model(), { states: Infinity, depth: length, strategy: "dfs" });
  assert.match(there.breach?.what ?? "", what);
}

test("a transaction manager that does not wait for all is found on a shortest way", () => {
  findsShortest(() => new TwoPhaseCommit(3, "hasty-commit"), { what: /^consistent/, length: 7 });
});

test("a leader that proposes its own value is found on a shortest way", () => {
  findsShortest(() => paxosModel("own-value"), { what: /^linearizable/, length: 17 });
});

test("a register whose clock stands still is found on a shortest way", () => {
  findsShortest(() => abdModel("still-clock"), { what: /^linearizable/, length: 12 });
});

test("a trace is what it says: its actions lead to the broken state", () => {
  const model = new TwoPhaseCommit(3, "hasty-commit");
  const { breach } = explore(model, { ...unbounded, strategy: "bfs" });
  let [state] = model.initial();
  for (const action of breach?.actions ?? []) {
    assert.ok(state !== undefined);
    assert.equal(model.broken(state), null);
    assert.ok(model.actions(state).some((each) => JSON.stringify(each) === JSON.stringify(action)));
    state = model.next(state, action);
  }
  assert.ok(state !== undefined);
  assert.match(model.broken(state) ?? "", /^consistent/);
});

test("within a bound of depth, both strategies find the same states", () => {
  for (const depth of [0, 1, 5, 10]) {
    const [breadth, deep] = strategies.map((strategy) => {
      return explore(paxosModel(), { strategy, states: Infinity, depth });
    });
    assert.ok(breadth !== undefined && deep !== undefined);
    assert.equal(deep.states, breadth.states, `depth ${depth}`);
    assert.equal(breadth.depth, depth);
    assert.ok(!breadth.isExhausted && !deep.isExhausted);
  }
});

test("a bound of states ends the search, and is said to", () => {
  const found = explore(paxosModel(), { strategy: "bfs", states: 1000, depth: Infinity });
  assert.ok(found.states >= 1000 && found.states < 1100);
  assert.ok(!found.isExhausted);
});
