/** What `kibitz dev` starts from what it finds in its directory. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { CommandError } from "../../src/commands/command-error.ts";
import {
  planDev,
  removeDevPlan,
  removeStale,
  writeDevRecord,
  type DevRequest,
} from "../../src/commands/dev-directory.ts";

function requestIn(context: TestContext, changes: Partial<DevRequest> = {}): DevRequest {
  const data = mkdtempSync(join(tmpdir(), "kibitz-dev-"));
  context.after(() => rmSync(data, { recursive: true, force: true }));
  const given = { nodes: false, port: false };
  return { nodes: 3, port: 7700, data, fresh: false, given, ...changes };
}

/** As after a run that became ready, or did not. */
function made(request: DevRequest, wasReady: boolean, ids: readonly string[]): void {
  writeDevRecord(planDev(request), wasReady);
  for (const id of ids) {
    mkdirSync(join(request.data, id));
    writeFileSync(join(request.data, id, "node"), "");
  }
}

function refused(exitCode: number, words: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof CommandError && error.exitCode === exitCode && words.test(error.message);
}

test("an empty directory is for a new cluster", (context) => {
  const request = requestIn(context);
  const plan = planDev(request);
  assert.equal(plan.isNew, true);
  assert.deepEqual(plan.ports, [7700, 7701, 7702]);
  assert.deepEqual(
    plan.members.map(({ id, url }) => [id, url]),
    [
      ["a", "ws://127.0.0.1:7700"],
      ["b", "ws://127.0.0.1:7701"],
      ["c", "ws://127.0.0.1:7702"],
    ],
  );
  assert.equal(plan.members[1]?.data, join(request.data, "b"));
});

test("a later run takes the directory's shape; asking for another is a usage error", (context) => {
  const first = requestIn(context, { nodes: 5, port: 7800 });
  made(first, true, ["a", "b", "c", "d", "e"]);
  const again = { ...first, nodes: 3, port: 7700 };
  const plan = planDev(again);
  assert.deepEqual([plan.nodes, plan.port, plan.isNew, plan.wasReady], [5, 7800, false, true]);
  const given = { nodes: true, port: true };
  assert.throws(() => planDev({ ...again, given }), refused(2, /--nodes 5, not 3/));
  const port = { ...again, nodes: 5, given };
  assert.throws(() => planDev(port), refused(2, /--port 7800, not 7700/));
  assert.doesNotThrow(() => planDev({ ...first, given }));
});

test("fresh replaces what an earlier run made, and nothing else", (context) => {
  const request = requestIn(context, { nodes: 2, port: 7900 });
  made(request, true, ["a", "b"]);
  const kept = join(request.data, "notes.txt");
  writeFileSync(kept, "mine");
  const fresh = { ...request, nodes: 3, port: 7700, fresh: true };
  const plan = planDev(fresh);
  assert.equal(plan.isNew, true);
  // The old cluster may still be running: deleting under it would be no fresh start.
  assert.deepEqual(plan.ports, [7700, 7701, 7702, 7900, 7901]);
  assert.ok(existsSync(join(request.data, "a")), "a plan deletes nothing");
  removeStale(plan);
  assert.equal(existsSync(join(request.data, "a")), false);
  assert.ok(existsSync(kept));
});

test("a node's missing directory is told, never made anew", (context) => {
  const request = requestIn(context);
  made(request, true, ["a", "c"]);
  assert.throws(() => planDev(request), refused(5, /no b\b.*--fresh/));
});

test("a first run that was interrupted goes on", (context) => {
  const request = requestIn(context);
  made(request, false, ["b"]);
  const plan = planDev(request);
  assert.deepEqual([plan.wasReady, plan.isNew], [false, false]);
});

test("directories that dev did not make are left alone", (context) => {
  const request = requestIn(context);
  mkdirSync(join(request.data, "a"));
  assert.throws(() => planDev(request), refused(5, /not made by kibitz dev/));
  assert.throws(() => planDev({ ...request, fresh: true }), refused(5, /not made by/));
});

test("a damaged record is told", (context) => {
  const request = requestIn(context);
  writeFileSync(join(request.data, "dev.json"), '{"nodes":"3"}');
  assert.throws(() => planDev(request), refused(8, /not what kibitz dev wrote/));
});

test("ports end at 65535", (context) => {
  assert.throws(() => planDev(requestIn(context, { port: 65_534 })), refused(2, /above 65535/));
});

test("a failed first start leaves nothing behind", (context) => {
  const request = requestIn(context);
  made(request, false, ["a", "b"]);
  removeDevPlan(planDev(request));
  assert.equal(existsSync(request.data), false);
});
