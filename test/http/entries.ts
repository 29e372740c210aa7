/** Reading over HTTP: up to the end or for ever, resumed, and with who does not read. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { after, before, suite, test } from "node:test";
import { httpLimits } from "../../src/http/http-limits.ts";
import { cut, piecesOf } from "../../src/http/piece.ts";
import { Stalls } from "../../src/http/stalls.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { systemClock } from "../../src/system/system-clock.ts";
import type { Timer } from "../../src/world.ts";
import { openHttpNode, problemOf, type HttpNode } from "./node.ts";

const events = { Accept: "text/event-stream" };

interface Told {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string | undefined;
}

/** The events of a stream as they come, comments left out. */
async function* eventsOf(response: Response): AsyncGenerator<Told, void, void> {
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  assert.ok(response.body !== null);
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = new Map(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      text = text.slice(end + 2);
      const [id, event, data] = [fields.get("id"), fields.get("event"), fields.get("data")];
      if (data !== undefined) yield { id, event, data };
    }
  }
}

suite("http: reading", () => {
  let http: HttpNode;
  before(async () => {
    http = await openHttpNode();
    const entries = ["one", "two", Uint8Array.of(0xff), "four\nlines"];
    await Promise.all(entries.map(async (entry) => await http.node.publish(entry)));
  });
  after(async () => await http[Symbol.asyncDispose]());

  test("lines are those of tail, up to the end or as many as are wanted", async () => {
    const response = await http.ask("/v1/entries?from=2");
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    assert.equal(response.headers.get("kibitz-index"), "4");
    const documents = (await response.text()).split("\n").slice(0, -1);
    const [second, third, fourth] = documents.map((line) => JSON.parse(line));
    const keys = ["index", "slot", "government", "when", "publisher", "sequence", "text"];
    assert.deepEqual(Object.keys(second), keys);
    assert.deepEqual([second.index, second.text, second.sequence], [2, "two", 2]);
    assert.deepEqual([third.index, third.base64], [3, "/w=="]);
    assert.deepEqual([fourth.index, fourth.text], [4, "four\nlines"]);
    const limited = await (await http.ask("/v1/entries?from=2&limit=2&stale=true")).text();
    assert.equal(limited, `${documents.slice(0, 2).join("\n")}\n`);
    assert.equal(await (await http.ask("/v1/entries?from=99")).text(), "");
    const head = await http.ask("/v1/entries", { method: "HEAD" });
    assert.equal(head.headers.get("kibitz-index"), "4");
    assert.equal(await head.text(), "");
  });

  test("what is asked for wrongly is told so", async () => {
    const wrong = ["from=0", "from=x", "limit=0", "follow=1", "stale=yes", "after=-1", "form=1"];
    wrong.push("from=1&from=2");
    for (const query of wrong) {
      const response = await http.ask(`/v1/entries?${query}`);
      assert.deepEqual(await problemOf(response), [400, "KBZ_ARGUMENT", false, "none"], query);
    }
    const resumed = await http.ask("/v1/entries", { headers: { "Last-Event-ID": "x" } });
    assert.equal(resumed.status, 400);
    await resumed.text();
  });

  test("a stream goes on as entries come, and says when it is up to date", async () => {
    const gone = new AbortController();
    const headers = { ...events, "Last-Event-ID": "2" };
    const response = await http.ask("/v1/entries?from=1", { headers, signal: gone.signal });
    const stream = eventsOf(response);
    const next = async (): Promise<Told> => (await stream.next()).value ?? assert.fail("it ended");
    assert.equal((await next()).id, "3");
    const { id, data } = await next();
    const [line] = (await (await http.ask("/v1/entries?from=4")).text()).split("\n");
    assert.deepEqual([id, data], ["4", line]);
    assert.deepEqual(await next(), { id: undefined, event: "progress", data: '{"index":4}' });
    const { index } = await http.node.publish("five");
    const five = await next();
    assert.equal(five.id, String(index));
    assert.equal(JSON.parse(five.data ?? "").text, "five");
    gone.abort();
  });

  test("many followers are told the same, wherever each began and ends", async () => {
    const { index } = await http.node.barrier();
    const last = index + 5;
    const ask = async (from: number): Promise<string> => {
      const query = `from=${from}&follow=true&limit=${last - from + 1}`;
      return await (await http.ask(`/v1/entries?${query}`)).text();
    };
    const following = [1, index, index + 1, index + 3].map(ask);
    await http.ask("/v1/status");
    await Promise.all(Array.from({ length: 7 }, async () => await http.node.publish("more")));
    const [all = "", ...others] = await Promise.all(following);
    const expected = await (await http.ask(`/v1/entries?limit=${last}`)).text();
    assert.equal(all, expected);
    for (const other of others) assert.ok(other !== "" && expected.endsWith(other));
    assert.deepEqual(
      others.map((text) => text.split("\n").length - 1),
      [6, 5, 3],
    );
  });

  test("an index that is not here yet is waited for, without a majority", async () => {
    const { index } = await http.node.barrier();
    const waiting = http.ask(`/v1/entries?from=${index + 1}&after=${index + 1}`);
    await http.node.publish("there");
    const response = await waiting;
    assert.equal(response.headers.get("kibitz-index"), String(index + 1));
    assert.equal(JSON.parse(await response.text()).text, "there");
  });
});

test("an index that does not come in time is told so, with how far the node is", async () => {
  // The wait for an answer is over at once; everything else takes its time.
  const real = systemClock();
  const after = (ms: number, callback: () => void): Timer =>
    real.after(ms === httpLimits.answerMs ? 1 : ms, callback);
  const world = { ...nodeWorld(), clock: { ...real, after } };
  await using http = await openHttpNode({ world });
  await http.node.publish("first");
  const late = await http.ask("/v1/entries?after=2");
  const { status, code, retryable, outcome, detail } = JSON.parse(await late.text());
  assert.deepEqual([status, code, retryable, outcome], [503, "KBZ_NOT_FOUND", true, "none"]);
  assert.match(detail, /ends with entry 1, and did not reach 2 /);
});

test("an index that is gone is told so, with the first that is not", async () => {
  await using http = await openHttpNode({
    snapshot: { bytes: 65_536 },
    retain: { bytes: 0 },
    storage: { segmentBytesFirst: 65_536, segmentBytesMax: 65_536 },
  });
  const entry = new Uint8Array(20_000);
  const first = async (): Promise<number> => {
    const response = await http.ask("/v1/entries?limit=1");
    const document = JSON.parse(await response.text());
    if (response.status === 200) return document.index;
    assert.deepEqual([response.status, document.code], [410, "KBZ_TRUNCATED"]);
    assert.deepEqual([document.retryable, document.outcome], [false, "none"]);
    return document.firstIndex;
  };
  do await http.node.publish(entry);
  while ((await first()) === 1);
  const firstIndex = await first();
  assert.ok(firstIndex > 1);
  const there = await http.ask(`/v1/entries?from=${firstIndex}&limit=1`);
  assert.ok(there.status === 200 || (await first()) > firstIndex);
  await there.text();
});

test("streams end with their node, and lines do not seem whole", async () => {
  const http = await openHttpNode();
  const follow = await http.ask("/v1/entries", { headers: events });
  const stream = eventsOf(follow);
  assert.equal((await stream.next()).value?.event, "progress");
  await http[Symbol.asyncDispose]();
  assert.equal((await stream.next()).done, true);
});

test("a piece is cut where a reader begins and ends", () => {
  const body = Buffer.from("\x01\0\0\0a\x01\0\0\0b\x01\0\0\0c", "latin1");
  const head = { slot: 1, government: 1, when: 0, publisher: 1, sequence: 1 };
  const batch = { ...head, index: 7, count: 3, body };
  const text = (from: number, last: number): string => {
    const [piece, ...rest] = piecesOf([batch], 7, "lines", 1000);
    assert.ok(piece !== undefined && rest.length === 0);
    const lines = Buffer.from(cut(piece, from, last))
      .toString()
      .split("\n")
      .slice(0, -1);
    return lines.map((line) => JSON.parse(line).text).join("");
  };
  assert.deepEqual(
    [text(1, Infinity), text(8, Infinity), text(7, 8), text(9, 9), text(10, 12), text(1, 6)],
    ["abc", "bc", "ab", "c", "", ""],
  );
  const small = [...piecesOf([batch], 8, "events", 1)];
  assert.deepEqual(
    small.map(({ first, last }) => [first, last]),
    [
      [8, 8],
      [9, 9],
    ],
  );
});

/** Connections that read nothing, and what is written to them. */
async function silentReaders(count: number): Promise<readonly ServerResponse[]> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const responses: ServerResponse[] = [];
  for (let reader = 0; reader < count; reader += 1) {
    const socket = connect(address.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const [, response] = await once(server, "request");
    responses.push(response);
  }
  server.close();
  return responses;
}

test("many who read at once leave others turns of the event loop, one for each piece", async () => {
  await using http = await openHttpNode();
  const entry = "x".repeat(65_536);
  await Promise.all(Array.from({ length: 24 }, async () => await http.node.publish(entry)));
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const readers = Array.from({ length: 8 }, async () => {
    const response = await http.ask("/v1/entries");
    return (await response.text()).split("\n").length - 1;
  });
  assert.deepEqual(await Promise.all(readers), Array<number>(8).fill(24));
  isOver = true;
  assert.ok(turns >= 8 * 24, `${turns} turns for ${8 * 24} pieces`);
});

/** Writes until the reader is cut off. */
async function stuff(stalls: Stalls, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const bytes = new Uint8Array(1_048_576);
  while (!response.destroyed) await stalls.write(response, bytes, gone.signal);
}

test("who reads nothing is cut off in time", async () => {
  const bounds = { stallMs: 20, stalledBytesMax: 100_000_000, pieceBytes: 65_536 };
  const [reader] = await silentReaders(1);
  assert.ok(reader !== undefined);
  const closed = once(reader, "close");
  await stuff(new Stalls(systemClock(), bounds), reader);
  assert.equal(reader.destroyed, true);
  await closed;
});

test("who read nothing hold no more together than may be: the first is cut off", async () => {
  const bounds = { stallMs: 600_000, stalledBytesMax: 1_048_576, pieceBytes: 65_536 };
  const stalls = new Stalls(systemClock(), bounds);
  const [first, second] = await silentReaders(2);
  assert.ok(first !== undefined && second !== undefined);
  const cutOff = stuff(stalls, first);
  const other = stuff(stalls, second);
  await Promise.race([cutOff, other]);
  assert.equal([first, second].filter(({ destroyed }) => destroyed).length, 1);
  second.destroy();
  first.destroy();
  await Promise.all([cutOff, other]);
});

test("answers that are written without waiting count, too: who takes none is cut off", async () => {
  const bounds = { stallMs: 600_000, stalledBytesMax: 4_194_304, pieceBytes: 65_536 };
  const stalls = new Stalls(systemClock(), bounds);
  const [first, second] = await silentReaders(2);
  assert.ok(first !== undefined && second !== undefined);
  const line = `${"x".repeat(65_535)}\n`;
  for (const reader of [first, second]) {
    while (reader.writableLength < 3_000_000) {
      reader.write(line);
      stalls.count(reader);
    }
  }
  assert.deepEqual([first.destroyed, second.destroyed], [true, false]);
  second.destroy();
});
