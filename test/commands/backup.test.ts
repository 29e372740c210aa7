/** `kibitz backup` into a file: begun again where the snapshot that it began with goes away. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { verifyBackup } from "../../src/backup/backup-reading.ts";
import { backup } from "../../src/commands/backup.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { Response } from "../../src/requests.ts";
import { nodeNetwork } from "../../src/system/node-network.ts";
import { inChunks } from "../backup/cut-log.ts";
import { pieceOf, snapshotOf } from "../backup/small-log.ts";
import { FakeNode, FakeRepublic } from "../fake-republic.ts";
import { captureOutput } from "./captured-output.ts";

const gone = new KibitzerError("KBZ_TRUNCATED", "gone", { retryable: false, outcome: "none" });

/** Answers with its snapshot, which goes away in the midst so many times. */
async function nodeWhose(losses: number): Promise<FakeNode> {
  // The second one is shorter than what comes of the first, which must not stay behind it.
  const snapshots = [await snapshotOf(5, { parts: 8 }), await snapshotOf(5)];
  const node = new FakeNode("tcp://127.0.0.1:0", new FakeRepublic(), nodeNetwork());
  let left = losses;
  node.override = (request): Response | null => {
    if (request.method === "decrees") throw gone;
    if (request.method !== "snapshot") return null;
    const isLost = left > 0;
    if (isLost && request.offset > 6000) {
      left -= 1;
      return { kind: "refused", reason: "notFound", leader: null };
    }
    const bytes = snapshots[isLost ? 0 : 1] ?? assert.fail();
    return { kind: "chunk", offset: request.offset, ...pieceOf(bytes, request.offset) };
  };
  return node;
}

test("a file is begun again, and holds only the attempt that was whole", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-backup-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "file");
  await using often = await nodeWhose(99);
  const never = { endpoints: [await often.start()], timeout: 5000 };
  const { output } = captureOutput();
  await assert.rejects(backup(file, never, output), { code: "KBZ_TRUNCATED", retryable: true });
  assert.deepEqual(readdirSync(directory), [], "what is no backup does not stay");
  await using node = await nodeWhose(2);
  const captured = captureOutput();
  const options = { endpoints: [await node.start()], timeout: 5000 };
  assert.equal(await backup(file, options, captured.output), 0);
  const { bytes } = await verifyBackup(inChunks(readFileSync(file)));
  assert.match(
    await captured.stdout(),
    /no entries, no slots after a snapshot of all before slot 6, hash/,
  );
  assert.match(await captured.stdout(), new RegExp(`${bytes} bytes`));
  assert.deepEqual(readdirSync(directory), ["file"]);
  const taken = { name: "CommandError", exitCode: 5, message: /it is there.*--force/ };
  await assert.rejects(backup(file, options, output), taken);
  assert.equal(await backup(file, { ...options, force: true }, output), 0);
  const nowhere = backup(join(directory, "no", "file"), options, output);
  await assert.rejects(nowhere, { exitCode: 4, message: /there is no directory .*no: make it/ });
  const under = backup(join(file, "in"), options, output);
  await assert.rejects(under, { exitCode: 4, message: /there is no directory .*file: make it/ });
  const into = backup(directory, { ...options, force: true }, output);
  await assert.rejects(into, { exitCode: 2, message: /it is a directory: name a file/ });
  assert.deepEqual(
    readdirSync(dirname(directory)).filter((name) => name.endsWith(".tmp")),
    [],
  );
});
