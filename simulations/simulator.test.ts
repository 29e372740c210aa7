/** Virtual time, lives and the trace: the same seed must give the same run, to the last line. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Prng } from "./prng.ts";
import { Simulator, millisecond, second, type Life } from "./simulator.ts";

test("events happen in the order of time, equal times in the order of insertion", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 200 }), async (delays) => {
      const simulator = new Simulator();
      const happened: (readonly [number, number])[] = [];
      for (const [number, delay] of delays.entries()) {
        simulator.after(delay, () => happened.push([simulator.now, number]));
      }
      await simulator.run(second);
      const expected = delays
        .map((delay, number) => [delay, number] as const)
        .toSorted(([one, first], [other, last]) => one - other || first - last);
      assert.deepEqual(happened, expected);
    }),
    { numRuns: 50 },
  );
});

test("a cancelled event does not happen", async () => {
  const simulator = new Simulator();
  let happened = 0;
  const timer = simulator.after(5, () => (happened += 1));
  simulator.after(4, () => timer.cancel());
  await simulator.run(second);
  assert.equal(happened, 0);
  assert.equal(simulator.now, second);
});

test("promises run to rest between two events, however long their chain", async () => {
  const simulator = new Simulator();
  const order: string[] = [];
  simulator.after(1, () => {
    void (async () => {
      for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve();
      order.push("chain");
    })();
  });
  simulator.after(1, () => order.push("next event"));
  await simulator.run(second);
  assert.deepEqual(order, ["chain", "next event"]);
});

test("a life that ended is called back no more, and its promises never settle", async () => {
  const simulator = new Simulator();
  const life = simulator.begin("a");
  const told: string[] = [];
  life.clock.after(10, () => told.push("timer"));
  life.clock.after(3, () => told.push("early"));
  void life
    .promise<string>((resolve) => simulator.after(9 * millisecond, () => resolve("late")))
    .then((value) => told.push(value));
  simulator.after(5 * millisecond, () => life.end());
  await simulator.run(second);
  assert.deepEqual(told, ["early"]);
});

test("a paused life wakes late, and everything waits in order", async () => {
  const simulator = new Simulator();
  const life = simulator.begin("a");
  const told: (readonly [string, number])[] = [];
  life.clock.after(10, () => told.push(["first", life.clock.now()]));
  life.clock.after(20, () => told.push(["second", life.clock.now()]));
  simulator.after(5 * millisecond, () => life.pause(100 * millisecond));
  await simulator.run(second);
  assert.deepEqual(told, [
    ["first", 105],
    ["second", 105],
  ]);
});

test("a clock keeps its own pace, and a timer is never early by it", async () => {
  for (const rate of [0.5, 0.999, 1, 1.001, 2]) {
    const simulator = new Simulator();
    await simulator.run(12_345);
    const life = simulator.begin("a", { wallOffset: 1000, rate });
    const [start, told] = [life.clock.now(), [] as number[]];
    for (const delay of [0, 1, 7, 1000]) {
      life.clock.after(delay, () => told.push(life.clock.now() - start - delay));
    }
    await simulator.run(10 * second);
    assert.equal(start, 0);
    assert.equal(told.length, 4);
    assert.ok(
      told.every((late) => late >= 0 && late <= 1),
      `rate ${rate}: ${told.join()}`,
    );
  }
});

async function wander(seed: number): Promise<string> {
  const simulator = new Simulator();
  const prng = new Prng(seed);
  const hop = (life: Life, hops: number): void => {
    simulator.trace.note(`${life.name} ${life.clock.now()}`);
    if (hops > 0) life.after(prng.integer(0, second), () => hop(life, hops - 1));
  };
  for (const name of ["a", "b"]) hop(simulator.begin(name), 20);
  await simulator.run(60 * second);
  return simulator.trace.hash();
}

test("the trace of equal runs is equal, and of unequal ones is not", async () => {
  assert.equal(await wander(1), await wander(1));
  assert.notEqual(await wander(1), await wander(2));
});
