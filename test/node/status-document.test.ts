/** Statuses and reports from outside are taken only when every field has its type. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isNodeReport, isStatus } from "../../src/codec/status-document.ts";

const report = {
  id: "a",
  cookie: "00112233445566aa",
  version: "0.1.0",
  leader: "a",
  decided: { slot: 4, index: 2 },
  applied: { slot: 4, index: 2 },
  hash: { slot: 4, value: "8899aabbccddeeff" },
};

const status = {
  republic: { name: "sample", identity: "00112233445566aa" },
  government: { number: 1, leader: null, parliament: ["a"], constituents: [], parliamentSize: 3 },
  ballot: { government: 1, round: 1, id: "a" },
  decided: { slot: 4, index: 2 },
  members: [
    {
      ...report,
      url: "ws://127.0.0.1:7700",
      role: "leader",
      reachable: true,
      naturalized: true,
      eligible: true,
    },
  ],
};

test("a whole document passes, and further fields do not matter", () => {
  assert.ok(isNodeReport({ ...report, more: 1 }));
  assert.ok(isStatus({ ...status, more: 1 }));
});

test("a field of another type is refused wherever it stands", () => {
  for (const change of [
    { hash: { slot: 4, value: 7 } },
    { hash: { slot: "4", value: "8899aabbccddeeff" } },
    { hash: { slot: 4 } },
    { applied: { slot: 4 } },
    { leader: 1 },
    { version: null },
  ]) {
    const broken = { ...report, ...change };
    assert.equal(isNodeReport(broken), false, JSON.stringify(change));
    if ("leader" in change) continue;
    const member = { ...status.members[0], ...change };
    assert.equal(isStatus({ ...status, members: [member] }), false, JSON.stringify(change));
  }
  for (const nothing of [null, [], "", 0]) {
    assert.equal(isNodeReport(nothing), false);
    assert.equal(isStatus(nothing), false);
  }
});
