/** P13: machines that are not deterministic are caught before they reach a real cluster. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KvMachine } from "../../src/kv/kv-machine.ts";
import { encodeCommand } from "../../src/kv/kv-command.ts";
import type { MachineEntry, StateMachine } from "../../src/machine/state-machine.ts";
import { checkStateMachine } from "./check-state-machine.ts";

/** Counts letters; each slip is one of a user's. */
class Letters implements StateMachine {
  #counts = new Map<string, number>();
  readonly #slip: string;

  constructor(slip: string) {
    this.#slip = slip;
  }

  apply(entry: MachineEntry): string {
    const letter = entry.text().slice(0, 1);
    const slipped = entry.index % 17 === 0 ? this.#slipAt(letter) : null;
    if (slipped !== null) return slipped;
    const count = (this.#counts.get(letter) ?? 0) + 1;
    if (this.#slip === "order") this.#counts.delete(letter);
    this.#counts.set(letter, count);
    if (this.#slip === "throws" && entry.index === 10) throw new Error("no ten");
    shared += 1;
    const seen = this.#slip === "shared" ? shared : count;
    return `${seen} ${[...this.#counts.keys()].join("")}`;
  }

  #slipAt(letter: string): string | null {
    switch (this.#slip) {
      case "clock":
        return `${Date.now()}`;
      case "random":
        return `${Math.random()}`;
      case "environment":
        return process.env["TZ"] ?? "none";
      case "locale":
        return `${"a".localeCompare(letter)}`;
      case "timer":
        setTimeout(() => this.#counts.clear(), 1);
        return null;
      default:
        return null;
    }
  }

  *snapshot(): Generator<Uint8Array, void, void> {
    let rows = [...this.#counts];
    // Sorted, so that equal maps have equal snapshots; and so the order of the map is lost.
    if (this.#slip === "order") rows = rows.toSorted(([left], [right]) => (left < right ? -1 : 1));
    if (this.#slip !== "lazy") yield Buffer.from(JSON.stringify(rows));
    else {
      yield Buffer.from("[");
      const live = JSON.stringify([...this.#counts]);
      yield Buffer.from(live.slice(1));
    }
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const piece of pieces) text += Buffer.from(piece).toString();
    const rows = JSON.parse(text);
    this.#counts = new Map(this.#slip === "forgetful" ? rows.slice(1) : rows);
  }
}

let shared = 0;

const slips: readonly (readonly [string, RegExp])[] = [
  ["clock", /reached for Date: it is not deterministic/],
  ["random", /reached for Math.random/],
  ["environment", /reached for process.env/],
  ["locale", /reached for String.localeCompare/],
  ["timer", /reached for setTimeout/],
  ["order", /two machines answer the same entry with/],
  ["shared", /two machines answer the same entry with/],
  ["lazy", /a snapshot changed while it was taken/],
  ["forgetful", /is not the one that it was restored from/],
  ["throws", /apply threw Error: no ten/],
];

for (const [slip, found] of slips) {
  test(`P13 the slip "${slip}" is found, and named at its entry`, async () => {
    const options = { seeds: 5, clusters: 0 };
    const { problem } = await checkStateMachine(() => new Letters(slip), options);
    assert.match(problem?.message ?? "nothing", found);
    assert.ok(problem?.index !== null && (problem?.index ?? 0) >= 1);
    const again = { from: problem?.seed ?? 0, seeds: 1, clusters: 0 };
    const { problem: same } = await checkStateMachine(() => new Letters(slip), again);
    assert.equal(same?.index, problem?.index);
  });
}

test("a machine that is deterministic passes, alone and in clusters with faults", async () => {
  const options = { seeds: 5, clusters: 1, seconds: 3 };
  const report = await checkStateMachine(() => new Letters("none"), options);
  assert.equal(report.problem, null);
  assert.equal(report.clusters, 1);
  assert.ok(report.restores > 10 && report.entries === 500);
});

test("the key–value map passes", async () => {
  const report = await checkStateMachine(() => new KvMachine(), {
    seeds: 10,
    clusters: 0,
    entry: (prng) => {
      const key = prng.pick(["a", "b", "c"]);
      const lease = prng.chance(0.3) ? prng.integer(1, 100) : 0;
      const condition = { expected: null, fence: null };
      const value = Buffer.from(String(prng.integer(0, 9)));
      if (prng.chance(0.3)) return encodeCommand({ kind: "grant", ttlMs: prng.integer(100, 900) });
      if (prng.chance(0.2)) return encodeCommand({ kind: "delete", key, condition });
      return encodeCommand({ kind: "put", key, value, lease, condition });
    },
  });
  assert.equal(report.problem, null);
});

test("what goes wrong in a cluster only is found there", async () => {
  const wrong = { seeds: 3, clusters: 3, seconds: 3, entries: 1 };
  const { problem } = await checkStateMachine(() => new Letters("throws"), wrong);
  assert.equal(problem?.index, null);
  assert.match(problem?.message ?? "", /in a cluster: .*(no ten|KBZ_MACHINE)/);
});
