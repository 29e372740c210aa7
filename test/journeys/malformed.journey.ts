/**
 * Malformed inputs of every kind, drawn from a seed: frames, introductions, WebSockets, HTTP, files
 * of settings, journals, recordings, backups. The node goes on, nothing hangs, nothing grows, and
 * every error is a typed one. COUNT=200000 for a long form, SEED=… to have a run again.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { verifyBackup } from "../../src/backup/backup-reading.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import { verifyDirectory } from "../../src/commands/log-verify.ts";
import { ConfigError } from "../../src/settings/config-error.ts";
import { readConfigFile } from "../../src/settings/config-file.ts";
import { readSettings } from "../../src/settings/file-settings.ts";
import { nodeSettings } from "../../src/settings/node-settings.ts";
import { Kibitzer, KibitzerClient, KibitzerError } from "../../src/index.ts";
import { silent, type Logger } from "../../src/logger.ts";
import { replayRecording } from "../../src/recording/replay.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { protocol } from "../../src/version.ts";
import { FrameParser, frameKinds, joinPieces, type Frame } from "../../transport/framing.ts";
import { Outbox } from "../../transport/outbox.ts";
import { eventually } from "../processes/kit.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { harmed, harms, picked, type Harm } from "./damage.ts";
import { each, say, Tap } from "./tap.ts";

const count = Number(process.env["COUNT"] ?? 10_500);
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const atATime = 32;
const rounds = 5;
/** What may be alive after all of it more than after the first round of it. */
const grownBytesMax = 12 * 2 ** 20;

const framing = { version: protocol.most, checksum: crc32 };
const frameBytesMax = 16 * 2 ** 20;
const untyped = new Set(["KBZ_REMOTE", "KBZ_INVARIANT"]);

interface Case {
  readonly pick: number;
  readonly harms: readonly Harm[];
}

interface Scene {
  readonly a: Kibitzer;
  readonly b: Kibitzer;
  readonly tcp: number;
  readonly ws: number;
  /** What clients and a node said, as it was. */
  readonly streams: readonly Uint8Array[];
  readonly sockets: readonly Uint8Array[];
  readonly logged: readonly string[];
  readonly taps: readonly Tap[];
}

const home = mkdtempSync(join(tmpdir(), "kibitz-malformed-"));
let scene: Scene;
let published = 0;

const cases = (share: number, salt: number): readonly Case[] => {
  const one = fc.record({ pick: fc.noBias(fc.nat(2 ** 30)), harms });
  return fc.sample(one, { numRuns: Math.ceil(count * share), seed: seed + salt });
};

/** Of what the node says at `error` and above: nothing is expected there. */
function loggerInto(logged: string[]): Logger {
  const loud = (fields: unknown, text?: unknown): void => {
    logged.push(`${JSON.stringify(fields)} ${String(text)}`);
  };
  return { ...silent, error: loud, fatal: loud };
}

function portOf(url: string | undefined): number {
  return Number(new URL(url ?? "").port);
}

async function captured(): Promise<Scene> {
  const logged: string[] = [];
  const taps = [await Tap.open(), await Tap.open(), await Tap.open()] as const;
  const [tapOfA, tapOfB, tapOfSocket] = taps;
  const open = async (id: string, tap: Tap): Promise<Kibitzer> => {
    const node = await Kibitzer.open({
      id,
      directory: join(home, id),
      listen: ["tcp://127.0.0.1:0", "ws://127.0.0.1:0"],
      advertise: `tcp://127.0.0.1:${tap.port}`,
      storage: { segmentBytesFirst: 65_536, segmentBytesMax: 65_536 },
      logger: loggerInto(logged),
    });
    tap.target = portOf(node.urls[0]);
    return node;
  };
  const a = await open("a", tapOfA);
  const b = await open("b", tapOfB);
  tapOfSocket.target = portOf(a.urls[1]);
  await a.bootstrap("malformed");
  await b.join("malformed", a.url);
  for (const url of [a.url, `ws://127.0.0.1:${tapOfSocket.port}`]) {
    await using client = await KibitzerClient.connect([url]);
    for (const text of ["", "one", "x".repeat(5000)]) {
      await client.publish(text);
      published += 1;
    }
    await client.barrier();
    for await (const entry of client.entries({ follow: false })) assert.ok(entry.index > 0);
    await client.status();
  }
  await eventually("all three streams", async () =>
    taps.every(({ streams }) => streams.length > 0),
  );
  // A connection that was of no use said no more than hello.
  const streams = [...tapOfA.streams, ...tapOfB.streams].filter((one) => framesOf(one).length > 1);
  const sockets = tapOfSocket.streams;
  return { a, b, tcp: portOf(a.urls[0]), ws: portOf(a.urls[1]), streams, sockets, logged, taps };
}

before(async () => {
  process.stderr.write(`malformed: COUNT=${count} SEED=${seed}\n`);
  scene = await captured();
});

after(async () => {
  await Promise.all([scene.a.close(), scene.b.close()]);
  await Promise.all(scene.taps.map(async (tap) => await tap[Symbol.asyncDispose]()));
  rmSync(home, { recursive: true });
});

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** What the first collection lets go of outside of the heap, only a later one counts as gone. */
async function aliveBytes(): Promise<number> {
  for (let time = 0; time < 3; time += 1) {
    collect();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Says all of it in rounds; the node serves after each, and holds no more than after the first. */
async function attack(
  t: TestContext,
  all: readonly Case[],
  work: (one: Case) => Promise<void>,
): Promise<void> {
  const size = Math.ceil(all.length / rounds);
  const alive: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await each(all.slice(round * size, (round + 1) * size), atATime, work);
    await scene.a.publish(`round ${round}`);
    await scene.a.barrier();
    alive.push(await aliveBytes());
  }
  const grown = (alive.at(-1) ?? 0) - (alive[0] ?? 0);
  assert.ok(grown < grownBytesMax, `${alive.join(", ")} bytes alive after each round`);
  assert.deepEqual(scene.logged, []);
  t.diagnostic(`${all.length} inputs, ${Math.round(grown / 1024)} KiB more alive at the end`);
}

function framesOf(stream: Uint8Array): readonly Frame[] {
  const parser = new FrameParser(framing, frameBytesMax);
  const frames: Frame[] = [];
  parser.push(stream);
  try {
    for (let next = parser.next(); next !== null; next = parser.next()) {
      frames.push({ ...next, body: Uint8Array.from(next.body) });
    }
  } catch {
    // What it kept of the stream ends anywhere.
  }
  return frames;
}

function bytesOf(frames: readonly Frame[]): Uint8Array {
  const outbox = new Outbox(framing);
  for (const { kind, id, body } of frames) outbox.append(kind, id, [body]);
  return joinPieces(outbox.take());
}

/** How often something came back: that it was of every kind shows that it was understood so far. */
class Tally {
  readonly #counts = new Map<string, number>();

  count(what: string): void {
    this.#counts.set(what, this.of(what) + 1);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  toString(): string {
    return [...this.#counts].map(([what, times]) => `${what} ${times}`).join(", ");
  }
}

/** What came back are frames of ours, and no failure among them is a bug's. */
function assertTyped(heard: Uint8Array, said: Uint8Array, tally: Tally): void {
  for (const { kind, body } of framesOf(heard)) {
    if (kind === frameKinds.answer) tally.count("answered");
    if (kind !== frameKinds.failure && kind !== frameKinds.bye) continue;
    const { code, message }: { code: string; message: string } = JSON.parse(
      Buffer.from(body).toString(),
    );
    tally.count(code);
    const shown = Buffer.from(said).toString("base64");
    assert.ok(!untyped.has(code), `${code}: ${message}\nsaid, in base64: ${shown}`);
  }
}

test("streams of frames, damaged anywhere", async (t) => {
  const tally = new Tally();
  await attack(t, cases(0.21, 1), async ({ pick, harms: damage }) => {
    const frames = framesOf(picked(scene.streams, pick));
    const from = 1 + (pick % Math.max(1, frames.length - 1));
    const said = harmed(bytesOf([...frames.slice(0, 1), ...frames.slice(from, from + 4)]), damage);
    assertTyped(await say(scene.tcp, said), said, tally);
  });
  t.diagnostic(tally.toString());
  assert.ok(tally.of("answered") > 0 && tally.of("KBZ_MALFORMED") > 0, tally.toString());
});

test("frames whose checksums are right, and whose bodies are not", async (t) => {
  const tally = new Tally();
  const all = scene.streams.flatMap(framesOf).filter(isRequest);
  // Each kind of request as often as any other, though most of them are pings.
  const requestsByMethod = [...Map.groupBy(all, ({ body }) => body[1]).values()];
  assert.ok(requestsByMethod.length > 5);
  await attack(t, cases(0.26, 2), async ({ pick, harms: damage }) => {
    const frames = framesOf(picked(scene.streams, pick));
    const [hello] = frames;
    assert.ok(hello !== undefined);
    const one = picked(picked(requestsByMethod, pick >>> 3), pick >>> 8);
    const body = harmed(one.body, pick % 4 === 0 ? damage : flips(damage));
    const changed = { ...one, kind: frameKinds.call, id: 7, body };
    const said = bytesOf([stranger(hello), changed]);
    const isAnswered = (heard: Uint8Array): boolean => framesOf(heard).length > 1;
    assertTyped(await say(scene.tcp, said, isAnswered), said, tally);
  });
  t.diagnostic(tally.toString());
  assert.ok(tally.of("answered") > 0 && tally.of("KBZ_MALFORMED") > 0, tally.toString());
});

function isRequest({ kind, body }: Frame): boolean {
  return (kind === frameKinds.call || kind === frameKinds.tell) && body.length > 1;
}

/** One bit only: most of what is sent is right, and is looked at further. */
function flips([first]: readonly Harm[]): readonly Harm[] {
  return first === undefined ? [] : [{ ...first, kind: "flip" }];
}

/** The same introduction, of a node that nobody knows. */
function stranger(hello: Frame): Frame {
  const text = Buffer.from(hello.body)
    .toString()
    .replace(/"node":\{[^}]*\}/, '"node":null');
  return { ...hello, body: Buffer.from(text) };
}

test("introductions of every make", async (t) => {
  const tally = new Tally();
  const strange = fc.sample(fc.json(), { numRuns: 200, seed });
  await attack(t, cases(0.1, 3), async ({ pick, harms: damage }) => {
    const [hello, next] = framesOf(picked(scene.streams, pick));
    assert.ok(hello !== undefined && next !== undefined);
    const fields: object = JSON.parse(Buffer.from(hello.body).toString());
    const keys = Object.keys(fields);
    const other: unknown = JSON.parse(picked(strange, pick));
    const body =
      pick % 2 === 0
        ? Buffer.from(JSON.stringify({ ...fields, [picked(keys, pick >>> 2)]: other }))
        : harmed(hello.body, damage);
    const said = bytesOf([{ ...hello, body }, next]);
    assertTyped(await say(scene.tcp, said), said, tally);
  });
  t.diagnostic(tally.toString());
  assert.ok(tally.of("answered") > 0 && tally.of("KBZ_MALFORMED") > 0, tally.toString());
});

test("WebSockets, from the upgrade on", async (t) => {
  await attack(t, cases(0.1, 4), async ({ pick, harms: damage }) => {
    const stream = picked(scene.sockets, pick);
    await say(scene.ws, harmed(stream.subarray(0, 300 + (pick % 4000)), damage));
  });
});

const requests = [
  "GET /v1/status HTTP/1.1",
  "GET /metrics HTTP/1.1",
  "GET /v1/entries?from=1&limit=3 HTTP/1.1",
  "GET /v1/entries?from=1&follow=true HTTP/1.1\r\nAccept: text/event-stream\r\nLast-Event-ID: 2",
  "POST /v1/publishers HTTP/1.1\r\nContent-Length: 0",
  "POST /v1/entries HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
  "POST /v1/entries HTTP/1.1\r\nContent-Type: application/ndjson\r\nContent-Length: 3\r\n\r\na\nb",
  "POST /v1/entries HTTP/1.1\r\nKibitz-Publisher: 9\r\nKibitz-Sequence: 1\r\nContent-Length: 0",
  "POST /v1/entries HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "OPTIONS * HTTP/1.1",
].map((text) => {
  const [head = "", body = ""] = text.split("\r\n\r\n", 2);
  return Buffer.from(`${head}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n${body}`);
});

test("HTTP requests", async (t) => {
  await attack(t, cases(0.14, 5), async ({ pick, harms: damage }) => {
    const said = harmed(picked(requests, pick), damage);
    const heard = Buffer.from(await say(scene.ws, said)).toString("latin1");
    const [, status = "0"] = /^HTTP\/1\.1 (\d{3})/.exec(heard) ?? [];
    const isMeant = Number(status) < 500 || ["501", "503", "505"].includes(status);
    assert.ok(isMeant, `${said.toString()}\n\n${heard}`);
  });
});

const configurations = [
  "data: d\nlisten: [ws://a:1, ws://b:2]\nproperty: { zone: x }\nretainBytes: 1GiB\nkv: false\n",
  "id: a\njoin:\n  - dns+ws://a:1\n  - file:peers\nreplaceAfter: never\ntimeout: 2s\n",
  '{"data":"d","listen":["ws://a:1"],"property":{"zone":"x"},"ifNew":true,"logLevel":"warn"}',
];

test("files of settings", async (t) => {
  const values = fc.dictionary(fc.constantFrom(...Object.keys(nodeSettings)), fc.jsonValue());
  const drawn = fc.sample(values, { numRuns: 200, seed }).map((value) => JSON.stringify(value));
  const all = cases(0.08, 6);
  let refusals = 0;
  for (const [at, { pick, harms: damage }] of all.entries()) {
    const path = join(home, `${at % 8}.${pick % 2 === 0 ? "yaml" : "json"}`);
    const isDrawn = pick % 5 === 0;
    const bytes = isDrawn
      ? picked(drawn, pick)
      : harmed(Buffer.from(picked(configurations, pick)), damage);
    writeFileSync(path, bytes);
    try {
      const { problems } = await readSettings(await readConfigFile(path), nodeSettings);
      refusals += problems.length === 0 ? 0 : 1;
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      refusals += 1;
    }
  }
  t.diagnostic(`${all.length} inputs, ${refusals} refused`);
});

/** The files of a node that ran alone, by their paths. */
async function directoryOf(name: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const directory = join(home, name);
  mkdirSync(directory);
  const node = await Kibitzer.open({
    id: "a",
    directory,
    listen: ["tcp://127.0.0.1:0"],
    storage: { segmentBytesFirst: 32_768, segmentBytesMax: 32_768 },
    snapshot: { slots: 20 },
  });
  await node.bootstrap("files");
  for (let at = 0; at < 60; at += 1) await node.publish(`${at} `.repeat(at));
  const chunks: Uint8Array[] = [];
  for await (const chunk of node.backup()) chunks.push(chunk);
  await node.close();
  const files = new Map<string, Uint8Array>([["backup", Buffer.concat(chunks)]]);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name !== "lock") files.set(path, readFileSync(path));
  }
  return files;
}

async function assertRefusedWell(work: () => Promise<unknown>): Promise<"read" | "refused"> {
  try {
    await work();
    return "read";
  } catch (error) {
    assert.ok(error instanceof KibitzerError && !untyped.has(error.code), String(error));
    return "refused";
  }
}

test("files of a node: journal, promise, snapshots, recordings, backups", async (t) => {
  const files = await directoryOf("files");
  const directory = join(home, "files");
  const paths = [...files.keys()].filter((path) => path !== "backup");
  const recordings = paths.filter((path) => path.includes("recording"));
  assert.ok(recordings.length > 0 && paths.length > recordings.length + 4, paths.join(" "));
  const found = { read: 0, refused: 0 };
  const all = cases(0.11, 7);
  for (const { pick, harms: damage } of all) {
    const path =
      pick % 8 === 0 ? "backup" : picked(pick % 3 === 0 ? recordings : paths, pick >>> 3);
    const bytes = harmed(files.get(path) ?? new Uint8Array(), damage);
    const copy = new MemoryFiles();
    for (const [name, whole] of files) copy.put(name, name === path ? bytes : whole);
    const work = async (): Promise<unknown> => {
      if (path === "backup") return await verifyBackup(inPieces(bytes, pick));
      if (pick % 3 === 0) return await replayRecording(path, { files: copy });
      return await verifyDirectory(directory, copy);
    };
    found[await assertRefusedWell(work)] += 1;
  }
  t.diagnostic(`${all.length} inputs: ${found.refused} refused, ${found.read} read with findings`);
  assert.ok(found.refused > 0 && found.read > 0);
});

async function* inPieces(bytes: Uint8Array, pick: number): AsyncGenerator<Uint8Array, void, void> {
  const size = 1 + (pick % 4096);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("a start on damaged files ends well or says why not", async (t) => {
  const files = await directoryOf("starts");
  const directory = join(home, "starts");
  const paths = [...files.keys()].filter((path) => path !== "backup");
  const found = { read: 0, refused: 0 };
  const all = cases(0.01, 8);
  for (const { pick, harms: damage } of all) {
    const path = picked(paths, pick);
    const copy = new MemoryFiles();
    for (const [name, whole] of files)
      copy.put(name, name === path ? harmed(whole, damage) : whole);
    const work = async (): Promise<void> => {
      const world = { ...nodeWorld(), files: copy };
      const signal = AbortSignal.timeout(20_000);
      const node = await Kibitzer.open({ directory, world, record: false, signal });
      const reason = await Promise.race([node.ended, node.barrier({ signal }).then(() => null)]);
      await node.close();
      if (reason !== null) throw reason;
    };
    found[await assertRefusedWell(work)] += 1;
  }
  t.diagnostic(`${all.length} starts: ${found.refused} refused, ${found.read} went on`);
});

test("after all of it the republic serves", async () => {
  await using client = await KibitzerClient.connect([scene.a.url, scene.b.url]);
  const { index } = await client.publish("the last");
  await client.barrier();
  assert.ok(index > published + rounds);
  assert.deepEqual(scene.logged, []);
});
