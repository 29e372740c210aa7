/**
 * More is published than the bounds hold: it waits or is told so at once, and memory stays bounded.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KibitzerClient } from "../../src/client.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { Cluster } from "../processes/cluster.ts";
import { upTo } from "../processes/feed.ts";
import { Kit } from "../processes/kit.ts";

const count = 10_000;
const MiB = 1024 * 1024;

/** The next `count` indexes. */
function after(index: number, count: number): readonly number[] {
  return upTo(count).map((number) => index + number);
}

type Fate = { readonly index: number } | { readonly error: KibitzerError };

async function fateOf(published: Promise<{ readonly index: number }>): Promise<Fate> {
  try {
    return await published;
  } catch (error) {
    assert(error instanceof KibitzerError);
    return { error };
  }
}

async function getTheirTurn(endpoints: readonly string[]): Promise<void> {
  await using client = await KibitzerClient.connect(endpoints);
  const { index: before } = await client.barrier();
  const entry = new Uint8Array(4096);
  const published = upTo(count).map(async () => await client.publish(entry));
  const indexes = (await Promise.all(published)).map(({ index }) => index);
  assert.deepEqual(indexes, after(before, count));
}

async function stayWithinBounds(endpoints: readonly string[]): Promise<void> {
  await using client = await KibitzerClient.connect(endpoints);
  const { index: before } = await client.barrier();
  const entry = new Uint8Array(64 * 1024);
  const memory = process.memoryUsage();
  const withdrawal = new AbortController();
  const { signal } = withdrawal;
  const fates = upTo(count).map(() => fateOf(client.publish(entry, { signal })));
  const first = await fates[99];
  assert.ok(first !== undefined && "index" in first && first.index === before + 100);
  const { arrayBuffers } = process.memoryUsage();
  // 625 MiB would be the bytes of all of them.
  assert.ok(arrayBuffers - memory.arrayBuffers < 128 * MiB, `${arrayBuffers / MiB} MiB`);
  withdrawal.abort();

  const settled = await Promise.all(fates);
  const accepted = settled.flatMap((fate) => ("index" in fate ? [fate.index] : []));
  const errors = settled.flatMap((fate) => ("error" in fate ? [fate.error] : []));
  assert.deepEqual(accepted, after(before, accepted.length));
  assert.ok(errors.length > count / 2, "most never got in");
  const unknown = errors.filter(({ outcome }) => outcome === "unknown").length;
  for (const { code, outcome } of errors) {
    assert.equal(code, "KBZ_ABORTED");
    assert.ok(outcome === "none" || outcome === "unknown");
  }
  const { index } = await client.publish("last");
  assert.ok(index > before + accepted.length && index <= before + accepted.length + unknown + 1);
}

async function areRefusedAtOnce(endpoints: readonly string[]): Promise<void> {
  await using client = await KibitzerClient.connect(endpoints);
  const { index: before } = await client.barrier();
  const entry = new Uint8Array(64 * 1024);
  const settled = await Promise.all(
    upTo(count).map(() => fateOf(client.publish(entry, { wait: false }))),
  );
  const accepted = settled.flatMap((fate) => ("index" in fate ? [fate.index] : []));
  const errors = settled.flatMap((fate) => ("error" in fate ? [fate.error] : []));
  assert.deepEqual(accepted, after(before, accepted.length));
  assert.ok(accepted.length > 0 && errors.length > 0);
  for (const { code, outcome, retryable } of errors) {
    assert.deepEqual(
      { code, outcome, retryable },
      { code: "KBZ_BUSY", outcome: "none", retryable: true },
    );
  }
  assert.equal((await client.publish("last")).index, before + accepted.length + 1);
}

test("ten thousand publishes at once, thrice to one cluster", async (t) => {
  const cluster = await Cluster.start(Kit.open(t));
  const endpoints = cluster.endpoints.split(",");
  await t.test("that nobody awaits get their turn in order", () => getTheirTurn(endpoints));
  await t.test("that are large take no more memory than the bounds", () =>
    stayWithinBounds(endpoints),
  );
  await t.test("with { wait: false } what does not fit is refused at once as KBZ_BUSY", () =>
    areRefusedAtOnce(endpoints),
  );
});
