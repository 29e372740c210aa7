/** What watchers of a node are told, by channels of Node.js and as spans of OpenTelemetry. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { trace, type Attributes, type Span, type Tracer } from "@opentelemetry/api";
import { Kibitzer, traceWithOpenTelemetry } from "../../src/index.ts";
import type { StateMachine } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";

const secret = "nobody else's business";

const counting: StateMachine = {
  apply: () => undefined,
  snapshot: () => [new Uint8Array(1)],
  restore: async () => undefined,
};

/** One entry, from an empty directory to a closed node, which has made a snapshot. */
async function life(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "kibitz-channels-"));
  const node = await Kibitzer.open({
    id: "a",
    directory,
    listen: ["tcp://127.0.0.1:0"],
    record: false,
    machine: counting,
    snapshot: { slots: 2 },
  });
  try {
    await node.bootstrap("watched");
    await node.publish(secret);
    await eventually("a snapshot", async () => {
      return /snapshot_bytes \d/.test(await node.metrics()) ? true : null;
    });
  } finally {
    await node.close();
    await rm(directory, { recursive: true });
  }
}

test("each channel tells its watchers what it is documented to, and no entry's bytes", async () => {
  const told = new Map<string, object[]>();
  const listen = (message: unknown, name: string | symbol): void => {
    assert.ok(typeof message === "object" && message !== null);
    told.set(String(name), [...(told.get(String(name)) ?? []), { ...message }]);
  };
  const traced = ["propose", "replicate", "fsync", "apply", "snapshot"];
  const names = [
    ...traced.flatMap((name) =>
      ["start", "asyncEnd"].map((at) => `tracing:kibitzer.${name}:${at}`),
    ),
    "kibitzer.role",
    "kibitzer.membership",
  ];
  for (const name of names) subscribe(name, listen);
  await life();
  for (const name of names) unsubscribe(name, listen);
  for (const name of names) assert.ok((told.get(name) ?? []).length > 0, name);
  const fields = (name: string): readonly string[] => {
    return Object.keys(told.get(name)?.[0] ?? {});
  };
  const begun = (name: string): readonly string[] => fields(`tracing:kibitzer.${name}:start`);
  assert.deepEqual(begun("propose"), ["node", "publisher", "sequence", "count", "bytes"]);
  assert.deepEqual(begun("replicate"), ["key"]);
  assert.deepEqual(begun("fsync"), ["segment", "directory"]);
  assert.deepEqual(begun("apply"), ["index", "count", "slot"]);
  assert.deepEqual(begun("snapshot"), ["slot", "index"]);
  assert.deepEqual(fields("kibitzer.role"), ["node", "role", "before"]);
  assert.deepEqual(fields("kibitzer.membership"), ["node", "members"]);
  const all = Buffer.from(JSON.stringify([...told]));
  assert.ok(!all.includes(secret) && !all.includes([...Buffer.from(secret)].join(",")));
});

test("OpenTelemetry gets a span of each, ended once, as long as it is wanted", async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  const attributes: Attributes = {};
  const span = (name: string): Partial<Span> => ({
    setAttributes(more) {
      Object.assign(attributes, more);
      return this as Span;
    },
    // A node that closes may give up the snapshot that is being made.
    setStatus() {
      return this as Span;
    },
    end: () => void ended.push(name),
  });
  const tracer: Partial<Tracer> = {
    startSpan: (name) => {
      begun.push(name);
      return span(name) as Span;
    },
  };
  trace.setGlobalTracerProvider({ getTracer: () => tracer as Tracer });
  const tracing = await traceWithOpenTelemetry();
  await life();
  tracing[Symbol.dispose]();
  trace.disable();
  assert.deepEqual(ended.toSorted(), begun.toSorted());
  const kinds = [...new Set(begun)].toSorted();
  const names = ["apply", "fsync", "propose", "replicate", "snapshot"];
  assert.deepEqual(
    kinds,
    names.map((name) => `kibitzer.${name}`),
  );
  assert.equal(attributes["kibitzer.outcome"], "decided");
  const count = begun.length;
  await life();
  assert.equal(begun.length, count);
});
