/** What plain JavaScript may pass by mistake is refused by name, before anything is done. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Kibitzer, KibitzerClient } from "../../src/index.ts";
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

test("joining says what is wrong with the endpoint, the signal, or a closed node", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "kibitz-misuse-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const listen = [`unix:${join(parent, "socket")}`];
  const node = await Kibitzer.open({ id: "a", directory: join(parent, "a"), listen });
  t.after(async () => await node.close());
  await failureOf(node.join(null, "http://x"), { code: "KBZ_ENDPOINT", outcome: "none" });
  const signal = AbortSignal.abort();
  const url = "tcp://127.0.0.1:1";
  await failureOf(node.join(null, url, { signal }), { code: "KBZ_ABORTED", outcome: "none" });
  await node.close();
  await failureOf(node.join(null, url), { code: "KBZ_CLOSED", outcome: "none" });
  await failureOf(node.bootstrap("late"), { code: "KBZ_CLOSED", outcome: "none" });
});
