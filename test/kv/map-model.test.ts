/** The map against a plain model, command by command, with snapshots restored on the way (S2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MachineEntry } from "../../src/machine/state-machine.ts";
import { decodeCommand, decodeResult, encodeCommand } from "../../src/kv/kv-command.ts";
import type { Condition, KvCommand } from "../../src/kv/kv-command.ts";
import { KvMachine } from "../../src/kv/kv-machine.ts";
import { kvLimits } from "../../src/kv/kv-limits.ts";
import { decodeAnswer, encodeQuestion, type KvQuestion } from "../../src/kv/kv-question.ts";
import type { KvAnswer, KvEvent } from "../../src/kv/kv-question.ts";
import { SortedKeys } from "../../src/kv/sorted-keys.ts";
import { cut, gather } from "../machine/host-scene.ts";

const key = fc.constantFrom("a", "a/1", "a/2", "b", "é", "\u{1f600}");
const lease = fc.nat(9);
const value = fc.uint8Array({ maxLength: 3 });
const condition: fc.Arbitrary<Condition> = fc.record({
  expected: fc.option(fc.nat(12), { freq: 2 }),
  fence: fc.option(fc.record({ key, token: fc.nat(12) }), { freq: 4 }),
});
const command: fc.Arbitrary<KvCommand> = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    key,
    value,
    lease: fc.oneof(fc.constant(0), lease),
    condition,
  }),
  fc.record({ kind: fc.constant("set" as const), key, value, condition }),
  fc.record({ kind: fc.constant("delete" as const), key, condition }),
  fc.record({ kind: fc.constant("grant" as const), ttlMs: fc.integer({ min: 100, max: 400 }) }),
  fc.record({ kind: fc.constant("keepAlive" as const), lease }),
  fc.record({ kind: fc.constant("revoke" as const), lease }),
  fc.constant({ kind: "tick" as const }),
);

function entry(bytes: Uint8Array, index: number, time: number): MachineEntry {
  return { index, bytes, publisher: "1", time, text: () => "" };
}

function ask(machine: KvMachine, question: KvQuestion): KvAnswer {
  return decodeAnswer(machine.query(encodeQuestion(question)));
}

/** The same map, as plainly as it can be said. */
class Model {
  readonly rows: Map<string, { value: string; revision: number; created: number; lease: number }> =
    new Map();
  readonly leases: Map<number, { ttl: number; end: number }> = new Map();
  readonly events: string[] = [];

  apply(command: KvCommand, index: number, time: number): [string, number] {
    const due = [...this.leases]
      .filter(([, { end }]) => end <= time)
      .toSorted(([one, left], [other, right]) => left.end - right.end || one - other);
    for (const [id] of due) this.#end(id, "expire", index);
    switch (command.kind) {
      case "tick":
        return ["ok", 0];
      case "grant":
        this.leases.set(index, { ttl: command.ttlMs, end: time + command.ttlMs });
        return ["ok", index];
      case "keepAlive": {
        const lease = this.leases.get(command.lease);
        if (lease === undefined) return ["noLease", 0];
        lease.end = time + lease.ttl;
        return ["ok", lease.ttl];
      }
      case "revoke":
        if (!this.leases.has(command.lease)) return ["noLease", 0];
        return ["ok", this.#end(command.lease, "delete", index)];
      case "put":
      case "set":
      case "delete":
        return this.#write(command, index);
    }
  }

  #write(command: KvCommand & { kind: "put" | "set" | "delete" }, index: number): [string, number] {
    const refusal = this.#refusal(command);
    if (refusal !== null) return refusal;
    const { key } = command;
    const before = this.rows.get(key) ?? { revision: 0, created: index, lease: 0 };
    if (command.kind === "delete") {
      if (this.rows.delete(key)) this.events.push(`delete ${key} @${index}`);
      return ["ok", before.revision];
    }
    const { value } = command;
    const { lease } = command.kind === "put" ? command : before;
    if (lease !== 0 && !this.leases.has(lease)) return ["noLease", 0];
    const { created } = before;
    this.rows.set(key, { value: hex(value), revision: index, created, lease });
    this.events.push(`put ${key} ${hex(value)}@${index}`);
    return ["ok", index];
  }

  #refusal({ key, condition }: { key: string; condition: Condition }): [string, number] | null {
    const { expected, fence } = condition;
    const token = this.rows.get(fence?.key ?? "")?.created ?? 0;
    if (fence !== null && fence.token !== token) return ["fenced", token];
    const revision = this.rows.get(key)?.revision ?? 0;
    return expected === null || expected === revision ? null : ["conflict", revision];
  }

  #end(id: number, kind: string, index: number): number {
    this.leases.delete(id);
    const keys = [...this.rows].filter(([, row]) => row.lease === id).map(([key]) => key);
    for (const key of keys.toSorted()) {
      this.rows.delete(key);
      this.events.push(`${kind} ${key} @${index}`);
    }
    return keys.length;
  }
}

const steps = fc.array(fc.record({ command, ms: fc.nat(150), isRestored: fc.boolean() }), {
  minLength: 1,
  maxLength: 40,
});

test("every result, every event and every record is the model's, restored or not", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const model = new Model();
      let machine = new KvMachine();
      let time = 0;
      for (const [at, { command, ms, isRestored }] of drawn.entries()) {
        time += ms;
        const index = at + 1;
        const bytes = encodeCommand(command);
        const decoded = decodeCommand(bytes);
        assert.ok(decoded !== null);
        assert.deepEqual(Buffer.from(encodeCommand(decoded)), Buffer.from(bytes));
        const told = decodeResult(machine.apply(entry(bytes, index, time)) ?? new Uint8Array(0));
        assert.deepEqual([told.status, told.number], model.apply(command, index, time));
        if (!isRestored) continue;
        const state = await gather(cut(Buffer.concat([...machine.snapshot()]), [1000]));
        machine = new KvMachine();
        await machine.restore(cut(state, [7, 1, 30]));
        assert.deepEqual(Buffer.concat([...machine.snapshot()]), Buffer.from(state), "S5");
      }
      const page = ask(machine, { kind: "list", prefix: "", after: "", most: 1000 });
      assert.ok(page.kind === "page");
      assert.deepEqual(
        page.records.map(({ key, value, ...rest }) => [key, { value: hex(value), ...rest }]),
        [...model.rows].toSorted(([left], [right]) => (left < right ? -1 : 1)),
      );
      const watch = { kind: "watch", name: "", isPrefix: true, place: { after: 0 } } as const;
      const told = ask(machine, watch);
      assert.ok(told.kind === "events");
      assert.deepEqual(told.events.map(shown), model.events);
    }),
    { numRuns: 200 },
  );
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function shown({ kind, key, value, revision }: KvEvent): string {
  return `${kind} ${key} ${hex(value)}@${revision}`;
}

test("what is no command lets time pass, and has no result", () => {
  const machine = new KvMachine();
  const grant = encodeCommand({ kind: "grant", ttlMs: 100 });
  machine.apply(entry(grant, 1, 0));
  assert.equal(machine.wake()?.time, 100);
  const cutOff = grant.subarray(0, grant.length - 1);
  for (const [at, bytes] of [Buffer.from("hello"), new Uint8Array(0), cutOff].entries()) {
    assert.equal(machine.apply(entry(bytes, 2 + at, 99)), undefined);
  }
  assert.equal(ask(machine, { kind: "lease", lease: 1 }).kind, "lease");
  machine.apply(entry(Buffer.from("later"), 5, 100));
  assert.equal(ask(machine, { kind: "lease", lease: 1 }).kind, "noLease");
  assert.equal(machine.wake(), null);
});

test("a put takes a key from its lease or gives it to one, and a set does neither (0023)", () => {
  const machine = new KvMachine();
  machine.apply(entry(encodeCommand({ kind: "grant", ttlMs: 100 }), 1, 0));
  // As they stand in logs: what they come to may never change.
  const entries = [
    ["006b760101016b0161010000", 1],
    ["006b760107016b01620000", 1],
    ["006b760101016b0163000000", 0],
    ["006b760107016b01640000", 0],
  ] as const;
  for (const [at, [bytes, lease]] of entries.entries()) {
    machine.apply(entry(Buffer.from(bytes, "hex"), 2 + at, 0));
    assert.deepEqual([machine.get("k")?.revision, machine.get("k")?.lease], [2 + at, lease]);
  }
});

test("a watch that is too late is told so, also after a restore", async () => {
  const machine = new KvMachine();
  const any = { expected: null, fence: null };
  const put = {
    kind: "put",
    key: "k",
    value: new Uint8Array(1),
    lease: 0,
    condition: any,
  } as const;
  const bytes = encodeCommand(put);
  for (let index = 1; index <= kvLimits.eventsKept + 2000; index += 1) {
    machine.apply(entry(bytes, index, 0));
  }
  const restored = new KvMachine();
  await restored.restore(cut(Buffer.concat([...machine.snapshot()]), [50_000]));
  for (const map of [machine, restored]) {
    const from = (revision: number): KvAnswer =>
      ask(map, { kind: "watch", name: "k", isPrefix: false, place: { from: revision } });
    assert.deepEqual(from(2000), { kind: "compacted", revisionFirst: 2001 });
    const told = from(2001);
    assert.ok(told.kind === "events" && told.isMore);
    assert.deepEqual([told.events.length, told.after], [kvLimits.pageMax, 2000 + kvLimits.pageMax]);
    const after = (number: number): KvAnswer =>
      ask(map, { kind: "watch", name: "k", isPrefix: false, place: { after: number } });
    assert.equal(after(1999).kind, "compacted");
    assert.equal(after(2000).kind, "events");
  }
});

test("what does not fit is refused: keys of a lease, and bytes", () => {
  const machine = new KvMachine();
  const any = { expected: null, fence: null };
  machine.apply(entry(encodeCommand({ kind: "grant", ttlMs: 100 }), 1, 0));
  let index = 1;
  const put = (key: string, lease: number, value = new Uint8Array(0)): string => {
    index += 1;
    const command = { kind: "put", key, value, lease, condition: any } as const;
    const result = machine.apply(entry(encodeCommand(command), index, 0));
    return decodeResult(result ?? value).status;
  };
  for (let at = 0; at < kvLimits.leaseKeysMax; at += 1) assert.equal(put(`k${at}`, 1), "ok");
  assert.equal(put("one more", 1), "full");
  assert.equal(put("k0", 1), "ok");
  const value = new Uint8Array(kvLimits.valueBytesMax);
  let kept = 0;
  while (put(`v${kept}`, 0, value) === "ok") kept += 1;
  assert.ok(kept > 400 && kept * value.length <= kvLimits.bytesMax);
  assert.equal(put("v0", 0), "ok", "less in place of more");
});

test("sorted keys are a sorted set", () => {
  const operations = fc.array(fc.tuple(fc.boolean(), fc.nat(3000)), { maxLength: 200 });
  fc.assert(
    fc.property(operations, fc.nat(3000), (drawn, begin) => {
      const keys = new SortedKeys();
      const model = new Set<string>();
      for (let at = 0; at < 2500; at += 1) {
        keys.add(`${at}`);
        model.add(`${at}`);
      }
      for (const [isAdded, number] of drawn) {
        if (isAdded) keys.add(`${number}`);
        else keys.delete(`${number}`);
        if (isAdded) model.add(`${number}`);
        else model.delete(`${number}`);
      }
      const expected = [...model].toSorted().filter((key) => key >= `${begin}`);
      assert.deepEqual([...keys.from(`${begin}`)], expected);
    }),
    { numRuns: 20 },
  );
});
