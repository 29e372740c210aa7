/** History files, the recorder that writes them, and the command and page that judge them. */
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { checkHistory, models } from "./check.ts";
import { eventLine, headerLine, readHistory, type HistoryFile } from "./history-file.ts";
import { HistoryFormatError, Pairing, type HistoryEvent } from "./operation.ts";
import { drawPage } from "./page.ts";
import { HistoryRecorder, keepInMemory, writeLines } from "./recorder.ts";

const directory = mkdtempSync(join(tmpdir(), "kibitz-history-"));
after(() => rmSync(directory, { recursive: true }));

async function read(text: string, chunkBytes = 7): Promise<HistoryFile> {
  const bytes = Buffer.from(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    chunks.push(bytes.subarray(at, at + chunkBytes));
  }
  return await readHistory(chunks);
}

const event = fc.record({
  process: fc.constant("p"),
  f: fc.string({ minLength: 1, unit: "grapheme" }),
  value: fc.jsonValue(),
  time: fc.option(fc.nat()),
  key: fc.option(fc.string({ unit: "grapheme" })),
});

test("what is written is read back, however the bytes arrive", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.integer({ min: 1, max: 40 }), async (calls, chunk) => {
      const events = calls.flatMap((call): HistoryEvent[] => [
        { ...call, type: "invoke" },
        { ...call, type: "ok" },
      ]);
      const text = headerLine({ model: "kv", initial: 4 }) + events.map(eventLine).join("");
      const { header, operations, ...rest } = await read(text, chunk);
      assert.deepEqual(header, { model: "kv", initial: 4 });
      assert.deepEqual(rest, { events: events.length, strikes: [], truncated: false });
      const found = operations.map(({ f, key, input, output, invokedTime }) => {
        return { f, key, input, output, time: invokedTime };
      });
      const wanted = calls.map(({ f, key, value, time }) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        return { f, key, input: plain, output: plain, time };
      });
      assert.deepEqual(found, wanted);
    }),
    { numRuns: 60, seed: 20_261_121 },
  );
});

test("a history cut off at any byte is read up to there, and says so", async () => {
  const lines = [
    headerLine({ model: "log" }),
    `{"process":0,"type":"invoke","f":"publish","value":"ä"}\n`,
    `{"process":0,"type":"ok","f":"publish","value":1}\n`,
  ];
  const bytes = Buffer.from(lines.join(""));
  for (let length = 0; length <= bytes.length; length += 1) {
    const { truncated, events } = await readHistory([bytes.subarray(0, length)]);
    const whole = bytes.subarray(0, length).toString().split("\n").filter(isJson).length;
    assert.equal(events, Math.max(0, whole - 1), `events of ${length} bytes`);
    const last = bytes.subarray(0, length).toString().split("\n").at(-1) ?? "";
    assert.equal(truncated, last !== "" && !isJson(last), `${length} bytes`);
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("a line that is no event is refused with its number", async () => {
  const call = `{"process":0,"type":"invoke","f":"read","value":1}\n`;
  for (const [text, line, problem] of [
    [`${call}nonsense\n`, 2, /JSON object, got "nonsense"/],
    [`[1]\n`, 1, /JSON object/],
    [`{"history":2}\n`, 1, /version 1, got version 2/],
    [`${call}{"history":1}\n`, 2, /before all events/],
    [`{"history":1,"model":3}\n`, 1, /names a model/],
    [`{"process":-1,"type":"invoke","f":"read"}\n`, 1, /"process"/],
    [`{"process":0,"type":"maybe","f":"read"}\n`, 1, /"type"/],
    [`\n{"process":0,"type":"invoke"}\n`, 2, /"f" names/],
    [`{"process":0,"type":"invoke","f":"a","time":"noon"}\n`, 1, /"time"/],
    [`{"process":0,"type":"invoke","f":"a","key":[]}\n`, 1, /"key"/],
    [`{"process":0,"type":"ok","f":"read","value":1}\n`, 1, /has nothing open/],
    [`${call}${call}`, 2, /of line 1 is still open/],
    [`${call}{"process":0,"type":"ok","f":"write"}\n`, 2, /but line 1 began read/],
  ] as const) {
    await assert.rejects(read(text), (error) => {
      assert.ok(error instanceof HistoryFormatError);
      assert.equal(error.line, line);
      assert.match(error.message, problem);
      return true;
    });
  }
});

/** The events of one call and its answer. */
function operation(f: string, input: unknown, output: unknown, key: string | null = null) {
  const { sink, events } = keepInMemory();
  new HistoryRecorder({ sink }).invoke(0, f, input, key).ok(output);
  return events;
}

test("what a model does not have is refused with its line", () => {
  for (const [model, events, problem] of [
    ["register", operation("cas", [1, 2], true), /line 1: the register model has no cas/],
    ["cas-register", operation("cas", 1, true), /takes \[old, new\]/],
    ["kv", operation("get", null, 1), /names its key/],
    ["kv", operation("append", 1, 1, "k"), /takes a string/],
    ["queue", operation("push", 1, 1), /the queue model has no push/],
    ["queue", operation("enqueue", null, 1), /not null/],
    ["log", operation("publish", "x", 0), /an index from 1, got 0/],
    ["log", operation("read", 1, "x"), /gives a list/],
    ["log", operation("read", { from: 1, to: 1 }, ["x", "y"]), /no more than index 1/],
    ["log", operation("delete", 1, 1), /the log model has no delete/],
  ] as const) {
    const found = models.get(model);
    assert.ok(found !== undefined);
    assert.throws(() => checkHistory(operationsOf(events), { model: found }), problem);
  }
});

test("what a list held at first is a list, and is not left out for being none", () => {
  for (const name of ["log", "queue"]) {
    const model = models.get(name);
    assert.ok(model !== undefined);
    const check = () =>
      checkHistory(operationsOf(operation("any", null, null)), { model, initial: 0 });
    assert.throws(check, /line 1: a (log|queue) holds a list at first, got 0/);
  }
});

function operationsOf(events: readonly HistoryEvent[]): HistoryFile["operations"] {
  const pairing = new Pairing();
  for (const [place, each] of events.entries()) pairing.add(each, place + 1);
  return pairing.operations;
}

test("the recorder lends processes, and keeps one whose outcome is unknown from being used", () => {
  let now = 0;
  const { sink, events } = keepInMemory();
  const recorder = new HistoryRecorder({ sink, now: () => (now += 5) });
  const first = recorder.invoke(null, "publish", "x");
  const second = recorder.invoke(null, "publish", "y");
  first.ok(1);
  recorder.invoke(null, "barrier", null).fail("closed");
  second.info();
  recorder.invoke(null, "barrier", null);
  recorder.invoke(null, "barrier", null);
  const told = events.map(({ process, type, f }) => `${process} ${type} ${f}`);
  assert.deepEqual(told, [
    "0 invoke publish",
    "1 invoke publish",
    "0 ok publish",
    "0 invoke barrier",
    "0 fail barrier",
    "1 info publish",
    "0 invoke barrier",
    "2 invoke barrier",
  ]);
  assert.deepEqual(
    events.map(({ time }) => time),
    [5, 10, 15, 20, 25, 30, 35, 40],
  );
  assert.throws(() => first.ok(1), /ends once/);
  assert.throws(() => recorder.invoke(0, "barrier", null), /one thing at a time/);
});

function command(args: readonly string[], input = ""): SpawnSyncReturns<string> {
  const script = join(import.meta.dirname, "check-history.ts");
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", input });
}

/** A history of many processes; with `isBad`, somebody reads what was long overwritten. */
function written(name: string, count: number, isBad: boolean): string {
  let text = "";
  const sink = writeLines((line) => (text += line), { model: "register" });
  const recorder = new HistoryRecorder({ sink });
  for (let number = 0; number < count; number += 1) {
    const reading = recorder.invoke(null, "read", null);
    recorder.invoke(null, "write", `<b>${number}`).ok(null);
    reading.ok(`<b>${isBad && number === count - 9 ? 0 : number}`);
  }
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test("the command judges files: 0 for good ones, 1 for a bad one, 2 for what is no history", () => {
  const good = written("good.jsonl", 50, false);
  const bad = written("bad.jsonl", 50, true);
  const fine = command([good]);
  assert.equal(fine.status, 0, fine.stderr);
  assert.match(fine.stdout, /linearizable \(register\): 100 operations .* 2 processes on 1 object/);

  const both = command([good, bad, "--json"]);
  assert.equal(both.status, 1);
  const lines = both.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(lines[1].verdict, "not linearizable");
  assert.equal(lines[1].problem.unplaceable[0].output, "<b>0");
  assert.deepEqual(lines[2].summary, { linearizable: 1, "not linearizable": 1 });

  const ofInput = command(["-", "--model", "register", "--initial", "7"], oneRead);
  assert.equal(ofInput.status, 0, ofInput.stderr);
  for (const [args, input, problem] of [
    [["-"], oneRead, /^-: it does not say what it is of: --model is one of log, [^]*queue\n$/],
    [["-"], `{"history":1,"model":"stack"}\n`, /^-: no model "stack": --model is one of log/],
    [
      ["-", "--model", "stack"],
      oneRead,
      /^--model: wanted one of log, .*, got "stack"\n[^]*Usage:/,
    ],
    [["-", "--model", "register"], "what\n", /^-: line 1: wanted one JSON object/],
    [[join(directory, "none")], "", /ENOENT/],
    [["--html", "x", good, bad], "", /draws one FILE[^]*Usage:/],
    [["--html", join(directory, ".", "bad.jsonl"), bad], "", /another file than the history/],
    [["--nonsense"], "", /Usage:/],
  ] as const) {
    const { status, stdout, stderr } = command(args, input);
    assert.equal(status, 2, `${args.join(" ")}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, problem);
  }
});

const oneRead = `{"process":0,"type":"invoke","f":"read"}
{"process":0,"type":"ok","f":"read","value":7}
{"process":"nemesis","type":"info","f":"cut"}
{"process":0,"type":"inv`;

test("the command gives up at its bound with 3, and says what it gave up", () => {
  const path = join(directory, "hard.jsonl");
  let text = "";
  const recorder = new HistoryRecorder({ sink: writeLines((line) => (text += line), hard) });
  const open = Array.from({ length: 30 }, (_, value) => recorder.invoke(null, "write", value));
  for (const each of open) each.ok(null);
  recorder.invoke(null, "read", null).ok("none of them");
  writeFileSync(path, text);
  const { status, stdout } = command([path, "--memory", "0.2"]);
  assert.equal(status, 3);
  assert.match(stdout, /gave up after \d+ configurations, at the bound of 0.2 MiB/);
  assert.match(stdout, /unknown \(register\): 31 operations/);
});

const hard = { model: "register" };

test("a page that cannot be written is told without a stack, behind the verdict", () => {
  const bad = written("undrawn.jsonl", 50, true);
  const { status, stdout, stderr } = command([bad, "--html", join(directory, "none", "page")]);
  assert.equal(status, 2);
  assert.match(stdout, /not linearizable/);
  assert.match(stderr, /^\S+page: ENOENT.*\n$/);
});

test("the page is one file that asks nothing of the network, and escapes what it shows", () => {
  const html = join(directory, "page.html");
  const { status, stderr } = command([written("big.jsonl", 5000, true), "--html", html]);
  assert.equal(status, 1, stderr);
  const page = readFileSync(html, "utf8");
  assert.ok(page.length < 400_000, `${page.length} bytes for 10000 operations`);
  assert.match(page, /id="problem"/);
  assert.match(page, /of 10000 operations are drawn/);
  assert.doesNotMatch(page, /<b>\d/, "values are escaped");
  assert.doesNotMatch(page, /(src|href)=|url\((?!#fade)|@import|fetch\(|https?:/);
  assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
});

test("the page shows what was done to the system where it is drawn, and not beyond", async () => {
  const lines = [
    `{"process":"nemesis","type":"info","f":"too early"}`,
    `{"process":"a","type":"invoke","f":"write","value":1,"time":0}`,
    `{"process":"a","type":"ok","f":"write","value":null,"time":1000000}`,
    `{"process":"nemesis","type":"info","f":"killed <b>","value":"n1","time":2000000}`,
    `{"process":"b","type":"invoke","f":"read","value":null,"time":3000000}`,
    `{"process":"b","type":"ok","f":"read","value":null,"time":4000000}`,
    `{"process":"nemesis","type":"info","f":"too late"}`,
  ];
  const { operations, strikes } = await readHistory([Buffer.from(lines.join("\n"))]);
  assert.equal(strikes.length, 3);
  const model = models.get("register");
  assert.ok(model !== undefined);
  const report = checkHistory(operations, { model });
  const page = drawPage({ title: "t", operations, strikes, report });
  assert.match(page, /class="strike"[^]*killed &lt;b&gt; n1/);
  assert.equal(page.match(/class="strike"/g)?.length, 1);
  assert.doesNotMatch(page, /too (early|late)/);
});

test("the page draws unknown outcomes and the order that was found", () => {
  const { sink, events } = keepInMemory();
  const recorder = new HistoryRecorder({ sink });
  recorder.invoke("a", "write", 1).ok(null);
  recorder.invoke("b", "write", 2);
  recorder.invoke("a", "read", null).ok(2);
  recorder.invoke("a", "read", null).ok(1);
  const operations = operationsOf(events);
  const model = models.get("register");
  assert.ok(model !== undefined);
  const page = drawPage({ title: "t", operations, report: checkHistory(operations, { model }) });
  assert.match(page, /class="bar placed unknown"/);
  assert.match(page, /class="bar blocked" id="problem"/);
  assert.equal(page.match(/class="dot"/g)?.length, 3);
});
