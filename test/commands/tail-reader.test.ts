/** What `tail` reads, up to where, and how it prints it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EntriesOptions, Entry, Log } from "../../src/api.ts";
import { TailReader, type TailOptions } from "../../src/commands/tail-reader.ts";
import { entryDocument } from "../../src/entry-document.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { captureOutput } from "./captured-output.ts";

function entry(index: number, bytes: Uint8Array): Entry {
  return {
    index,
    slot: index + 3,
    government: 1,
    when: 1_700_000_000_000,
    publisher: "4",
    sequence: index,
    bytes,
    text: () => Buffer.from(bytes).toString(),
  };
}

interface Asked {
  barriers: number;
  ranges: EntriesOptions[];
}

/** A log of `count` entries whose last one was decided after the barrier at `barrier`. */
function logOf(count: number, barrier: number, asked: Asked): Log {
  return {
    publish: () => Promise.reject(new Error("tail never publishes")),
    status: () => Promise.reject(new Error("tail asks no status")),
    query: () => Promise.reject(new Error("tail asks no machine")),
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
    barrier: async () => {
      asked.barriers += 1;
      return { index: barrier, slot: barrier + 3 };
    },
    entries: (options = {}) => {
      asked.ranges.push(options);
      return (async function* (): AsyncGenerator<Entry> {
        const last = Math.min(count, options.to ?? count);
        for (let index = options.from ?? 1; index <= last; index += 1) {
          yield entry(index, Buffer.from(`e${index}`));
        }
        // Following goes on until it is given up.
        while (options.follow === true && last < (options.to ?? Number.POSITIVE_INFINITY)) {
          await new Promise((_resolve, reject) => {
            options.signal?.addEventListener("abort", () => reject(options.signal?.reason));
          });
        }
      })();
    },
  };
}

const usual: TailOptions = { endpoints: [], timeout: 1000, from: 1 };
const never = new AbortController().signal;

async function tailed(options: Partial<TailOptions>, count = 5, barrier = 4): Promise<string> {
  const captured = captureOutput();
  const log = logOf(count, barrier, { barriers: 0, ranges: [] });
  await new TailReader({ ...usual, ...options }, captured.output).read(log, never);
  return await captured.stdout();
}

test("it reads up to the barrier, raw bytes and a newline each", async () => {
  assert.equal(await tailed({}), "e1\ne2\ne3\ne4\n");
  assert.equal(await tailed({ from: 3 }), "e3\ne4\n");
  assert.equal(await tailed({ from: 2, limit: 2 }), "e2\ne3\n");
  assert.equal(await tailed({ from: 5 }), "");
  assert.equal(await tailed({}, 0, 0), "");
});

test("stale reads what there is, without a barrier", async () => {
  const asked: Asked = { barriers: 0, ranges: [] };
  const captured = captureOutput();
  const reader = new TailReader({ ...usual, stale: true }, captured.output);
  await reader.read(logOf(5, 4, asked), never);
  assert.equal(await captured.stdout(), "e1\ne2\ne3\ne4\ne5\n");
  assert.equal(asked.barriers, 0);
  assert.equal(asked.ranges[0]?.follow, false);
});

test("following ends at the limit, and else when it is given up", async () => {
  assert.equal(await tailed({ follow: true, limit: 5 }), "e1\ne2\ne3\ne4\ne5\n");
  const controller = new AbortController();
  const captured = captureOutput();
  const reader = new TailReader({ ...usual, follow: true }, captured.output);
  const log = logOf(5, 4, { barriers: 0, ranges: [] });
  const reading = reader.read(log, controller.signal);
  const reason = new Error("enough");
  setImmediate(() => controller.abort(reason));
  await assert.rejects(reading, reason);
  assert.equal(reader.indexNext, 6);
});

test("an endpoint that stops sending ends the read with an error", async () => {
  const log = logOf(2, 4, { barriers: 0, ranges: [] });
  const stuck: Log = { ...log, entries: (options) => log.entries({ ...options, follow: true }) };
  const reader = new TailReader({ ...usual, timeout: 30 }, captureOutput().output);
  await assert.rejects(
    reader.read(stuck, never),
    (error) => error instanceof KibitzerError && error.code === "KBZ_UNREACHABLE",
  );
});

test("JSON has the documented keys in order; bytes that are not UTF-8 come as base64", async () => {
  assert.equal(
    await tailed({ json: true, limit: 1 }),
    '{"index":1,"slot":4,"government":1,"when":1700000000000,"publisher":"4","sequence":1,' +
      '"text":"e1"}\n',
  );
  const document = entryDocument(entry(1, Uint8Array.of(0xff, 0x00)));
  assert.equal(document["base64"], "/wA=");
  assert.equal("text" in document, false);
});

test("text is the very bytes: a byte order mark stays, an empty entry is empty", () => {
  assert.equal(entryDocument(entry(1, Buffer.from("\uFEFFx")))["text"], "\uFEFFx");
  assert.equal(entryDocument(entry(1, new Uint8Array(0)))["text"], "");
});
