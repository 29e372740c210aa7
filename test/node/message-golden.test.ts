/**
 * One message of each kind as the bytes that version 1 has on the wire. A change of a line is a
 * change of format: it needs a new version, not a new file. `REWRITE=1` writes the file anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Ballot, Decree, Message } from "../../consensus/index.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { batchOf } from "../storage/samples.ts";
import { joined } from "./codec-harness.ts";

const file = join(import.meta.dirname, "../golden/messages-v1.txt");

const ballot: Ballot = { government: 2, round: 300, id: "b" };
const accepted: Ballot = { government: 2, round: 1, id: "a.1" };
const body = Uint8Array.of(2, 0, 0, 0, 0x68, 0x69);
const hash = "0123456789abcdef";
const extent = { accepted, length: 130, decided: 128 };
const report = {
  government: 2,
  promised: ballot,
  ...extent,
  stateHash: hash,
  leading: null,
  quorumConnected: true,
  timely: false,
  hasRoom: true,
  hearsFit: ballot,
  chooses: null,
  starts: 3,
};
const batch: Decree = {
  slot: 129,
  time: 40,
  when: 1_700_000_000_000,
  value: batchOf(body, 7),
  hash,
};
const opening: Decree = { slot: 130, time: 41, when: -1, value: { kind: "opening" }, hash };
const decrees = [batch, opening];

const samples: { readonly [Kind in Message["kind"]]: Message & { readonly kind: Kind } } = {
  ping: { kind: "ping", round: 9, report, answer: null },
  pong: {
    kind: "pong",
    round: 9,
    report,
    answer: {
      starts: 2,
      round: 8,
      heard: {
        id: "c",
        cookie: "fedcba9876543210",
        starts: 1,
        promised: ballot,
        accepted,
        length: 4,
      },
    },
  },
  prepare: { kind: "prepare", ballot, ...extent },
  promised: { kind: "promised", ballot, ...extent, intact: 100, decrees },
  refused: { kind: "refused", ballot: accepted, promised: ballot },
  synchronize: {
    kind: "synchronize",
    ballot,
    slotFirst: 129,
    hashBefore: hash,
    decrees,
    decided: 128,
  },
  accept: { kind: "accept", ballot, decrees, decided: 128 },
  accepted: { kind: "accepted", ballot, length: 130 },
  resynchronize: { kind: "resynchronize", ballot, ...extent },
  decide: { kind: "decide", ballot, decided: 130 },
  confirm: { kind: "confirm", ballot, round: 5 },
  confirmed: { kind: "confirmed", ballot, round: 5 },
  fetch: { kind: "fetch", slotFirst: 129, follow: true },
  learn: { kind: "learn", decrees, decided: 2 ** 52 },
  ahead: { kind: "ahead", government: 2, decided: 130 },
  naturalize: { kind: "naturalize" },
  takeOver: { kind: "takeOver", ballot },
};

function bytesOf(message: Message): string {
  const bodies = "decrees" in message ? [body, null] : [];
  const bytes = joined(requestCodec.encode({ method: "receive", message, bodies }));
  return Buffer.from(bytes).toString("hex");
}

function golden(): ReadonlyMap<string, string> {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.split(" ")[1] ?? ""]));
}

test("each kind of message has the bytes of version 1", () => {
  const now = Object.entries(samples).map(([kind, message]) => `${kind} ${bytesOf(message)}\n`);
  if (process.env["REWRITE"] === "1") writeFileSync(file, now.join(""));
  else assert.equal(now.join(""), readFileSync(file, "utf8"));
});

test("the bytes of version 1 are read as what they were written for", () => {
  for (const [kind, hex] of golden()) {
    const request = requestCodec.decode(Uint8Array.from(Buffer.from(hex, "hex")));
    assert.ok(request.method === "receive");
    const sample = Object.values<Message>(samples).find((message) => message.kind === kind);
    assert.deepEqual(request.message, sample);
  }
  assert.equal(golden().size, Object.keys(samples).length);
});
