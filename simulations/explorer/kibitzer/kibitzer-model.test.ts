/** The exploration of the shipped core: where it starts, how far it goes, and what it sees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "../explore.ts";
import { Ghosts, type GhostEvent } from "./ghost.ts";
import { foundRepublic, NotFoundedError } from "./founding.ts";
import { KibitzerModel } from "./kibitzer-model.ts";
import { scopeDefault, type Scope } from "./scope.ts";

const small: Scope = {
  ballots: 1,
  values: 1,
  retries: 0,
  crashes: 0,
  duplicates: 0,
  rounds: 0,
  isAtomic: false,
  deviations: null,
};

test("it starts from a republic of three at rest, led by its founder", () => {
  const nodes = foundRepublic(2);
  const views = nodes.map(({ legislator }) => legislator.view());
  assert.deepEqual(
    views.map(({ role }) => role),
    ["leading", "follower", "follower"],
  );
  for (const { length, decided, leader } of views) {
    assert.equal(length, decided);
    assert.equal(decided, views[0]?.decided);
    assert.equal(leader, "a");
  }
  for (const { disk } of nodes) assert.equal(disk.pending.length, 0);
});

test("a core that does not get to the start is a broken state, and not the end of the run", () => {
  const model = new KibitzerModel(small, () => {
    throw new NotFoundedError("the republic is not founded in time");
  });
  const { states, breach } = explore(model, { strategy: "bfs", states: 9, depth: 9 });
  assert.equal(states, 1);
  assert.equal(breach?.what, "the republic is not founded in time");
  assert.equal(breach.actions.length, 0);
});

test("breadth-first and depth-first find the same states within a bound", () => {
  const bounds = { states: Infinity, depth: 4 };
  const [breadth, deep] = (["bfs", "dfs"] as const).map((strategy) => {
    return explore(new KibitzerModel(small), { ...bounds, strategy });
  });
  assert.ok(breadth !== undefined && deep !== undefined);
  assert.equal(breadth.breach, null);
  assert.equal(deep.breach, null);
  assert.equal(deep.states, breadth.states);
  assert.ok(breadth.states > 200, `${breadth.states} states`);
});

test("nothing is left when nobody may stand up: a leader decides, whatever gets lost", () => {
  const model = new KibitzerModel({ ...small, ballots: 0 });
  const found = explore(model, { strategy: "bfs", states: Infinity, depth: Infinity });
  assert.equal(found.breach, null);
  assert.ok(found.isExhausted);
  assert.equal(model.coverage.chosen, 1);
  assert.equal(model.coverage.ballots, 1);
});

/** What may be done in the state that `titles` lead to, by their beginnings; with what is sent. */
function stories(titles: readonly string[]): readonly (readonly string[])[] {
  const model = new KibitzerModel({ ...small, crashes: 1, rounds: 1 });
  let [state] = model.initial();
  const possible = (): readonly {
    readonly action: number;
    readonly story: readonly string[];
  }[] => {
    const from = state;
    if (from === undefined) return [];
    const actions = model.actions(from).filter((action) => model.next(from, action) !== null);
    return actions.map((action) => ({ action, story: model.describe(from, action) }));
  };
  for (const title of titles) {
    const taken = possible().find(({ story }) => story[0]?.startsWith(title));
    assert.ok(taken !== undefined && state !== undefined, title);
    state = model.next(state, taken.action) ?? undefined;
  }
  return possible().map(({ story }) => story);
}

function whoMayStandUp(titles: readonly string[]): string {
  const found = stories(titles).flatMap(([title]) => {
    return /^(\w) stands up/.exec(title ?? "")?.slice(1) ?? [];
  });
  return [...new Set(found)].toSorted().join("");
}

test("a member stands up at any time, whoever leads or competes, and as often as it may", () => {
  assert.equal(whoMayStandUp([]), "bc");
  assert.equal(whoMayStandUp(["b stands up"]), "c");
  assert.equal(whoMayStandUp(["b stands up", "c stands up"]), "");
  assert.equal(whoMayStandUp(["a loses power", "c stands up"]), "ab");
});

test("of two that elect, the one stands up that both would have lead", () => {
  const elections = stories([]).filter(([title]) => title?.endsWith("the others elect"));
  assert.deepEqual(
    elections.map(([title]) => title),
    ["a is silent, and the others elect"],
  );
  const story = elections[0] ?? [];
  assert.ok(story.some((line) => /^b: -> c {2}ping .* chooses=c /.test(line)));
  assert.match(story.at(-1) ?? "", /^c: persist .* promised=2\.2\.c /);
  assert.equal(story.filter((line) => line.includes("persist")).length, 1);
});

test("losses of power, doubled messages and rounds are explored, and nothing breaks", () => {
  const faulty = { ...scopeDefault, retries: 1 };
  const found = explore(new KibitzerModel(faulty), { strategy: "bfs", states: 2000, depth: 99 });
  assert.equal(found.breach, null);
  const calm = explore(new KibitzerModel(small), { strategy: "bfs", states: 99_999, depth: 3 });
  const counts = (["crashes", "duplicates", "rounds"] as const).map((fault) => {
    const model = new KibitzerModel({ ...small, [fault]: 1 });
    return explore(model, { strategy: "bfs", states: 99_999, depth: 3 }).states;
  });
  for (const count of counts) assert.ok(count > calm.states, `${count} of ${calm.states}`);
});

test("later ballots decide, too", () => {
  const model = new KibitzerModel({ ...small, isAtomic: true });
  const found = explore(model, { strategy: "dfs", states: 2500, depth: 30 });
  assert.equal(found.breach, null);
  assert.ok(model.coverage.ballots >= 2, `${model.coverage.ballots} ballots`);
  assert.ok(model.coverage.ballotsChoosing >= 2, `${model.coverage.ballotsChoosing} choosing`);
});

test("in the plain order every ballot decides, up to the last one there may be", () => {
  const model = new KibitzerModel({ ...small, isAtomic: true, deviations: 0 });
  const found = explore(model, { strategy: "bfs", states: 6000, depth: Infinity });
  assert.equal(found.breach, null);
  assert.ok(found.isExhausted, `${found.states} states`);
  // The one that `a` leads at the start, and one of each node.
  assert.equal(model.coverage.ballots, 4);
  assert.equal(model.coverage.ballotsChoosing, 4);
});

/** A hand-made story that breaks an invariant of the ghost state must be flagged (H3). */
function flags(invariant: string, events: readonly GhostEvent[]): void {
  const ghosts = new Ghosts();
  const [last, ...before] = events.toReversed();
  assert.ok(last !== undefined);
  let ghost = ghosts.first;
  for (const event of before.toReversed()) ghost = ghosts.after(ghost, event);
  assert.throws(() => ghosts.after(ghost, last), { name: "Violation", invariant });
}

const none: readonly number[] = [];
/** Ballots 1.a, 1.b and 2.a, as numbers. */
const [first, second, third] = [3, 4, 6] as const;

function voted(node: number, ballot: number, log: readonly number[], before = none): GhostEvent {
  return { kind: "durable", node, ballot, log, before };
}

function leads(ballot: number, log: readonly number[]): GhostEvent {
  return { kind: "leads", node: ballot % 3, ballot, log };
}

test("A1: two values chosen for one slot", () => {
  flags("A1", [
    leads(first, [7]),
    leads(second, [8]),
    voted(0, first, [7]),
    voted(1, second, [8]),
    voted(2, second, [8]),
    voted(2, first, [7]),
  ]);
});

test("A2: decided, though one disk has it only", () => {
  const decides = { kind: "decides", node: 0, log: [7] } as const;
  flags("A2", [leads(first, [7]), voted(0, first, [7]), decides]);
});

test("A6: a ballot that is led twice, or proposes two values for a slot", () => {
  flags("A6", [leads(first, [7]), leads(first, [7])]);
  flags("A6", [leads(first, [7]), { kind: "proposes", ballot: first, log: [8] }]);
});

test("A13: a vote for what the leader did not propose", () => {
  flags("A13", [leads(first, [7]), voted(1, first, [8])]);
});

test("A14: a ballot that is another node's", () => {
  flags("A14", [{ kind: "leads", node: 1, ballot: first, log: none }]);
});

test("A15: a leader without what a lower ballot chose", () => {
  const chosen = [leads(first, [7]), voted(0, first, [7]), voted(1, first, [7])];
  flags("A15", [...chosen, leads(third, [8])]);
});

test("A16: a disk that drops what is chosen", () => {
  const chosen = [leads(first, [7]), voted(0, first, [7]), voted(1, first, [7])];
  flags("A16", [...chosen, leads(third, [7]), voted(1, third, none, [7])]);
});
