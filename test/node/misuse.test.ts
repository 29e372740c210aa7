/** What plain JavaScript may pass by mistake is refused by name, before anything is done. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Kibitzer, KibitzerClient } from "../../src/index.ts";
import { Harness } from "../client-harness.ts";
import { failureOf } from "./failure-of.ts";

test("options that are none are refused by name, and leave no directory", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "kibitz-misuse-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const directory = join(parent, "a");
  const mistakes: readonly (readonly [RegExp, string])[] = [
    [/options: wanted an object/, "null"],
    [/directory: wanted a path/, "{}"],
    [/timing: wanted an object/, JSON.stringify({ directory, id: "a", timing: null })],
    [/listen: wanted an array/, JSON.stringify({ directory, id: "a", listen: "ws://[::1]:1" })],
    [/"5"/, JSON.stringify({ directory, id: "a", listen: [5] })],
    [/port/, JSON.stringify({ directory, id: "a", port: 5 })],
    [/Option advertize: .*Did you mean "advertise"/, JSON.stringify({ directory, advertize: "x" })],
    [/"timing.pingMs"/, JSON.stringify({ directory, id: "a", timing: { pingMS: 5 } })],
    [/"tls.cert"/, JSON.stringify({ directory, id: "a", tls: { certs: "x" } })],
    [/token.file: wanted a path/, JSON.stringify({ directory, id: "a", token: { file: 5 } })],
  ];
  for (const [message, options] of mistakes) {
    const error = await failureOf(Kibitzer.open(JSON.parse(options)), { outcome: "none" });
    assert.match(error.message, message, options);
  }
  assert.equal(existsSync(directory), false);
});

test("a client wants an array of endpoints", async () => {
  for (const endpoints of ['"ws://127.0.0.1:7700"', "[]", "5", "null"]) {
    const error = await failureOf(KibitzerClient.connect(JSON.parse(endpoints)), {
      code: "KBZ_ARGUMENT",
      outcome: "none",
    });
    assert.match(error.message, /wanted an array of endpoints/);
  }
});

type Slip = readonly [message: RegExp, act: () => Promise<unknown>];

const has = (options: Readonly<Record<string, unknown>> | null): never => options as never;

/** Each with a slip in one name, as the compiler would see. */
function slips(log: Kibitzer | KibitzerClient): readonly Slip[] {
  const signal = new AbortController().signal as never;
  return [
    [/Option wiat: .*Did you mean "wait"/, async () => await log.publish("x", has({ wiat: 1 }))],
    [/Option aborted: wanted one of signal/, async () => await log.publish("x", signal)],
    [/options: wanted an object, found null/, async () => await log.publish("x", has(null))],
    [/Option form: .*Did you mean "from"/, async () => await log.entries(has({ form: 3 })).next()],
    [/Option singal: .*"signal"/, async () => await log.barrier(has({ singal: null }))],
    [/Option nonsense: wanted [^?]*$/, async () => await log.status(has({ nonsense: 1 }))],
    [/Option stail: /, async () => await log.query(new Uint8Array(1), has({ stail: 1 }))],
    [
      /Option insteadof: .*"insteadOf"/,
      async () => await log.promote("b", has({ insteadof: "a" })),
    ],
    [/Option insteadOf: /, async () => await log.demote("b", has({ insteadOf: "a" }))],
    [/wait: wanted true or .*"no"/, async () => await log.publish("x", has({ wait: "no" }))],
    [/follow: wanted true or false/, async () => await log.entries(has({ follow: 0 })).next()],
    [/Option progres: /, async () => await log.backup(has({ progres: 1 })).next()],
  ];
}

test("an option that is none is told with the nearest that there is, by a client", async () => {
  await using harness = new Harness();
  await harness.node("a");
  const client = await harness.client(["a"]);
  const own: readonly Slip[] = [
    [/"timeoutMs"/, async () => await client.publishMany(["x"], { timeoutMS: 5 } as never)],
    [/"heartbeatMs"/, async () => await client.readings({ heartBeat: 5 } as never).next()],
    [/"timeoutMs"/, async () => await harness.client(["a"], { timeout: 5 } as never)],
    [
      /publisher: wanted an obj/,
      async () => await harness.client(["a"], { publisher: "9" } as never),
    ],
    [
      /wanted an array of entries, .*, found string/,
      async () => await client.publishMany("abc" as never),
    ],
    [/wanted an array/, async () => await client.publishMany(new Uint8Array(2) as never)],
  ];
  for (const [message, act] of [...slips(client), ...own]) {
    const error = await failureOf(act(), { code: "KBZ_ARGUMENT", outcome: "none" });
    assert.match(error.message, message);
  }
  assert.equal(harness.republic.indexLast, 0);
  assert.equal((await client.publish("x", { wait: false, timeoutMs: 5000 })).index, 1);
});

test("joining says what is wrong with the endpoint, the signal, or a closed node", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "kibitz-misuse-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const listen = [`unix:${join(parent, "socket")}`];
  const node = await Kibitzer.open({ id: "a", directory: join(parent, "a"), listen });
  t.after(async () => await node.close());
  await failureOf(node.join(null, "http://x"), { code: "KBZ_ENDPOINT", outcome: "none" });
  for (const [message, act] of slips(node)) {
    const error = await failureOf(act(), { code: "KBZ_ARGUMENT", outcome: "none" });
    assert.match(error.message, message);
  }
  await failureOf(node.publish("x"), { code: "KBZ_NOT_FOUND", outcome: "none", retryable: true });
  const slip = { timeout: 5 } as never;
  for (const joining of [node.join(null, "tcp://127.0.0.1:1", slip), node.awaitInvitation(slip)]) {
    await failureOf(joining, { code: "KBZ_ARGUMENT", outcome: "none" });
  }
  const signal = AbortSignal.abort();
  const url = "tcp://127.0.0.1:1";
  await failureOf(node.join(null, url, { signal }), { code: "KBZ_ABORTED", outcome: "none" });
  await node.close();
  await failureOf(node.join(null, url), { code: "KBZ_CLOSED", outcome: "none" });
  await failureOf(node.publish("x"), { code: "KBZ_CLOSED", outcome: "none" });
  await failureOf(node.bootstrap("late"), { code: "KBZ_CLOSED", outcome: "none" });
});
