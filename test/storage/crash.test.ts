/** What a journal is after a crash at any call, with any part of what was not synced. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../../src/codec/crc32.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { sectorBytes } from "../../src/storage/segment.ts";
import type { Clock } from "../../src/world.ts";
import { everything, MemoryFiles, nothing, type Survivors } from "./memory-files.ts";
import { openJournal, readAll, Writer, type Opened } from "./samples.ts";

/** Sectors survive by a pseudo-random pattern. */
function someSectors(seed: number): Survivors {
  return (length, position) => {
    const parts: { readonly from: number; readonly to: number }[] = [];
    let from = 0;
    while (from < length) {
      const to = Math.min(length, from + sectorBytes - ((position + from) % sectorBytes));
      if (Math.imul(position + from + 1, seed | 1) & 0x40_00) parts.push({ from, to });
      from = to;
    }
    return parts;
  };
}

/** Each write is cut at a byte. */
function cutAt(fraction: number): Survivors {
  return (length) => [{ from: 0, to: Math.floor(length * fraction) }];
}

interface Image {
  readonly files: MemoryFiles;
  /** The last write that was reported before the crash, and the last handed over. */
  readonly reported: number;
  readonly appended: number;
}

const options = { first: 12 * sectorBytes, max: 40 * sectorBytes };

/** Whoever waits for idleness finds it in the next turn: so each group is marked that can be. */
const idle: Clock = {
  now: () => 0,
  wall: () => 0,
  after: (_ms, callback) => {
    const timer = setImmediate(callback);
    return { cancel: () => clearImmediate(timer) };
  },
  soon: (callback) => void setImmediate(callback),
};

/** Runs a history and takes an image of the disk before each call that changes it. */
async function crashEverywhere(
  steps: readonly {
    readonly sizes: readonly number[];
    readonly back: number;
    readonly waits: boolean;
  }[],
  survivors: readonly Survivors[],
): Promise<{
  readonly images: readonly Image[];
  readonly states: ReadonlyMap<number, string>;
}> {
  const files = new MemoryFiles();
  const images: Image[] = [];
  const states = new Map<number, string>([[0, ""]]);
  const writer = new Writer();
  let opened: Opened | null = null;
  files.before = (call) => {
    if (/^(open|read)/.test(call)) return;
    const reported = opened?.persisted.at(-1) ?? 0;
    for (const survive of survivors) {
      images.push({ files: files.powerLost(survive), reported, appended: writer.number });
    }
  };
  opened = await openJournal(files, { ...options, clock: idle });
  for (const { sizes, back, waits } of steps) {
    const slotFirst = Math.max(1, writer.log.length + 1 - back);
    const isPromise = sizes.length === 0;
    const promised = isPromise ? { government: 1, round: 2 + writer.number, id: "a" } : null;
    const write = writer.write(sizes, { slotFirst, promised });
    states.set(write.number, fingerprint(writer.log));
    opened.journal.append(write, writer.bodies);
    if (!waits) continue;
    await opened.reached(write.number);
    await marked();
  }
  await opened.journal.close();
  images.push({
    files: files.powerLost(nothing),
    reported: writer.number,
    appended: writer.number,
  });
  return { images, states };
}

/** The journal has had time to say that its last group was synced. */
async function marked(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The number of the write whose state this is: not before the last that was reported. */
async function check(image: Image, states: ReadonlyMap<number, string>): Promise<void> {
  const { journal, failures } = await openJournal(image.files, options);
  const found = await readAll(journal);
  const print = fingerprint(found);
  let isKnown = false;
  for (let write = image.reported; write <= image.appended && !isKnown; write += 1) {
    isKnown = print === states.get(write);
  }
  assert.ok(isKnown, `a log of ${found.length} after write ${image.reported}`);
  await journal.close();
  assert.deepEqual(failures, []);
}

/** What a log holds, short enough to be compared often. */
function fingerprint(log: readonly FramedDecree[]): string {
  const parts = log.map(
    ({ decree, body }) => `${JSON.stringify(decree)} ${crc32(body ?? new Uint8Array())}`,
  );
  return parts.join("\n");
}

/** Images looked at in one run: spread over all, other ones with another seed. */
const imagesMax = 60;

const steps = fc.array(
  fc.record({
    sizes: fc.array(fc.oneof(fc.nat({ max: 900 }), fc.nat({ max: 9000 })), { maxLength: 3 }),
    back: fc.nat({ max: 2 }),
    waits: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

test("after a crash at any call, reported writes are there and each one is whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.integer(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (history, seed, cut) => {
        const survivors = [nothing, everything, someSectors(seed), cutAt(cut)];
        const { images, states } = await crashEverywhere(history, survivors);
        const stride = Math.ceil(images.length / imagesMax);
        const from = Math.abs(seed % stride);
        for (let at = from; at < images.length; at += stride) {
          const image = images[at];
          if (image !== undefined) await check(image, states);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("a crash during recovery loses no more than one before it", async () => {
  const history = [300, 5000, 20, 7000, 600].map((size, at) => ({
    sizes: [size, size],
    back: at % 2,
    waits: at !== 1,
  }));
  const { images, states } = await crashEverywhere(history, [someSectors(77), everything]);
  let again = 0;
  for (const image of images.filter((_, at) => at % 19 === 0)) {
    const first = image.files.killed();
    const later: Image[] = [];
    image.files.before = (call) => {
      if (/^(open|read)/.test(call)) return;
      for (const survive of [nothing, someSectors(5)]) {
        later.push({ ...image, files: image.files.powerLost(survive) });
      }
    };
    const { journal } = await openJournal(image.files, options);
    await journal.close();
    const kept = await openJournal(image.files.killed(), options);
    const expected = await readAll(kept.journal);
    await kept.journal.close();
    for (const next of later) {
      await check(next, states);
      again += 1;
    }
    // What one recovery kept, the next one keeps: nothing depends on luck.
    const other = await openJournal(first, options);
    assert.deepEqual(await readAll(other.journal), expected);
    await other.journal.close();
  }
  assert.ok(again > 50);
});

test("a group that lost any one sector is dropped, and only that one", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files, options);
  journal.append(writer.write([100]), writer.bodies);
  await reached(1);
  const before = [...writer.log];
  const images: MemoryFiles[] = [];
  files.before = (call) => {
    if (!call.startsWith("datasync")) return;
    for (let sector = 0; sector < 5; sector += 1) {
      const lost = sector * sectorBytes;
      images.push(
        files.powerLost((length) => [
          { from: 0, to: Math.min(lost, length) },
          { from: Math.min(lost + sectorBytes, length), to: length },
        ]),
      );
    }
  };
  journal.append(writer.write([600, 900]), writer.bodies);
  await reached(2);
  files.before = () => {};
  assert.equal(images.length, 5);
  for (const [sector, image] of images.entries()) {
    const opened = await openJournal(image, { ...options, expected: true });
    // The group has four sectors: the fifth was nobody's.
    assert.equal(opened.recovered.torn, sector < 4);
    assert.deepEqual(await readAll(opened.journal), sector < 4 ? before : writer.log);
    await opened.journal.close();
  }
  await journal.close();
});

test("an unmarked group is written anew and synced before the journal opens", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files, options);
  journal.append(writer.write([100]), writer.bodies);
  await reached(1);
  // The page cache has it; the disk of this image has lost it, as after a sync that lied.
  const image = files.killed();
  await journal.close();
  const opened = await openJournal(image, options);
  const segment = "/data/journal/segment-00000002.tmp";
  // What was half made for another use goes first.
  const left = `remove ${segment}`;
  const written = image.calls.filter((call) => call.includes(segment) && call !== left);
  assert.deepEqual(written.slice(0, 2), [`open ${segment}`, `write ${segment}`]);
  assert.ok(image.calls.indexOf(`datasync ${segment}`) < image.calls.indexOf(`rename ${segment}`));
  assert.equal(image.bytesOf("/data/journal/segment-00000001").length, sectorBytes);
  assert.deepEqual(await readAll(opened.journal), writer.log);
  await opened.journal.close();
});

test("a mark that a loss of power tears is none, wherever the log goes on", async () => {
  const files = new MemoryFiles();
  const writer = new Writer();
  const { journal, reached } = await openJournal(files, { ...options, clock: idle });
  // The first segment has room for the header, a group and its mark, and not for another group.
  journal.append(writer.write([9 * sectorBytes]), writer.bodies);
  await reached(1);
  await marked();
  const behindMark = [...writer.log];
  const torn = [1, 64, 217, 223].map((cut) => files.powerLost(() => [{ from: 0, to: cut }]));
  journal.append(writer.write([3 * sectorBytes]), writer.bodies);
  await reached(2);
  const tornBefore = [1, 64, 217, 223].map((cut) => files.powerLost(() => [{ from: 0, to: cut }]));
  await journal.close();
  for (const [images, log] of [
    [torn, behindMark],
    [tornBefore, writer.log],
  ] as const) {
    for (const image of images) {
      const opened = await openJournal(image, { ...options, expected: true });
      assert.deepEqual(await readAll(opened.journal), log);
      await opened.journal.close();
    }
  }
});
