/** The watch over snapshots can fail (H3): disks made by hand, each with one thing wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  emptyRepublic,
  hashDecree,
  hashZero,
  Republic,
  type Decree,
  type RepublicState,
} from "../../consensus/index.ts";
import { encodeRepublic } from "../../src/codec/republic-codec.ts";
import {
  encodeChunkHeader,
  encodeDocument,
  openingOf,
} from "../../src/snapshots/snapshot-codec.ts";
import { SnapshotWatch, type Machine } from "./snapshots.ts";

const manifestPath = "data/journal/manifest";
const snapshotPath = "data/snapshots/snapshot-0000000000000001";

const founder = { id: "a", cookie: "0".repeat(16), url: "memory:a", properties: {} };
const republic = { name: "scene", identity: "1".repeat(16) };
const unhashed = {
  slot: 1,
  time: 0,
  when: 0,
  value: { kind: "bootstrap", republic, founder, parliamentSize: 3 },
} as const;
const birth: Decree = { ...unhashed, hash: hashDecree(hashZero, unhashed) };

function stateAfterBirth(): RepublicState {
  const folded = new Republic(emptyRepublic());
  folded.apply(birth);
  return folded.state();
}

function fileOf(state: RepublicState): Uint8Array {
  const opening = encodeDocument(openingOf(state, republic.identity, []));
  const body = Buffer.concat([...encodeRepublic(state)]);
  return Buffer.concat([
    encodeChunkHeader({ kind: "opening", part: 0, body: opening }, 0, 0),
    opening,
    encodeChunkHeader({ kind: "republic", part: 0, body }, 1, 0),
    body,
  ]);
}

function machine(id: string, files: Readonly<Record<string, Uint8Array | string>>): Machine {
  const all = new Map(Object.entries(files).map(([path, held]) => [path, Buffer.from(held)]));
  return { id, disk: { paths: () => [...all.keys()], peek: (path) => all.get(path) ?? null } };
}

function manifest(fields: object): string {
  return `kibitzer manifest 2 00000000 1\n${JSON.stringify(fields)}`;
}

test("equal snapshots, all of them there, of the state that the log makes", () => {
  const watch = new SnapshotWatch();
  const listed = manifest({ removed: 3, starts: [{ slot: 1 }] });
  const files = { [snapshotPath]: fileOf(stateAfterBirth()), [manifestPath]: listed };
  watch.look(machine("a", files));
  watch.look(machine("b", files));
  watch.applied(birth);
  watch.check();
  assert.equal(watch.size, 1);
});

test("S5: two nodes have different snapshots after a slot", () => {
  const watch = new SnapshotWatch();
  const state = stateAfterBirth();
  watch.look(machine("a", { [snapshotPath]: fileOf(state) }));
  const other = machine("b", { [snapshotPath]: fileOf({ ...state, time: 9 }) });
  assert.throws(() => watch.look(other), { invariant: "S5" });
});

test("S2: a snapshot holds another state than the log makes", () => {
  const watch = new SnapshotWatch();
  watch.look(machine("a", { [snapshotPath]: fileOf({ ...stateAfterBirth(), parliamentSize: 5 }) }));
  watch.applied(birth);
  assert.throws(() => watch.check(), { invariant: "S2" });
});

test("S3: the log was cut, and the snapshot that stands for it is not there", () => {
  const cut = manifest({ removed: 3, starts: [] });
  const gone = manifest({ removed: 0, starts: [{ slot: 1 }] });
  for (const listed of [cut, gone]) {
    const node = machine("a", { [manifestPath]: listed });
    assert.throws(() => new SnapshotWatch().look(node), { invariant: "S3" });
  }
});
