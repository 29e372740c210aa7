/** What `kibitz bench` publishes, and what it says of it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bench, type BenchOptions } from "../../src/commands/bench.ts";
import { CommandError } from "../../src/commands/command-error.ts";
import { exitCodes } from "../../src/commands/exit-codes.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { captureOutput } from "./captured-output.ts";

let directory: string;
let node: Kibitzer;
let options: BenchOptions;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "kibitz-bench-"));
  const url = `unix:${directory}/socket`;
  node = await Kibitzer.open({ id: "a", directory: join(directory, "a"), listen: [url] });
  await node.bootstrap("bench");
  options = { endpoints: [url], timeout: 10_000, size: 100, outstanding: 8, duration: 200 };
});

after(async () => {
  await node.close();
  await rm(directory, { recursive: true });
});

/** How many entries more there are after `act`. */
async function published(act: () => Promise<void>): Promise<number> {
  const { index } = await node.barrier();
  await act();
  return (await node.barrier()).index - index;
}

test("each entry that it counts is in the log, and one more that it begins with", async () => {
  const captured = captureOutput();
  const count = await published(async () => {
    assert.equal(await bench({ ...options, json: true }, captured.output), exitCodes.ok);
  });
  const report = JSON.parse(await captured.stdout());
  assert.equal(report.acknowledged, count - 1);
  assert.ok(report.acknowledged > 0);
  assert.ok(report.seconds >= 0.2);
  assert.ok(Math.abs(report.rate * report.seconds - report.acknowledged) < 1e-6 * count);
  assert.ok(report.latency.p50 > 0 && report.latency.p50 <= report.latency.most);
  assert.deepEqual(
    [report.size, report.outstanding, report.endpoint],
    [100, 8, options.endpoints[0]],
  );
});

test("at a rate it publishes as many as are due, and no more", async () => {
  const captured = captureOutput();
  const count = await published(async () => {
    assert.equal(await bench({ ...options, rate: 100, json: true }, captured.output), exitCodes.ok);
  });
  assert.equal(count, 1 + 20);
  assert.equal(JSON.parse(await captured.stdout()).outstanding, null);
});

test("people get a table", async () => {
  const captured = captureOutput();
  assert.equal(await bench(options, captured.output), exitCodes.ok);
  assert.match(await captured.stdout(), /entries\/s[^]*entries acknowledged in 0\.\d s by unix:/);
});

test("entries that are too large are refused before anything is published", async () => {
  const captured = captureOutput();
  const count = await published(async () => {
    await assert.rejects(bench({ ...options, size: 2 ** 30 }, captured.output), (error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /--size/);
      return error.exitCode === exitCodes.usage;
    });
  });
  assert.equal(count, 0);
});
