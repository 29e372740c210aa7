/**
 * The searches against plain objects: what really ran on one is always accepted, and of histories
 * with one answer altered exactly those are refused that no permutation explains.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkHistory, models } from "./check.ts";
import { Pairing, type HistoryEvent, type Operation } from "./operation.ts";

/** An object as simple as can be: gives the answer, and changes itself. */
type Answer = (state: unknown[], f: string, input: unknown) => unknown;

interface Subject {
  readonly model: string;
  readonly functions: readonly string[];
  /** So many at once that a search has to look, and can. */
  readonly processes: number;
  readonly answer: Answer;
  input(f: string, chosen: number, unique: number): unknown;
}

const register: Subject = {
  model: "cas-register",
  processes: 7,
  functions: ["read", "write", "cas"],
  input: (f, chosen) => {
    if (f === "read") return null;
    return f === "write" ? chosen % 3 : [chosen % 3, (chosen >> 2) % 3];
  },
  answer: (state, f, input) => {
    if (f === "read") return state[0] ?? null;
    const [old, value] = Array.isArray(input) ? input : [state[0], input];
    if (old !== state[0]) return "fail";
    state[0] = value;
    return input;
  },
};

const appending: Subject = {
  model: "kv",
  processes: 7,
  functions: ["get", "put", "append"],
  input: (f, chosen) => (f === "get" ? null : "abc"[chosen % 3]),
  answer: (state, f, input) => {
    if (f === "get") return state[0] ?? null;
    state[0] = f === "put" ? input : ((state[0] ?? "") as string) + (input as string);
    return input;
  },
};

const queue: Subject = {
  model: "queue",
  processes: 3,
  functions: ["enqueue", "dequeue"],
  input: (f, chosen) => (f === "enqueue" ? chosen % 4 : null),
  answer: (state, f, input) => {
    if (f === "dequeue") return state.shift() ?? null;
    state.push(input);
    return input;
  },
};

interface Part {
  readonly from: number;
  readonly to?: number;
  readonly stale?: boolean;
}

const log: Subject = {
  model: "log",
  processes: 12,
  functions: ["publish", "publish", "barrier", "read"],
  input: (f, chosen, unique) => {
    if (f === "publish") return `v${unique}`;
    if (f === "barrier") return null;
    const from = 1 + (chosen % 3);
    return [{ from }, { from, to: from + (chosen % 4) }, { from, stale: true }][chosen % 3];
  },
  answer: (state, f, input) => {
    if (f === "publish") return state.push(input);
    if (f === "barrier") return state.length;
    const { from, to = Infinity } = input as Part;
    return state.slice(from - 1, to);
  },
};

interface Move {
  readonly process: number;
  readonly chosen: number;
  readonly luck: number;
}

/** Spread evenly: small numbers would be mostly one process that does one thing. */
function even(max: number): fc.Arbitrary<number> {
  return fc.noBias(fc.nat(max));
}

function moves(processes: number, luck: number, size: object): fc.Arbitrary<Move[]> {
  const move = fc.record({ process: even(processes - 1), chosen: even(999), luck: even(luck) });
  return fc.array(move, { ...size, size: "max" });
}

/**
 * Runs the moves: a process calls, then its operation takes effect, then it hears of that. Some
 * never hear, and of those some take no effect.
 */
function run(subject: Subject, moves: readonly Move[]): HistoryEvent[] {
  const { functions, answer } = subject;
  const events: HistoryEvent[] = [];
  const state: unknown[] = [];
  const open = new Map<number, { f: string; input: unknown; answer: unknown }>();
  const lives = new Map<number, number>();
  for (const [unique, { process, chosen, luck }] of moves.entries()) {
    const name = `${process}.${lives.get(process) ?? 0}`;
    const say = (type: HistoryEvent["type"], f: string, value: unknown): void => {
      const key = subject.model === "kv" ? "k" : null;
      events.push({ process: name, type, f, value, time: null, key });
    };
    const current = open.get(process);
    if (current === undefined) {
      const f = functions[chosen % functions.length]!;
      const input = subject.input(f, Math.floor(chosen / functions.length), unique);
      open.set(process, { f, input, answer: undefined });
      say("invoke", f, input);
    } else if (luck <= 1) {
      if (luck === 0 && current.answer === undefined) answer(state, current.f, current.input);
      say("info", current.f, null);
      open.delete(process);
      lives.set(process, (lives.get(process) ?? 0) + 1);
    } else if (current.answer === undefined) {
      current.answer = answer(state, current.f, current.input);
    } else {
      const isFailed = current.answer === "fail";
      say(isFailed ? "fail" : "ok", current.f, isFailed ? null : current.answer);
      open.delete(process);
    }
  }
  return events;
}

function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const pairing = new Pairing();
  for (const [place, event] of events.entries()) pairing.add(event, place + 1);
  return pairing.operations;
}

/** One answer is another one; null when there is none to alter. */
function alter(events: readonly HistoryEvent[], { process, chosen }: Move): HistoryEvent[] | null {
  const places = events.flatMap(({ type }, place) => (type === "ok" ? [place] : []));
  const place = places[chosen % Math.max(1, places.length)];
  if (place === undefined) return null;
  const event = events[place]!;
  const { value } = event;
  let other: unknown = (chosen >> 3) % 4;
  if (typeof value === "number" && event.f !== "dequeue") other = Math.max(1, value + process - 1);
  if (typeof value === "string") other = "abc".slice(0, process);
  if (event.f === "read" && Array.isArray(value)) {
    other = [value.slice(0, -1), value.toReversed(), value.slice(1), []][process];
  }
  return events.with(place, { ...event, value: other });
}

/** Tries every permutation that real time allows. */
function isExplained(subject: Subject, operations: readonly Operation[]): boolean {
  const explore = (left: readonly Operation[], state: readonly unknown[]): boolean => {
    if (left.every(({ outcome }) => outcome !== "ok")) return true;
    const firstReturn = Math.min(...left.map(({ returned }) => returned));
    return left.some((operation) => {
      if (operation.invoked > firstReturn) return false;
      const after = [...state];
      const answer = subject.answer(after, operation.f, operation.input);
      if (!agrees(operation, answer, state)) return false;
      return explore(
        left.filter((each) => each !== operation),
        after,
      );
    });
  };
  return explore(
    operations.filter(({ outcome }) => outcome !== "failed"),
    [],
  );
}

function agrees(
  { f, input, output, outcome }: Operation,
  answer: unknown,
  state: readonly unknown[],
) {
  if (answer === "fail") return false;
  if (outcome === "unknown") return true;
  // What these give back is what they were called with: nothing to be wrong about.
  if (["write", "put", "append", "cas", "enqueue"].includes(f)) return true;
  if (f !== "read" || !Array.isArray(output)) {
    return JSON.stringify(answer) === JSON.stringify(output);
  }
  return isPart(output, input as Part, state);
}

function isPart(
  output: readonly unknown[],
  { from, to = Infinity, stale = false }: Part,
  state: readonly unknown[],
): boolean {
  const last = from - 1 + output.length;
  if (output.some((value, place) => state[from - 1 + place] !== value)) return false;
  if (stale || last >= to) return last <= state.length || output.length === 0;
  return output.length === 0 ? state.length < from : last === state.length;
}

function verdictOf({ model }: Subject, operations: readonly Operation[], generalOnly: boolean) {
  const found = models.get(model);
  assert.ok(found !== undefined);
  const bounds = { configurationsMax: 500_000 };
  return checkHistory(operations, { model: found, generalOnly, bounds }).verdict;
}

const tiny = { minLength: 6, maxLength: 24 };
const long = { minLength: 100, maxLength: 300 };
const one = { minLength: 1, maxLength: 1 };

const subjects = { register, appending, queue, log };

for (const [name, subject] of Object.entries(subjects)) {
  const { processes } = subject;
  test(`what really ran is linearizable: ${name}`, () => {
    fc.assert(
      fc.property(moves(processes, 300, long), (moves) => {
        const operations = operationsOf(run(subject, moves));
        assert.equal(verdictOf(subject, operations, false), "linearizable");
        assert.equal(verdictOf(subject, operations, true), "linearizable");
      }),
      { numRuns: 50, seed: 20_261_121, endOnFailure: true },
    );
  });

  test(`with one answer altered, all permutations decide: ${name}`, () => {
    const refused = { yes: 0, no: 0 };
    fc.assert(
      fc.property(moves(4, 19, tiny), moves(4, 19, one), (moves, [alteration]) => {
        assert.ok(alteration !== undefined);
        const events = alter(run(subject, moves), alteration);
        if (events === null) return;
        const operations = operationsOf(events);
        const expected = isExplained(subject, operations) ? "linearizable" : "not linearizable";
        refused[expected === "linearizable" ? "no" : "yes"] += 1;
        assert.equal(verdictOf(subject, operations, false), expected, "the check as it is used");
        assert.equal(verdictOf(subject, operations, true), expected, "the general search");
      }),
      { numRuns: 400, seed: 20_261_121, endOnFailure: true },
    );
    assert.ok(refused.yes > 50 && refused.no > 50, `both happen: ${JSON.stringify(refused)}`);
  });
}

test("a log of 5000 operations takes well under a second, with either search", () => {
  const moves: Move[] = [];
  let word = 1;
  for (let count = 0; count < 15_500; count += 1) {
    word = (Math.imul(word, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    moves.push({ process: (word >> 8) % 23, chosen: word >> 10, luck: 2 + ((word >> 12) % 900) });
  }
  const readsOf20 = (f: string, chosen: number, unique: number): unknown => {
    if (f !== "read") return log.input(f, chosen, unique);
    const from = 1 + (chosen % 2000);
    return { from, to: from + 19 };
  };
  const operations = operationsOf(run({ ...log, input: readsOf20 }, moves));
  assert.ok(operations.length >= 5000);
  for (const generalOnly of [false, true]) {
    // Of the processor, not of the wall: other tests run meanwhile.
    const before = process.cpuUsage();
    assert.equal(verdictOf(log, operations, generalOnly), "linearizable");
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 1_000_000, `${user + system} µs`);
  }
});
