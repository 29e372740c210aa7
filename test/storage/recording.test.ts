/** Recordings: bounded, cut anywhere to whole frames, damaged anywhere and noticed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Recorder, type RecorderOptions } from "../../src/recording/recorder.ts";
import { RecordingReader } from "../../src/recording/recording-reader.ts";
import { everything, MemoryFiles, systemError } from "./memory-files.ts";

interface Setting {
  readonly files: MemoryFiles;
  readonly errors: Error[];
  /** Who waits for time to pass. */
  readonly timers: { readonly ms: number; readonly callback: () => void }[];
  wall: number;
  /** How many frames were appended: the state that a checkpoint tells. */
  count: number;
}

function setting(files = new MemoryFiles()): Setting {
  return { files, errors: [], timers: [], wall: 1_700_000_000_000, count: 0 };
}

async function record(at: Setting, change: Partial<RecorderOptions> = {}): Promise<Recorder> {
  return Recorder.open({
    files: at.files,
    directory: "/data/recording",
    clock: {
      now: () => 0,
      wall: () => at.wall,
      after(ms, callback) {
        const timer = { ms, callback };
        at.timers.push(timer);
        return { cancel: () => at.timers.splice(at.timers.indexOf(timer), 1) };
      },
      soon: (callback) => void setImmediate(callback),
    },
    subject: { id: "a" },
    checkpoint: () => Buffer.from(`state ${at.count} `),
    onError: (error) => at.errors.push(error),
    ...change,
  });
}

/** Lets a pause pass, and what follows it be written. */
async function wake(at: Setting): Promise<void> {
  for (const { callback } of at.timers.splice(0)) callback();
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

function append(recorder: Recorder, at: Setting, size = 20): void {
  at.count += 1;
  recorder.append([Buffer.from(`frame ${at.count} `), new Uint8Array(size).fill(at.count)]);
}

/** `C` of each checkpoint, `I` of each input that was appended, with the numbers that they tell. */
async function read(
  files: MemoryFiles,
  path = "/data/recording",
): Promise<{ readonly frames: readonly string[]; readonly complete: boolean }> {
  const reader = new RecordingReader(files, path);
  const frames: string[] = [];
  for await (const { kind, body } of reader.frames()) {
    const letter = kind === "checkpoint" ? "C" : "I";
    const text = Buffer.from(body).toString("latin1");
    for (const [, number] of text.matchAll(/(?:frame|state) (\d+) /g)) {
      frames.push(`${letter}${number}`);
    }
  }
  return { frames, complete: reader.complete };
}

const first = "/data/recording/recording-00000001";

async function sample(): Promise<MemoryFiles> {
  const at = setting();
  const recorder = await record(at);
  for (let count = 0; count < 4; count += 1) {
    append(recorder, at);
    // What comes within a moment would be one frame.
    await recorder.flushed();
  }
  await recorder.close();
  assert.deepEqual(at.errors, []);
  return at.files;
}

test("what was recorded is read, from a directory or a file, and is complete", async () => {
  const files = await sample();
  const expected = { frames: ["C0", "I1", "I2", "I3", "I4"], complete: true };
  assert.deepEqual(await read(files), expected);
  assert.deepEqual(await read(files, first), expected);
  await assert.rejects(read(files, "/data/nowhere"), { code: "KBZ_NOT_FOUND" });
});

test("a recording cut at any byte gives its whole frames and says that it was cut", async () => {
  const files = await sample();
  const bytes = files.bytesOf(first);
  const whole = (await read(files)).frames;
  const lengths = new Set<number>();
  for (let length = 0; length < bytes.length; length += 1) {
    const copy = new MemoryFiles();
    copy.put(first, bytes.slice(0, length));
    const { frames, complete } = await read(copy, first);
    assert.equal(complete, false);
    assert.deepEqual(frames, whole.slice(0, frames.length));
    lengths.add(frames.length);
  }
  assert.deepEqual([...lengths], [0, 1, 2, 3, 4, 5]);
});

test("a flip of any byte is damage, told with file and offset", async () => {
  const files = await sample();
  const bytes = files.bytesOf(first);
  for (let offset = 0; offset < bytes.length; offset += 1) {
    for (const mask of [1, 0x80, bytes[offset] ?? 0].filter((bits) => bits !== 0)) {
      const copy = new MemoryFiles();
      const changed = Uint8Array.from(bytes);
      changed[offset] = (changed[offset] ?? 0) ^ mask;
      copy.put(first, changed);
      await assert.rejects(read(copy, first), (error: Error & { code: string }) => {
        assert.equal(error.code, "KBZ_DAMAGED");
        assert.ok(error.message.includes(first));
        return true;
      });
    }
  }
});

test("frames of one turn are one write, and none is lost", async () => {
  const at = setting();
  const recorder = await record(at);
  for (let turn = 0; turn < 5; turn += 1) {
    for (let count = 0; count < 10; count += 1) append(recorder, at);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await recorder.close();
  const writes = at.files.calls.filter((call) => call.startsWith("write"));
  assert.ok(writes.length <= 7, `${writes.length} writes`);
  assert.ok(at.files.calls.every((call) => !call.startsWith("datasync")));
  assert.equal((await read(at.files)).frames.length, 51);
});

test("a recording stays within its bytes; each part begins with a checkpoint", async () => {
  const at = setting();
  const bytesMax = 16_000;
  const recorder = await record(at, { bytesMax });
  for (let count = 0; count < 400; count += 1) {
    append(recorder, at, 150);
    if (count % 10 === 9) await new Promise((resolve) => void setImmediate(resolve));
  }
  await recorder.close();
  const bytes = at.files.paths().reduce((sum, path) => sum + at.files.bytesOf(path).length, 0);
  assert.ok(bytes <= bytesMax, `${bytes} bytes`);
  assert.ok(bytes > bytesMax / 2, `${bytes} bytes`);
  const { frames, complete } = await read(at.files);
  assert.ok(complete);
  let state = Number(frames[0]?.slice(1));
  for (const frame of frames) {
    if (frame.startsWith("I")) state += 1;
    assert.equal(Number(frame.slice(1)), state);
  }
  assert.equal(state, 400);
});

test("parts older than the limit are removed", async () => {
  const at = setting();
  const recorder = await record(at, { ageMs: 8000 });
  for (let count = 0; count < 40; count += 1) {
    at.wall += 500;
    append(recorder, at);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await recorder.close();
  const { frames } = await read(at.files);
  assert.equal(frames.at(-1), "I40");
  assert.ok(!frames.includes("I15"));
  assert.ok(frames.includes("I30"));
});

test("each start goes on in a file of its own, behind one that was cut off by a kill", async () => {
  const at = setting();
  const killed = await record(at);
  append(killed, at);
  assert.deepEqual(
    at.timers.map(({ ms }) => ms),
    [20],
    "what is appended within 20 ms of a file's beginning is written together",
  );
  at.timers[0]?.callback();
  assert.equal(at.timers.length, 0);
  await killed.flushed();
  const later = setting(at.files.powerLost(everything));
  later.files.put(first, at.files.bytesOf(first));
  later.count = at.count;
  const recorder = await record(later);
  append(recorder, later);
  await recorder.close();
  const found = await read(later.files);
  assert.deepEqual(found, { frames: ["C0", "I1", "C1", "I2"], complete: false });
  await killed.close();
});

test("more than a little is written within 20 ms, and at once when it is much", async () => {
  const at = setting();
  const recorder = await record(at);
  const timers = (): readonly number[] => at.timers.map(({ ms }) => ms);
  await recorder.flushed();
  append(recorder, at, 5000);
  assert.deepEqual(timers(), [200], "what is little has time");
  append(recorder, at, 5000);
  assert.deepEqual(timers(), [20], "sooner, and once");
  append(recorder, at, 5000);
  assert.deepEqual(timers(), [20]);
  append(recorder, at, 250_000);
  assert.deepEqual(timers(), [], "without waiting");
  await recorder.close();
  assert.deepEqual((await read(at.files)).frames, ["C0", "I1", "I2", "I3", "I4"]);
});

test("a missing part is noticed", async () => {
  const at = setting();
  const recorder = await record(at, { bytesMax: 8000 });
  for (let count = 0; count < 15; count += 1) append(recorder, at, 400);
  await recorder.close();
  const names = at.files.paths();
  assert.ok(names.length >= 3);
  at.files.delete(names[1] ?? "");
  await assert.rejects(read(at.files), { code: "KBZ_DAMAGED", message: /missing/ });
});

test("a failing disk ends the recording, is told once, and throws at nobody", async () => {
  const at = setting();
  const recorder = await record(at);
  append(recorder, at);
  at.files.before = (call) => {
    if (call.startsWith("write")) throw systemError("EIO", call);
  };
  for (let turn = 0; turn < 3; turn += 1) {
    append(recorder, at);
    await recorder.flushed();
  }
  await recorder.close();
  assert.equal(at.errors.length, 1);
  assert.match(String(at.errors[0]), /EIO/);
});

test("without room it pauses, and goes on with the state there is then", async () => {
  // Room for nothing, for a file's head, and for some frames more.
  for (const room of [0, 100, 300]) {
    const at = setting();
    let resumed = 0;
    const recorder = await record(at, { onResumed: () => (resumed += 1) });
    append(recorder, at);
    await recorder.flushed();
    at.files.bytesMax = at.files.bytes + room;
    for (let turn = 0; turn < 8; turn += 1) {
      append(recorder, at);
      await recorder.flushed();
      await wake(at);
    }
    assert.equal(at.errors.length, 1, "told once");
    assert.match(String(at.errors[0]), /pauses: Error: ENOSPC/);
    at.files.bytesMax = Infinity;
    await wake(at);
    append(recorder, at);
    await recorder.close();
    assert.equal(resumed, 1);
    const { frames, complete } = await read(at.files);
    assert.equal(complete, false, "one part was cut");
    assert.equal(frames.at(-1), "I10");
    assert.equal(frames.at(-2), "C9");
    const whole = frames.slice(0, -2).map((name) => Number(name.slice(1)));
    assert.deepEqual(whole, Array.from(whole.keys()), "what is there has no hole");
  }
});
