/** Tables and progress as people see them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Status } from "../../src/api.ts";
import { progressText } from "../../src/commands/progress-line.ts";
import { statusText } from "../../src/commands/status-text.ts";

const sample: Status = {
  republic: { name: "sample", identity: "00112233445566aa" },
  government: {
    number: 3,
    leader: null,
    parliament: ["a", "b"],
    constituents: ["c"],
    parliamentSize: 3,
  },
  ballot: { government: 3, round: 7, id: "b" },
  decided: { slot: 12, index: 9 },
  members: [
    {
      id: "a",
      url: "ws://127.0.0.1:7700",
      role: "member",
      reachable: false,
      naturalized: true,
      eligible: true,
      decided: { slot: 11, index: 8 },
      applied: { slot: 10, index: 7 },
      hash: { slot: 10, value: "ffeeddccbbaa9988" },
      cookie: "8899aabbccddeeff",
      version: "0.1.0",
    },
  ],
};

test("the status shows republic, government and each member", () => {
  const text = stripVTControlCharacters(statusText(sample));
  assert.match(text, /^republic +sample \(00112233445566aa\)$/m);
  assert.match(text, /^government +3, leader unknown, parliament a, b$/m);
  assert.match(text, /^decided +index 9, slot 12, ballot 3\/7\/b$/m);
  assert.match(text, /a .*member .*no .*8 \(slot 11\).*7 \(slot 10\).*ffeeddccbbaa9988 @10/);
});

test("what an unreachable member would say is left open", () => {
  const [member] = sample.members;
  assert.ok(member !== undefined);
  const nowhere = { slot: 0, index: 0 };
  const silent = { decided: nowhere, applied: nowhere, hash: { slot: 0, value: "" }, version: "" };
  const found = { ...sample, members: [{ ...member, ...silent }] };
  const text = stripVTControlCharacters(statusText(found));
  assert.match(text, /a +│ member +│ no +│ – +│ – +│ – +│ – +│ ws:/);
});

test("progress knows its share where the size is known", () => {
  const state = { entries: 5, bytes: 50, bytesTotal: 200, rate: 10 };
  assert.equal(progressText(state), `${"█".repeat(6)}${"░".repeat(18)}  25%  5 accepted, 10/s`);
  assert.match(progressText({ ...state, bytes: 201 }), /█{24} 100%/);
  assert.match(progressText({ ...state, bytes: 0, bytesTotal: 0 }), /100%/);
  assert.equal(progressText({ ...state, bytesTotal: null }), "5 accepted, 10/s");
});
