/**
 * What every Caller and Callee promises, whatever the network between them: the suite that each
 * kind of transport imports and passes.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { crc32 } from "../../src/codec/crc32.ts";
import { TransportError } from "../../transport/index.ts";
import type {
  Callee,
  Caller,
  CallerOptions,
  Codec,
  Hello,
  Lane,
  Listener,
  Transport,
  TransportOptions,
} from "../../transport/index.ts";

export interface Parcel {
  readonly verb: string;
  readonly body: Uint8Array;
}

export type ParcelOptions = Partial<TransportOptions<Parcel, Parcel>>;

/** A network between two nodes that the suite can hurt. */
export interface Harness extends AsyncDisposable {
  /** Where the callee listens; the port may be left to the system. */
  readonly url: string;
  transport(side: "caller" | "callee", options?: ParcelOptions): Transport<Parcel, Parcel>;
  /** The url to call, for a listener's own: it may lead over the part that can be hurt. */
  via(url: string): Promise<string>;
  /** Ends all connections at once, with no goodbye. */
  cut(): void;
  /** Connections that have carried more than so many bytes towards the callee carry no more. */
  stallAfter(bytes: number): void;
  /** Sends bytes of no protocol; resolves once the callee's side has closed. Null without bytes. */
  readonly rubbish: ((url: string, bytes: Uint8Array) => Promise<void>) | null;
}

/** Verb "decode!" cannot be decoded; everything else travels as it is. */
export const parcelCodec: Codec<Parcel> = {
  encode({ verb, body }) {
    const head = new TextEncoder().encode(` ${verb}`);
    head[0] = head.length - 1;
    return [head, body];
  },
  decode(bytes) {
    const length = bytes[0];
    if (length === undefined || length >= bytes.length + 1) throw new Error("no parcel");
    const verb = new TextDecoder().decode(bytes.subarray(1, 1 + length));
    if (verb === "decode!") throw new Error("cannot be decoded");
    return { verb, body: bytes.subarray(1 + length) };
  },
};

export const parcelOptions: TransportOptions<Parcel, Parcel> = {
  requestCodec: parcelCodec,
  responseCodec: parcelCodec,
  checksum: crc32,
};

const none = new Uint8Array(0);
const timeoutMs = 10_000;
const parcel = (verb: string, body: Uint8Array = none): Parcel => ({ verb, body });

export function helloOf(id: string, republic: string | null = "r#1"): Hello {
  const node = { id, cookie: `cookie-${id}`, starts: 3, url: `memory:${id}` };
  return { republic, node, version: "0.0.1" };
}

/** A frame of the head's twelve bytes and `body`, with its checksum between them. */
function sealed(head: readonly number[], body: readonly number[] = []): readonly number[] {
  const checksum = new Uint8Array(4);
  new DataView(checksum.buffer).setUint32(0, crc32(Uint8Array.from([...head, ...body])));
  return [...head, ...checksum, ...body];
}

/** A callee that answers by a table of verbs and remembers what it was asked. */
class Scripted implements Callee<Parcel, Parcel> {
  readonly asked: string[] = [];
  readonly heard: string[] = [];
  readonly refusals: Error[] = [];
  readonly from: Hello[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #hello: Hello;
  readonly #waiters: { readonly done: () => boolean; readonly resolve: () => void }[] = [];
  script: (request: Parcel, signal: AbortSignal) => Promise<Parcel> = (request) =>
    Promise.resolve(request);

  constructor(hello: Hello) {
    this.#hello = hello;
  }

  hello(): Hello {
    return this.#hello;
  }

  answer(request: Parcel, from: Hello, signal: AbortSignal): Promise<Parcel> {
    this.asked.push(request.verb);
    this.from.push(from);
    this.signals.push(signal);
    this.#notice();
    return this.script(request, signal);
  }

  hear(request: Parcel): void {
    this.heard.push(request.verb);
    this.#notice();
  }

  refused(detail: { readonly error: Error }): void {
    this.refusals.push(detail.error);
    this.#notice();
  }

  /** Resolves when `done` holds after something happened here. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ done, resolve }));
  }

  #notice(): void {
    for (const waiter of this.#waiters) if (waiter.done()) waiter.resolve();
  }
}

interface SceneOptions {
  readonly limits?: ParcelOptions["limits"];
  readonly republic?: string | null;
  readonly calleeProtocol?: number;
  readonly caller?: Partial<CallerOptions>;
}

interface SceneParts {
  readonly harness: Harness;
  readonly callee: Scripted;
  readonly listener: Listener;
  readonly caller: Caller<Parcel, Parcel>;
  readonly options: SceneOptions;
}

/** A callee that listens and a caller that calls it, both gone at the end of the test. */
class Scene implements AsyncDisposable {
  readonly harness: Harness;
  readonly callee: Scripted;
  readonly caller: Caller<Parcel, Parcel>;
  listener: Listener;
  readonly #options: SceneOptions;

  constructor(parts: SceneParts) {
    this.harness = parts.harness;
    this.callee = parts.callee;
    this.caller = parts.caller;
    this.listener = parts.listener;
    this.#options = parts.options;
  }

  static async open(harness: Harness, options: SceneOptions): Promise<Scene> {
    const { limits = {}, republic = "r#1" } = options;
    const callee = new Scripted(helloOf("b"));
    const listener = await listen(harness, options, harness.url, callee);
    const caller = harness
      .transport("caller", { limits })
      .connect(await harness.via(listener.url), {
        hello: () => helloOf("a", republic),
        fraction: () => 0.5,
        ...options.caller,
      });
    return new Scene({ harness, callee, listener, caller, options });
  }

  async restart(): Promise<void> {
    this.listener = await listen(this.harness, this.#options, this.listener.url, this.callee);
  }

  call(verb: string, body: Uint8Array = none, lane: Lane = "bulk"): Promise<Parcel> {
    return this.caller.call(parcel(verb, body), { lane, timeoutMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.caller[Symbol.asyncDispose]();
    await this.listener[Symbol.asyncDispose]();
    await this.harness[Symbol.asyncDispose]();
  }
}

function listen(
  harness: Harness,
  options: SceneOptions,
  url: string,
  callee: Scripted,
): Promise<Listener> {
  const { limits = {}, calleeProtocol: protocol = 1 } = options;
  return harness.transport("callee", { limits, protocol }).listen(url, callee);
}

/** What the rejection said: its code and its outcome. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    assert.ok(error.message.length > 20, "a message says what was wanted and found");
    return `${error.code} ${error.outcome}`;
  }
  return "no failure";
}

const never = (): Promise<Parcel> => new Promise(() => undefined);

export function callerConformance(name: string, makeHarness: () => Promise<Harness>): void {
  const scene = async (options: SceneOptions = {}): Promise<Scene> =>
    await Scene.open(await makeHarness(), options);

  suite(`${name}: answers`, () => answers(scene));
  suite(`${name}: tells`, () => tells(scene));
  suite(`${name}: failures`, () => failures(scene));
  suite(`${name}: connections`, () => connections(scene));
  suite(`${name}: the door`, () => door(scene));
  suite(`${name}: frames in parts`, () => partials(scene));
}

type MakeScene = (options?: SceneOptions) => Promise<Scene>;

function answers(scene: MakeScene): void {
  test("an answer is the answer to its request, on both lanes", async () => {
    await using s = await scene();
    const answer = await s.call("echo", new Uint8Array([1, 2, 3]));
    assert.deepEqual([...answer.body], [1, 2, 3]);
    assert.equal((await s.call("again", none, "control")).verb, "again");
    assert.deepEqual(s.callee.asked, ["echo", "again"]);
  });

  test("both sides know who the other says it is", async () => {
    await using s = await scene();
    await s.call("who", none, "control");
    assert.deepEqual(s.callee.from[0], helloOf("a"));
    assert.deepEqual(s.caller.remote, helloOf("b"));
    assert.equal(s.caller.connected, true);
  });

  test("answers come in any order and find their calls", async () => {
    await using s = await scene({ limits: { callsInFlightMax: { control: 8, bulk: 64 } } });
    const held: { readonly verb: string; readonly release: () => void }[] = [];
    s.callee.script = (request) =>
      new Promise((resolve) => {
        held.push({ verb: request.verb, release: () => resolve(parcel(`re:${request.verb}`)) });
        const releaseAll = (): void => held.toReversed().forEach((one) => one.release());
        if (held.length === 64) queueMicrotask(releaseAll);
      });
    const verbs = Array.from({ length: 64 }, (_, index) => `v${index}`);
    const order: string[] = [];
    await Promise.all(
      verbs.map(async (verb) => {
        assert.equal((await s.call(verb)).verb, `re:${verb}`);
        order.push(verb);
      }),
    );
    assert.deepEqual(order, verbs.toReversed());
    assert.deepEqual(s.callee.asked, verbs);
  });

  test("a body of 1 MiB goes there and back unchanged, and an empty one too", async () => {
    await using s = await scene();
    const body = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 7919) >>> 3);
    const answer = await s.call("big", body);
    assert.equal(Buffer.compare(answer.body, body), 0);
    assert.equal((await s.call("", none)).body.length, 0);
  });

  test("a request too large is refused here, an answer too large there", async () => {
    await using s = await scene({ limits: { frameBytesMax: 5000 } });
    assert.equal(await failureOf(s.call("big", new Uint8Array(5000))), "KBZ_TOO_LARGE none");
    assert.deepEqual(s.callee.asked, []);
    s.callee.script = () => Promise.resolve(parcel("big", new Uint8Array(5000)));
    assert.equal(await failureOf(s.call("small")), "KBZ_TOO_LARGE unknown");
    s.callee.script = (request) => Promise.resolve(request);
    assert.equal((await s.call("fits", new Uint8Array(4900))).body.length, 4900);
  });
}

function tells(scene: MakeScene): void {
  test("what is told on one lane is heard in order, with what is called", async () => {
    await using s = await scene();
    await s.call("ready");
    const verbs = Array.from({ length: 1000 }, (_, index) => `t${index}`);
    for (const verb of verbs) assert.equal(s.caller.tell(parcel(verb), "bulk"), true);
    await s.call("done");
    assert.deepEqual(s.callee.heard, verbs);
  });

  test("large and small ones keep their order and their bytes", async () => {
    await using s = await scene();
    await s.call("ready");
    const sizes = [0, 5, 70_000, 1, 4096, 4097, 300_000, 0, 65_520, 9];
    for (const size of sizes)
      assert.ok(s.caller.tell(parcel(`${size}`, new Uint8Array(size)), "bulk"));
    await s.call("done");
    assert.deepEqual(s.callee.heard, sizes.map(String));
  });

  test("nothing is told without a connection, nor more than the limit", async () => {
    await using s = await scene({ limits: { queuedBytesMax: 100_000 } });
    await s.call("ready");
    const told = Array.from({ length: 20 }, () =>
      s.caller.tell(parcel("x", new Uint8Array(9000)), "bulk"),
    );
    assert.equal(told.filter(Boolean).length, 11);
    await s.call("after");
    assert.equal(s.callee.heard.length, 11);
    await s.listener[Symbol.asyncDispose]();
    assert.match(await failureOf(s.call("away")), /^KBZ_DISCONNECTED/);
    assert.equal(s.caller.tell(parcel("away"), "bulk"), false);
  });

  test("control passes while bulk is stuffed", async () => {
    await using s = await scene({ limits: { queuedBytesMax: 8 * 1024 * 1024 } });
    await s.call("ready");
    s.harness.stallAfter(1024 * 1024);
    let told = 0;
    while (s.caller.tell(parcel("load", new Uint8Array(512 * 1024)), "bulk")) told += 1;
    assert.ok(told >= 15, `${told} of 512 KiB fit into 8 MiB`);
    const stuck = failureOf(s.caller.call(parcel("stuck"), { lane: "bulk", timeoutMs: 200 }));
    assert.equal((await s.call("ping", none, "control")).verb, "ping");
    assert.ok(s.callee.heard.length < told, "bulk is still stuck");
    assert.match(await stuck, /^KBZ_(TIMEOUT unknown|BUSY none)$/);
  });
}

function failures(scene: MakeScene): void {
  test("a deadline ends the waiting, and the callee is told", async () => {
    await using s = await scene();
    s.callee.script = never;
    const call = s.caller.call(parcel("slow"), { lane: "bulk", timeoutMs: 60 });
    assert.equal(await failureOf(call), "KBZ_TIMEOUT unknown");
    await aborted(s.callee.signals[0]);
    s.callee.script = (request) => Promise.resolve(request);
    assert.equal((await s.call("next")).verb, "next");
  });

  test("an abort is seen on both sides; one before the call sends nothing", async () => {
    await using s = await scene();
    s.callee.script = never;
    const controller = new AbortController();
    const options = { lane: "bulk", timeoutMs, signal: controller.signal } as const;
    const call = s.caller.call(parcel("slow"), options);
    const failure = call.catch((error: unknown) => error);
    await s.callee.until(() => s.callee.asked.length === 1);
    const reason = new Error("changed my mind");
    controller.abort(reason);
    const error = await failure;
    assert.ok(error instanceof TransportError);
    assert.equal(`${error.code} ${error.outcome}`, "KBZ_ABORTED unknown");
    assert.equal(error.cause, reason);
    await aborted(s.callee.signals[0]);
    assert.equal(await failureOf(s.caller.call(parcel("not"), options)), "KBZ_ABORTED none");
    assert.deepEqual(s.callee.asked, ["slow"]);
  });

  test("a failure of the callee comes with its code, and without its stack", async () => {
    await using s = await scene();
    const coded = { code: "KBZ_NO_QUORUM", outcome: "applied", retryable: true };
    s.callee.script = () => Promise.reject(Object.assign(new Error("no majority"), coded));
    const error = await s.call("x").catch((error: unknown) => error);
    assert.ok(error instanceof TransportError);
    assert.equal(`${error.code} ${error.outcome} ${error.retryable}`, "KBZ_REMOTE unknown true");
    assert.deepEqual(error.remote, { ...coded, message: "no majority" });

    s.callee.script = () =>
      Promise.reject(new TransportError("KBZ_BUSY", "The leader is busy.", { outcome: "none" }));
    assert.equal(await failureOf(s.call("x")), "KBZ_BUSY none");

    s.callee.script = () => Promise.reject(new Error("plain"));
    const plain = await s.call("x").catch((error: unknown) => error);
    assert.ok(plain instanceof TransportError);
    assert.equal(`${plain.code} ${plain.outcome}`, "KBZ_REMOTE unknown");
    assert.match(plain.message, /plain/);
    assert.doesNotMatch(JSON.stringify(plain.remote), /\.ts/);

    s.callee.script = () => {
      throw new Error("thrown at once");
    };
    assert.equal(await failureOf(s.call("x")), "KBZ_REMOTE unknown");
  });

  test("a callee that is not there gets nothing", async () => {
    await using s = await scene();
    await s.listener[Symbol.asyncDispose]();
    const failure = await failureOf(s.call("x"));
    assert.match(failure, /^KBZ_DISCONNECTED (none|unknown)$/);
    assert.equal(await failureOf(s.call("x")), "KBZ_DISCONNECTED none");
    assert.equal(await failureOf(s.call("y")), "KBZ_DISCONNECTED none");
    assert.deepEqual(s.callee.asked, []);
  });

  test("a connection that dies leaves the outcome unknown, and nothing is done twice", async () => {
    const downs: (Error | null)[] = [];
    await using s = await scene({ caller: { down: (error) => downs.push(error) } });
    s.callee.script = never;
    const failure = failureOf(s.call("once"));
    await s.callee.until(() => s.callee.asked.length === 1);
    s.harness.cut();
    assert.equal(await failure, "KBZ_DISCONNECTED unknown");
    assert.ok(downs.length >= 1);
    await aborted(s.callee.signals[0]);
    s.callee.script = (request) => Promise.resolve(request);
    assert.equal((await s.call("second")).verb, "second");
    assert.deepEqual(s.callee.asked, ["once", "second"]);
  });

  test("more calls than may be in flight wait, more than may wait are refused", async () => {
    const limits = { callsInFlightMax: { control: 1, bulk: 2 }, callsWaitingMax: 2 };
    await using s = await scene({ limits });
    await s.call("ready");
    let underWay = 0;
    let most = 0;
    const releases: (() => void)[] = [];
    s.callee.script = async (request) => {
      underWay += 1;
      most = Math.max(most, underWay);
      if (releases.length < 2) await new Promise<void>((resolve) => releases.push(resolve));
      underWay -= 1;
      return request;
    };
    const calls = ["1", "2", "3", "4"].map((verb) => s.call(verb));
    assert.equal(await failureOf(s.call("5")), "KBZ_BUSY none");
    await s.callee.until(() => releases.length === 2 || s.callee.asked.length === 3);
    await s.call("free", none, "control").catch(() => undefined);
    for (const release of releases) release();
    assert.deepEqual(
      (await Promise.all(calls)).map(({ verb }) => verb),
      ["1", "2", "3", "4"],
    );
    assert.ok(most <= 3, `${most} were under way`);
    assert.ok(!s.callee.asked.includes("5"));
  });
}

function connections(scene: MakeScene): void {
  test("a caller comes back when the listener does", async () => {
    let ups = 0;
    await using s = await scene({ caller: { up: () => (ups += 1) } });
    await s.call("before", none, "control");
    await s.listener[Symbol.asyncDispose]();
    assert.match(await failureOf(s.call("away", none, "control")), /^KBZ_DISCONNECTED/);
    assert.equal(s.caller.connected, false);
    await s.restart();
    // The attempt under way may have been refused just before: the next one is not.
    const answer = await s
      .call("after", none, "control")
      .catch(() => s.call("after", none, "control"));
    assert.equal(answer.verb, "after");
    assert.equal(ups, 2);
    assert.deepEqual(s.callee.asked, ["before", "after"]);
  });

  test("closing rejects what is pending, within a bound", async () => {
    await using s = await scene();
    s.callee.script = never;
    const pending = failureOf(s.call("pending"));
    await s.callee.until(() => s.callee.asked.length === 1);
    await s.caller[Symbol.asyncDispose]();
    assert.equal(await pending, "KBZ_CLOSED unknown");
    assert.equal(await failureOf(s.call("late")), "KBZ_CLOSED none");
    assert.equal(s.caller.tell(parcel("late"), "bulk"), false);
    assert.equal(s.caller.connected, false);
    await aborted(s.callee.signals[0]);
    assert.deepEqual(s.callee.asked, ["pending"]);
  });

  test("what was told before closing still leaves", async () => {
    await using s = await scene();
    await s.call("ready");
    assert.equal(s.caller.tell(parcel("last words"), "bulk"), true);
    await s.caller[Symbol.asyncDispose]();
    await s.callee.until(() => s.callee.heard.length === 1);
    assert.deepEqual(s.callee.heard, ["last words"]);
  });

  test("an address in use is refused by name", async () => {
    await using s = await scene();
    const again = s.harness.transport("callee").listen(s.listener.url, s.callee);
    await assert.rejects(again, (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "KBZ_ADDRESS");
      assert.ok(error.message.includes(s.listener.url));
      return true;
    });
    assert.equal((await s.call("still")).verb, "still");
  });

  test("an endpoint of no known kind is refused", async () => {
    await using s = await scene();
    const transport = s.harness.transport("caller");
    const options = { hello: () => helloOf("a"), fraction: () => 0 };
    const isRefusal = { name: "TransportError", code: "KBZ_ENDPOINT" };
    assert.throws(() => transport.connect("gopher://x:1", options), isRefusal);
    await assert.rejects(async () => transport.listen("nonsense", s.callee), isRefusal);
  });
}

function door(scene: MakeScene): void {
  test("another republic is refused, and both sides are told", async () => {
    await using s = await scene({ republic: "other#2" });
    assert.equal(await failureOf(s.call("x")), "KBZ_REPUBLIC none");
    await s.callee.until(() => s.callee.refusals.length >= 1);
    const codes = s.callee.refusals.map((error) => error instanceof TransportError && error.code);
    assert.ok(
      codes.every((code) => code === "KBZ_REPUBLIC"),
      String(codes),
    );
    assert.deepEqual(s.callee.asked, []);
  });

  test("who has no republic yet is let in", async () => {
    await using s = await scene({ republic: null });
    assert.equal((await s.call("hello")).verb, "hello");
    assert.equal(s.callee.from[0]?.republic, null);
  });

  test("another version is refused, and both sides are told", async () => {
    await using s = await scene({ calleeProtocol: 2 });
    assert.equal(await failureOf(s.call("x")), "KBZ_VERSION none");
    await s.callee.until(() => s.callee.refusals.length >= 1);
    const codes = s.callee.refusals.map((error) => error instanceof TransportError && error.code);
    assert.ok(
      codes.every((code) => code === "KBZ_VERSION"),
      String(codes),
    );
    assert.deepEqual(s.callee.asked, []);
  });

  test("a request that cannot be read cuts its sender off", async () => {
    await using s = await scene();
    assert.equal(await failureOf(s.call("decode!")), "KBZ_MALFORMED none");
    assert.equal((await s.call("after")).verb, "after");
    assert.equal(s.callee.refusals.length, 1);
    assert.ok(s.caller.tell(parcel("decode!"), "bulk"));
    await s.callee.until(() => s.callee.refusals.length === 2);
    assert.deepEqual(s.callee.asked, ["after"]);
    assert.deepEqual(s.callee.heard, []);
  });

  test("rubbish is refused once a connection, and hurts nobody else", async () => {
    await using s = await scene({ limits: { handshakeMs: 300 } });
    const { rubbish } = s.harness;
    await s.call("ready");
    if (rubbish === null) return;
    const bytes = [
      [0, 0, 0, 0],
      [255, 255, 255, 255, 1, 1],
      sealed([0, 0, 0, 13, 1, 1, 0, 0, 0, 0, 0, 0], [0x7b]),
      sealed([0, 0, 0, 12, 1, 2, 0, 0, 0, 0, 0, 1]),
      sealed([0, 0, 0, 12, 1, 8, 0, 0, 0, 0, 0, 0]),
      [0, 0, 0, 13, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7b],
      [0, 0, 1, 0, 1, 1, 0, 0, 0, 0],
      [...new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
      Array.from({ length: 100_000 }, (_, index) => (index * 31) & 255),
    ];
    for (const [index, one] of bytes.entries()) {
      await rubbish(s.listener.url, Uint8Array.from(one));
      await s.callee.until(() => s.callee.refusals.length > index);
    }
    assert.equal(s.callee.refusals.length, bytes.length);
    assert.ok(s.callee.refusals.every((error) => error instanceof TransportError));
    assert.equal((await s.call("unharmed")).verb, "unharmed");
  });
}

function partials(scene: MakeScene): void {
  test("a frame that does not come to its end is told once, and hurts nobody else", async () => {
    await using s = await scene({ limits: { partialMs: 100 } });
    const { rubbish } = s.harness;
    await s.call("ready");
    if (rubbish === null) return;
    const text = JSON.stringify({ protocol: "kibitzer", lane: "bulk", ...helloOf("c") });
    const head = [0, 0, 0, 12 + text.length, 1, 1, 0, 0, 0, 0, 0, 0];
    const hello = sealed(head, [...new TextEncoder().encode(text)]);
    const partial = [0, 255, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 120];
    await rubbish(s.listener.url, Uint8Array.from([...hello, ...partial]));
    await s.callee.until(() => s.callee.refusals.length > 0);
    const codes = s.callee.refusals.map((error) => error instanceof TransportError && error.code);
    assert.deepEqual(codes, ["KBZ_TIMEOUT"]);
    assert.equal((await s.call("unharmed")).verb, "unharmed");
  });
}

async function aborted(signal: AbortSignal | undefined): Promise<void> {
  assert.ok(signal !== undefined);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  assert.ok(signal.reason instanceof TransportError);
}
