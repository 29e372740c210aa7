/**
 * What a simulator relies on: every wait injected, every loss decided, and the truth about effects.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryNetwork, TransportError, transportLimits } from "../../transport/index.ts";
import type { Callee, Caller, MemoryFrame } from "../../transport/index.ts";
import { helloOf, parcelOptions } from "../conformance/caller.ts";
import type { Parcel } from "../conformance/caller.ts";
import { ManualTiming } from "./fake-wire.ts";

const none = new Uint8Array(0);
const options = { hello: () => helloOf("a"), fraction: () => 0.5 };

interface World {
  readonly timing: ManualTiming;
  readonly network: MemoryNetwork<Parcel, Parcel>;
  readonly passed: string[];
  /** What the policy does with a frame: its delay in ms, or null to lose it. */
  policy: (frame: MemoryFrame) => number | null;
  run(ms: number): Promise<void>;
}

function makeWorld(): World {
  const timing = new ManualTiming();
  const passed: string[] = [];
  const network = new MemoryNetwork<Parcel, Parcel>({
    ...parcelOptions,
    timing,
    deliver(frame, run) {
      passed.push(`${frame.from}>${frame.to} ${frame.lane} ${frame.kind}`);
      const delay = world.policy(frame);
      if (delay !== null) timing.after(delay, run);
    },
  });
  const world: World = {
    timing,
    network,
    passed,
    policy: () => 1,
    async run(ms) {
      const until = timing.now + ms;
      for (;;) {
        // Let promises run dry before time moves.
        for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
        timing.turn();
        for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
        if (!timing.step(until)) break;
      }
      timing.now = until;
    },
  };
  return world;
}

function makeCallee(counts: Map<string, number>, heard: string[] = []): Callee<Parcel, Parcel> {
  return {
    hello: () => helloOf("b"),
    answer(request) {
      counts.set(request.verb, (counts.get(request.verb) ?? 0) + 1);
      return Promise.resolve(request);
    },
    hear: (request) => heard.push(request.verb),
  };
}

async function resultOf(caller: Caller<Parcel, Parcel>, verb: string): Promise<string> {
  try {
    const call = caller.call({ verb, body: none }, { lane: "bulk", timeoutMs: 500 });
    return (await call).verb === verb ? "answered" : "another's answer";
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return error.outcome;
  }
}

test("a policy sees every frame, and nothing happens without its time", async () => {
  const world = makeWorld();
  const counts = new Map<string, number>();
  await world.network.transport("b").listen("memory:b", makeCallee(counts));
  const caller = world.network.transport("a").connect("memory:b", options);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(world.passed, ["a>b control connect", "a>b bulk connect"]);
  await world.run(10);
  assert.equal(caller.connected, true);
  const result = resultOf(caller, "x");
  await world.run(10);
  assert.equal(await result, "answered");
  assert.deepEqual(world.passed.slice(-2), ["a>b bulk call", "b>a bulk answer"]);
  assert.equal(world.timing.timers, 0);
});

test("a frame told may come twice, a call never", async () => {
  const world = makeWorld();
  const counts = new Map<string, number>();
  const heard: string[] = [];
  const network = new MemoryNetwork<Parcel, Parcel>({
    ...parcelOptions,
    timing: world.timing,
    deliver(_frame, run) {
      world.timing.after(1, run);
      world.timing.after(2, run);
    },
  });
  await network.transport("b").listen("memory:b", makeCallee(counts, heard));
  const caller = network.transport("a").connect("memory:b", options);
  await world.run(20);
  assert.equal(caller.tell({ verb: "t", body: none }, "control"), true);
  const result = resultOf(caller, "c");
  await world.run(20);
  assert.equal(await result, "answered");
  assert.deepEqual(heard, ["t", "t"]);
  assert.equal(counts.get("c"), 1);
});

test("a reset is noticed at once, a silent crash when the node is back", async () => {
  for (const how of ["reset", "silent"] as const) {
    const world = makeWorld();
    const counts = new Map<string, number>();
    let downs = 0;
    await world.network.transport("b").listen("memory:b", makeCallee(counts));
    const caller = world.network
      .transport("a")
      .connect("memory:b", { ...options, down: () => (downs += 1) });
    await world.run(20);
    world.network.crash("b", how);
    await world.run(5);
    const lost = resultOf(caller, "lost");
    await world.run(1000);
    assert.equal(await lost, how === "reset" ? "none" : "unknown");
    assert.equal(caller.connected, how === "silent");
    assert.equal(downs, how === "reset" ? 2 : 0);
    await world.network.transport("b").listen("memory:b", makeCallee(counts));
    await world.run(3000);
    assert.equal(downs, 2);
    assert.equal(caller.connected, true);
    const found = resultOf(caller, "found");
    await world.run(100);
    assert.equal(await found, "answered");
    assert.deepEqual([...counts], [["found", 1]]);
  }
});

test("a reset is noticed at an address that somebody took after it was dialled", async () => {
  const world = makeWorld();
  const counts = new Map<string, number>();
  let downs = 0;
  world.policy = ({ from, kind }) => (from === "a" && kind === "connect" ? 10 : 1);
  const caller = world.network
    .transport("a")
    .connect("memory:b/1", { ...options, down: () => (downs += 1) });
  await world.run(5);
  await world.network.transport("b").listen("memory:b/1", makeCallee(counts));
  await world.run(30);
  assert.equal(caller.connected, true);
  world.network.crash("b", "reset");
  await world.run(5);
  assert.equal(downs, 2);
});

test("a crashed caller says no more, and its callee learns it", async () => {
  const world = makeWorld();
  const signals: AbortSignal[] = [];
  const callee: Callee<Parcel, Parcel> = {
    ...makeCallee(new Map()),
    answer(_request, _from, signal) {
      signals.push(signal);
      return new Promise(() => undefined);
    },
  };
  await world.network.transport("b").listen("memory:b", callee);
  const caller = world.network.transport("a").connect("memory:b", options);
  await world.run(20);
  void resultOf(caller, "x");
  await world.run(10);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false],
  );
  world.network.crash("a", "reset");
  await world.run(10);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true],
  );
  const passed = world.passed.length;
  assert.equal(caller.tell({ verb: "ghost", body: none }, "bulk"), true);
  await world.run(5000);
  assert.deepEqual(
    world.passed.slice(passed).filter((line) => line.startsWith("a>")),
    [],
  );
});

test("a cut ends connections and lets none be until it is healed", async () => {
  const world = makeWorld();
  await world.network.transport("b").listen("memory:b", makeCallee(new Map()));
  const caller = world.network.transport("a").connect("memory:b", options);
  await world.run(20);
  world.network.cut("b", "a");
  assert.equal(caller.connected, false);
  const result = resultOf(caller, "x");
  await world.run(5000);
  assert.equal(await result, "none");
  world.network.heal("a", "b");
  await world.run(2000);
  assert.equal(caller.connected, true);
});

test("a peer that is back on one lane is dialled on the other at once", async () => {
  for (const first of [0, 1]) {
    const world = makeWorld();
    let draws = first;
    const fraction = (): number => ((draws += 1) % 2 === 0 ? 0 : 0.99);
    const caller = world.network.transport("a").connect("memory:b", { ...options, fraction });
    // Long enough for the longest back-off; one lane's is by far the shorter one.
    await world.run(20_000);
    const heard: string[] = [];
    await world.network.transport("b").listen("memory:b", makeCallee(new Map(), heard));
    const lanes = ["control", "bulk"] as const;
    const isUp = (): boolean => lanes.some((lane) => caller.tell({ verb: lane, body: none }, lane));
    while (!isUp()) await world.run(1);
    await world.run(4);
    for (const lane of lanes) assert.equal(caller.tell({ verb: lane, body: none }, lane), true);
  }
});

test("a peer that speaks is dialled at once, whatever the back-off", async () => {
  const world = makeWorld();
  const caller = world.network.transport("a").connect("memory:b", options);
  await world.run(20_000);
  await world.network.transport("b").listen("memory:b", makeCallee(new Map()));
  const dials = world.passed.length;
  caller.hurry();
  assert.equal(caller.connected, false);
  await world.run(4);
  assert.equal(caller.connected, true);
  caller.hurry();
  await world.run(5000);
  const lanes = world.passed.slice(dials).filter((line) => line.startsWith("a>b"));
  assert.deepEqual(lanes.toSorted(), [
    "a>b bulk connect",
    "a>b bulk hello",
    "a>b control connect",
    "a>b control hello",
  ]);
});

test("a dial whose packets were lost is given up for another", async () => {
  const world = makeWorld();
  const { dialMs, backOffMsMax } = transportLimits;
  await world.network.transport("b").listen("memory:b", makeCallee(new Map()));
  world.policy = () => null;
  const caller = world.network.transport("a").connect("memory:b", options);
  await world.run(10);
  world.policy = () => 1;
  await world.run(dialMs + backOffMsMax);
  assert.equal(caller.connected, true);
});

type Step =
  | { readonly kind: "call"; readonly ms: number }
  | { readonly kind: "cut" }
  | { readonly kind: "heal" }
  | { readonly kind: "weather"; readonly losses: number; readonly slowness: number }
  | { readonly kind: "restart"; readonly how: "reset" | "silent" };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("call"), ms: fc.nat(40) }) },
    fc.record({ kind: fc.constantFrom("cut", "heal", "heal") }),
    fc.record({
      kind: fc.constant("weather"),
      losses: fc.constantFrom(0, 0, 20, 60),
      slowness: fc.constantFrom(0, 0.1, 1, 3),
    }),
    fc.record({ kind: fc.constant("restart"), how: fc.constantFrom("reset", "silent") }),
  ),
  { minLength: 1, maxLength: 40 },
);

/** A caller that goes through all of `story`, and what came of each of its calls. */
async function live(story: readonly Step[], chance: () => number): Promise<void> {
  const world = makeWorld();
  const counts = new Map<string, number>();
  const settled: [string, string][] = [];
  let weather = { losses: 0, slowness: 0 };
  world.policy = () => (chance() < weather.losses ? null : 1 + chance() * weather.slowness);
  await world.network.transport("b").listen("memory:b", makeCallee(counts));
  const caller = world.network.transport("a").connect("memory:b", options);
  await world.run(20);
  let calls = 0;
  for (const step of story) {
    if (step.kind === "weather") weather = step;
    else if (step.kind === "cut" || step.kind === "heal") world.network[step.kind]("a", "b");
    else if (step.kind === "restart") {
      world.network.crash("b", step.how);
      await world.network.transport("b").listen("memory:b", makeCallee(counts));
    } else {
      const verb = `call-${(calls += 1)}`;
      void resultOf(caller, verb).then((result) => settled.push([verb, result]));
      await world.run(step.ms);
    }
  }
  await world.run(501);
  assert.equal(settled.length, calls);
  for (const [verb, result] of settled) {
    const times = counts.get(verb) ?? 0;
    assert.ok(times <= 1, `${verb} was carried out ${times} times`);
    if (result === "answered") assert.equal(times, 1, verb);
    if (result === "none") assert.equal(times, 0, verb);
  }
  weather = { losses: 0, slowness: 0 };
  world.network.heal("a", "b");
  await world.run(10_000);
  assert.equal(caller.connected, true, "it comes back once the network does");
}

test("whatever is lost, each call settles once, in time, with the truth", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.infiniteStream(fc.nat(99)), async (story, chances) => {
      await live(story, () => Number(chances.next().value));
    }),
    { numRuns: 150 },
  );
});
