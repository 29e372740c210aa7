/**
 * More is published than the bounds hold: it waits or is told so at once, and memory stays bounded.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { Cluster } from "./cluster.ts";
import { upTo } from "./feed.ts";
import { Kit } from "./kit.ts";

const count = 10_000;
const MiB = 1024 * 1024;

type Fate = { readonly index: number } | { readonly error: KibitzerError };

async function fateOf(published: Promise<{ readonly index: number }>): Promise<Fate> {
  try {
    return await published;
  } catch (error) {
    assert(error instanceof KibitzerError);
    return { error };
  }
}

test("ten thousand publishes that nobody awaits get their turn in order", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  await using client = await KibitzerClient.connect(cluster.endpoints.split(","));
  const entry = new Uint8Array(4096);
  const published = upTo(count).map(async () => await client.publish(entry));
  const indexes = (await Promise.all(published)).map(({ index }) => index);
  assert.deepEqual(indexes, upTo(count));
});

test("ten thousand large publishes take no more memory than the bounds", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  await using client = await KibitzerClient.connect(cluster.endpoints.split(","));
  const entry = new Uint8Array(64 * 1024);
  const before = process.memoryUsage();
  const withdrawal = new AbortController();
  const { signal } = withdrawal;
  const fates = upTo(count).map(() => fateOf(client.publish(entry, { signal })));
  const first = await fates[99];
  assert.ok(first !== undefined && "index" in first && first.index === 100);
  const { arrayBuffers } = process.memoryUsage();
  // 625 MiB would be the bytes of all of them.
  assert.ok(arrayBuffers - before.arrayBuffers < 128 * MiB, `${arrayBuffers / MiB} MiB`);
  withdrawal.abort();

  const settled = await Promise.all(fates);
  const accepted = settled.flatMap((fate) => ("index" in fate ? [fate.index] : []));
  const errors = settled.flatMap((fate) => ("error" in fate ? [fate.error] : []));
  assert.deepEqual(accepted, upTo(accepted.length));
  assert.ok(errors.length > count / 2, "most never got in");
  const unknown = errors.filter(({ outcome }) => outcome === "unknown").length;
  for (const { code, outcome } of errors) {
    assert.equal(code, "KBZ_ABORTED");
    assert.ok(outcome === "none" || outcome === "unknown");
  }
  const { index } = await client.publish("last");
  assert.ok(index > accepted.length && index <= accepted.length + unknown + 1);
});

test("with { wait: false } what does not fit is refused at once as KBZ_BUSY", async (t) => {
  const kit = Kit.open(t);
  const cluster = await Cluster.start(kit);
  await using client = await KibitzerClient.connect(cluster.endpoints.split(","));
  const entry = new Uint8Array(64 * 1024);
  const settled = await Promise.all(
    upTo(count).map(() => fateOf(client.publish(entry, { wait: false }))),
  );
  const accepted = settled.flatMap((fate) => ("index" in fate ? [fate.index] : []));
  const errors = settled.flatMap((fate) => ("error" in fate ? [fate.error] : []));
  assert.deepEqual(accepted, upTo(accepted.length));
  assert.ok(accepted.length > 0 && errors.length > 0);
  for (const { code, outcome, retryable } of errors) {
    assert.deepEqual(
      { code, outcome, retryable },
      { code: "KBZ_BUSY", outcome: "none", retryable: true },
    );
  }
  assert.equal((await client.publish("last")).index, accepted.length + 1);
});
