/** The promise: whichever write of a copy a crash cuts short, what was attested is still there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ballotZero, type Ballot } from "../../consensus/index.ts";
import { HardState } from "../../src/storage/hard-state.ts";
import { MemoryFiles, type Survivors } from "./memory-files.ts";
import { identity } from "./samples.ts";

const directory = "/data";
const owner = { republic: identity.republic, id: identity.id, cookie: identity.cookie };

function ballot(round: number): Ballot {
  return { government: 1, round, id: "a" };
}

/** Parts of a write that reach the disk: none, its beginning, its end, all of it. */
const cuts: readonly Survivors[] = [
  () => [],
  (length) => [{ from: 0, to: Math.min(length, 512) }],
  (length) => [{ from: Math.min(length, 512), to: length }],
  (length) => [{ from: 0, to: length }],
];

test("a crash at any call leaves the last promise that was attested, or the next", async () => {
  const files = new MemoryFiles();
  await files.makeDirectory(directory);
  const state = await HardState.open(files, directory, owner, false);
  let attested = ballotZero;
  const images: { readonly files: MemoryFiles; readonly attested: Ballot }[] = [];
  files.before = () => {
    for (const cut of cuts) images.push({ files: files.powerLost(cut), attested });
  };
  for (let round = 1; round <= 12; round += 1) {
    await state.write(ballot(round));
    attested = ballot(round);
  }
  assert.ok(images.length > 12 * cuts.length * 4);
  for (const image of images) {
    const { promised } = await HardState.open(image.files, directory, owner, true);
    const isNext = promised.round === image.attested.round + 1;
    assert.ok(promised.round === image.attested.round || isNext, JSON.stringify(promised));
    const again = await HardState.open(
      image.files.powerLost(() => []),
      directory,
      owner,
      true,
    );
    assert.deepEqual(again.promised, promised, "and it is repaired for good");
  }
});

test("a copy that is gone is told, and one that is not whole, too: it may be torn", async () => {
  const files = new MemoryFiles();
  await files.makeDirectory(directory);
  await (await HardState.open(files, directory, owner, false)).write(ballot(1));
  for (const name of ["promise-1", "promise-2"]) {
    const gone = files.killed();
    gone.delete(`${directory}/${name}`);
    const found = (await HardState.open(gone, directory, owner, true)).findings;
    assert.deepEqual(found, [
      { path: `${directory}/${name}`, offset: 0, text: "the file is missing" },
    ]);
    assert.deepEqual((await HardState.open(gone, directory, owner, true)).findings, []);
    const cut = files.killed();
    cut.put(`${directory}/${name}`, new Uint8Array(800));
    const [torn] = (await HardState.open(cut, directory, owner, true)).findings;
    assert.equal(torn?.mayBeTorn, true);
  }
});

test("a copy never changes its size, so that it can be written where it stands", async () => {
  const files = new MemoryFiles();
  await files.makeDirectory(directory);
  const state = await HardState.open(files, directory, owner, false);
  const sizes = new Set<number>();
  for (const round of [1, 2, 10, 1e6, Number.MAX_SAFE_INTEGER]) {
    await state.write({ government: round, round, id: "z".repeat(63) });
    for (const name of ["promise-1", "promise-2"]) {
      const file = await files.open(`${directory}/${name}`, "read");
      sizes.add(await file.size());
      await file.close();
    }
  }
  assert.equal(sizes.size, 1);
});
