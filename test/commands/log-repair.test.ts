/** `kibitz log verify` names what is damaged; `kibitz log repair` says what it would do. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { repair } from "../../src/commands/log-repair.ts";
import { verificationText, verify, verifyDirectory } from "../../src/commands/log-verify.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import { nodeFiles } from "../../src/storage/node-files.ts";
import type { Write } from "../../consensus/index.ts";
import { identity, Writer } from "../storage/samples.ts";
import { captureOutput } from "./captured-output.ts";

const files = nodeFiles();
const chance = { fraction: () => 0.5, hex16: () => identity.cookie };

/** A node's directory with three groups of one slot each. */
async function sample(context: TestContext, isRewritten = false): Promise<string> {
  const path = fs.mkdtempSync(join(tmpdir(), "kibitz-repair-"));
  context.after(() => fs.rmSync(path, { recursive: true, force: true }));
  await using directory = await DataDirectory.open({ files, path, chance, id: "a" });
  await directory.belongTo({ name: "sample", identity: identity.republic }, null);
  const writer = new Writer();
  const reports: (() => void)[] = [];
  const { journal } = await directory.openJournal({
    onPersisted: () => reports.shift()?.(),
    onFailed: (error) => assert.fail(error),
    segmentBytesFirst: 64 * 512,
    segmentBytesMax: 64 * 512,
  });
  const written = async (write: Write): Promise<void> => {
    const done = new Promise<void>((resolve) => void reports.push(resolve));
    journal.append(write, writer.bodies);
    await done;
  };
  for (const size of [1000, 2000, 3000]) await written(writer.write([size], { decided: 0 }));
  if (isRewritten) await written(writer.write([2000, 3000], { decided: 0, slotFirst: 2 }));
  await journal.close();
  return path;
}

function flip(path: string, offset: number): void {
  const bytes = fs.readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  fs.writeFileSync(path, bytes);
}

test("an intact directory is verified, file by file", async (context) => {
  const path = await sample(context);
  const found = await verifyDirectory(path, files);
  assert.deepEqual(found.damage, []);
  const segment = found.files.find((file) => file.path === "journal/segment-00000001");
  assert.deepEqual([segment?.groups, segment?.records], [3, 3]);
  assert.match(verificationText(found), /all intact$/);
  const captured = captureOutput();
  const { output } = captured;
  assert.equal(await verify(path, {}, output), 0);
  assert.equal(await repair(path, {}, output), 0);
  assert.match(await captured.stdout(), /damaged places: 0; every slot is there/);
});

test("damage is named by file and place, and its slots", async (context) => {
  const path = await sample(context);
  const segment = join(path, "journal", "segment-00000001");
  // In the body of the second group's only record, and in one of two copies.
  flip(segment, 512 + 1536 + 1000);
  flip(join(path, "node"), 100);
  const found = await verifyDirectory(path, files);
  assert.equal(found.damage.length, 2, found.damage.join("\n"));
  const damaged = found.files.filter(({ isIntact }) => !isIntact).map((file) => file.path);
  assert.deepEqual(damaged, ["journal/segment-00000001", "node"]);
  assert.deepEqual(found.damagedSlots, [{ first: 2, last: 2 }]);
  const captured = captureOutput();
  const { output } = captured;
  assert.equal(await verify(path, { json: true }, output), 8);
  assert.match(await captured.stdout(), /"damagedSlots":\[\{"first":2,"last":2\}\]/);
  assert.equal(await repair(path, {}, output), 8);
  assert.match(
    await captured.stdout(),
    /lost are the slots 2: --write asks the other members for them/,
  );
});

test("damage whose slots stand elsewhere, as after a repair, lacks nothing", async (context) => {
  const path = await sample(context, true);
  flip(join(path, "journal", "segment-00000001"), 512 + 1536 + 1000);
  const found = await verifyDirectory(path, files);
  assert.deepEqual([found.damage.length, found.damagedSlots], [1, []], found.damage.join("\n"));
  assert.match(verificationText(found), /damaged places: 1, every slot is there all the same/);
  const { output } = captureOutput();
  assert.equal(await verify(path, {}, output), 0);
  assert.equal(await repair(path, {}, output), 0);
  flip(join(path, "node"), 100);
  assert.equal(await verify(path, {}, output), 8, "what only the next start mends is no record");
});

test("a repair with nobody to ask says that the slot is gone", async (context) => {
  const path = await sample(context);
  flip(join(path, "journal", "segment-00000001"), 512 + 1536 + 1000);
  const { output } = captureOutput();
  const refused = { code: "KBZ_DAMAGED", message: /no member holds an intact copy of slot 2/ };
  await assert.rejects(repair(path, { write: true, timeout: 10_000 }, output), refused);
});
