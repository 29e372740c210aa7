/** Publishing over HTTP: one entry or many, and retries that take effect once. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type ClientRequest, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { after, before, suite, test } from "node:test";
import { BodyRoom } from "../../src/http/body.ts";
import { KibitzerError } from "../../src/index.ts";
import { openHttpNode, problemOf, type HttpNode } from "./node.ts";

const lines = { "Content-Type": "application/x-ndjson" };

async function indexOf(response: Response): Promise<number> {
  assert.equal(response.status, 200);
  const text = await response.text();
  assert.ok(text.endsWith("\n"), "a shell's next output has its own line");
  const { index } = JSON.parse(text);
  assert.equal(response.headers.get("kibitz-index"), String(index));
  return index;
}

suite("http: publishing", () => {
  let http: HttpNode;
  before(async () => {
    http = await openHttpNode();
  });
  after(async () => await http[Symbol.asyncDispose]());

  type Headers = Readonly<Record<string, string>>;
  type Body = string | Uint8Array<ArrayBuffer>;

  async function post(body: Body, headers: Headers = {}): Promise<Response> {
    return await http.ask("/v1/entries", { method: "POST", body, headers });
  }

  async function publisher(): Promise<(sequence: number, more?: Headers) => Headers> {
    const response = await http.ask("/v1/publishers", { method: "POST" });
    assert.equal(response.status, 200);
    const { publisher } = JSON.parse(await response.text());
    assert.match(publisher, /^[1-9]\d*$/);
    return (sequence, more = {}) => ({
      "Kibitz-Publisher": publisher,
      "Kibitz-Sequence": String(sequence),
      ...more,
    });
  }

  async function textsFrom(from: number): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const entry of http.node.entries({ from, follow: false })) texts.push(entry.text());
    return texts;
  }

  test("the body is the entry, to the byte, whatever its type", async () => {
    const index = await indexOf(await post("hello"));
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    assert.equal(await indexOf(await post("a=b\n", form)), index + 1);
    assert.equal(await indexOf(await post("")), index + 2);
    const bytes = Uint8Array.of(0, 255, 10, 13);
    assert.equal(await indexOf(await post(bytes)), index + 3);
    const read = [];
    for await (const entry of http.node.entries({ from: index, follow: false })) {
      read.push(Buffer.from(entry.bytes));
    }
    assert.deepEqual(
      read,
      ["hello", "a=b\n", "", bytes].map((one) => Buffer.from(one)),
    );
  });

  test("each line is an entry, with a line that tells its index", async () => {
    const response = await post("one\n\n{}\r\nlast", lines);
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    const indexes = (await response.text()).split("\n").slice(0, -1);
    const first: unknown = JSON.parse(indexes[0] ?? "").index;
    assert.ok(typeof first === "number");
    assert.deepEqual(
      indexes,
      [0, 1, 2, 3].map((more) => `{"index":${first + more}}`),
    );
    assert.deepEqual(await textsFrom(first), ["one", "", "{}\r", "last"]);
    assert.equal(await (await post("", lines)).text(), "");
  });

  test("the same number has one effect, other bytes under it none", async () => {
    const numbered = await publisher();
    const index = await indexOf(await post("x", numbered(1)));
    assert.equal(await indexOf(await post("x", numbered(1))), index);
    const other = await post("y", numbered(1));
    assert.deepEqual(await problemOf(other), [409, "KBZ_PUBLISHER", false, "none"]);
    const twice = await Promise.all([post("z", numbered(2)), post("z", numbered(2))]);
    assert.deepEqual(await Promise.all(twice.map(indexOf)), [index + 1, index + 1]);
    assert.deepEqual(await textsFrom(index), ["x", "z"]);
  });

  test("a sequence waits for the one before it; lines repeated as they were are one", async () => {
    const numbered = await publisher();
    const [third, first] = [post("c", numbered(3)), post("a", numbered(1))];
    const index = await indexOf(await first);
    assert.equal(await indexOf(await post("b", numbered(2))), index + 1);
    assert.equal(await indexOf(await third), index + 2);
    const many = await (await post("d\ne\nf", numbered(4, lines))).text();
    assert.equal(await (await post("d\ne\nf", numbered(4, lines))).text(), many);
    const inside = await post("e", numbered(5));
    assert.deepEqual(await problemOf(inside), [409, "KBZ_PUBLISHER", false, "unknown"]);
    assert.deepEqual(await textsFrom(index), ["a", "b", "c", "d", "e", "f"]);
  });

  test("who skips a number is told which is next, in time", async () => {
    const numbered = await publisher();
    await indexOf(await post("a", numbered(1)));
    const early = await post("c", numbered(3));
    const problem = JSON.parse(await early.text());
    assert.deepEqual([early.status, problem.code, problem.retryable], [409, "KBZ_PUBLISHER", true]);
    assert.deepEqual([problem.outcome, problem.expected], ["none", 2]);
  });

  test("who is gone has its request given up", async () => {
    const numbered = await publisher();
    const gone = new AbortController();
    const init = { method: "POST", body: "given up", headers: numbered(2), signal: gone.signal };
    const early = http.ask("/v1/entries", init);
    await http.ask("/v1/status");
    gone.abort();
    await assert.rejects(early, { name: "AbortError" });
    await indexOf(await post("first", numbered(1)));
    await indexOf(await post("in its place", numbered(2)));
  });

  test("publishers that are unknown, and headers that are wrong, are told so", async () => {
    const unknown = { "Kibitz-Publisher": "987654", "Kibitz-Sequence": "1" };
    assert.deepEqual(await problemOf(await post("x", unknown)), [
      409,
      "KBZ_PUBLISHER",
      false,
      "none",
    ]);
    for (const headers of [
      { "Kibitz-Publisher": "1" },
      { "Kibitz-Sequence": "1" },
      { "Kibitz-Publisher": "1", "Kibitz-Sequence": "0" },
      // A whole number, but none that one node can tell another.
      { "Kibitz-Publisher": "1", "Kibitz-Sequence": "4503599627370497" },
      { "Kibitz-Publisher": "x", "Kibitz-Sequence": "1" },
    ]) {
      assert.deepEqual(await problemOf(await post("x", headers)), [
        400,
        "KBZ_ARGUMENT",
        false,
        "none",
      ]);
    }
  });

  test("bodies too large, encoded or of parts are refused, and nothing is taken", async () => {
    const { index } = await http.node.barrier();
    const large = new Uint8Array(1_048_577);
    assert.deepEqual(await problemOf(await post(large)), [413, "KBZ_TOO_LARGE", false, "none"]);
    const line = await post(large, lines);
    assert.deepEqual(await problemOf(line), [413, "KBZ_TOO_LARGE", false, "none"]);
    const parts = await post("--x--", { "Content-Type": "multipart/form-data; boundary=x" });
    assert.deepEqual(await problemOf(parts), [415, "KBZ_ARGUMENT", false, "none"]);
    const zipped = await post("x", { "Content-Encoding": "gzip" });
    assert.deepEqual(await problemOf(zipped), [415, "KBZ_ARGUMENT", false, "none"]);
    assert.equal((await http.node.barrier()).index, index);
  });

  test("what comes before a bad line is told, then the problem", async () => {
    const response = await post(`good\n${"x".repeat(1_048_577)}\nnever`, lines);
    assert.equal(response.status, 200);
    const [good, problem, ...rest] = (await response.text()).split("\n");
    assert.match(good ?? "", /^\{"index":\d+\}$/);
    assert.match(problem ?? "", /"status":413.*"code":"KBZ_TOO_LARGE".*"outcome":"none"/);
    assert.deepEqual(rest, [""]);
  });

  test("who sends on and on without an answer is cut off", async () => {
    const { hostname, port } = new URL(http.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.resume();
    socket.write("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200));
    await once(socket, "close");
    assert.equal((await http.ask("/v1/status")).status, 200);
  });

  test("all bodies together have a bound; what leaves makes room", () => {
    const room = new BodyRoom(10);
    const first = room.enter();
    first.take(6);
    using second = room.enter();
    assert.throws(
      () => second.take(5),
      (error) => error instanceof KibitzerError && error.code === "KBZ_BUSY" && error.retryable,
    );
    first[Symbol.dispose]();
    second.take(10);
  });
});

/** A request to publish that the node has begun to work on; its body is to come. */
async function begun(http: HttpNode, headers: OutgoingHttpHeaders): Promise<ClientRequest> {
  const sending = request(`${http.url}/v1/entries`, {
    method: "POST",
    headers: { ...headers, Expect: "100-continue" },
  });
  sending.flushHeaders();
  await once(sending, "continue");
  return sending;
}

async function textOf(sending: ClientRequest): Promise<string> {
  const [response] = await once(sending, "response");
  return Buffer.concat(await response.toArray()).toString();
}

test("a node that stops answers what it is publishing, and takes nothing new", async () => {
  const http = await openHttpNode();
  const sending = await begun(http, lines);
  const stopped = http.node.stop();
  const refused = await http.ask("/v1/entries", { method: "POST", body: "new" });
  assert.deepEqual(await problemOf(refused), [503, "KBZ_CLOSED", true, "none"]);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.headers.get("connection"), "close");
  sending.end("one\ntwo\n");
  assert.equal(await textOf(sending), '{"index":1}\n{"index":2}\n');
  await stopped;
  await http[Symbol.asyncDispose]();
});

test("whose request a node gives up as it closes is told so, with the truth", async () => {
  const http = await openHttpNode();
  const answer = await http.ask("/v1/publishers", { method: "POST" });
  const { publisher } = JSON.parse(await answer.text());
  const sending = await begun(http, { "Kibitz-Publisher": publisher, "Kibitz-Sequence": "2" });
  sending.end("waits for the first");
  await http.ask("/v1/status");
  const told = textOf(sending);
  await http[Symbol.asyncDispose]();
  const { status, code, retryable, outcome } = JSON.parse(await told);
  assert.deepEqual([status, code, retryable, outcome], [503, "KBZ_CLOSED", true, "none"]);
});

test("a node in no republic says so, and one that closes ends what waits", async () => {
  const http = await openHttpNode({ timing: { pingMs: 10, silenceMs: 40 } });
  const lonely = await openHttpNode({}, false);
  const refused = await lonely.ask("/v1/entries", { method: "POST", body: "x" });
  assert.deepEqual(await problemOf(refused), [503, "KBZ_NOT_FOUND", true, "none"]);
  assert.equal(refused.headers.get("retry-after"), "1");
  await lonely[Symbol.asyncDispose]();
  const waiting = http.ask("/v1/entries?after=1&from=1");
  await http.ask("/v1/status");
  await http[Symbol.asyncDispose]();
  assert.deepEqual(await problemOf(await waiting), [503, "KBZ_CLOSED", true, "none"]);
});
