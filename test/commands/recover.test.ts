/** `kibitz recover` as operators see it: what is said before and after, and each exit code. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { recover, recoveryText, recoveryWarnings } from "../../src/commands/recover.ts";
import { Kibitzer } from "../../src/index.ts";
import type { RecoveryReport } from "../../src/refounding/recover.ts";
import { captureOutput } from "./captured-output.ts";

const accepted = { government: 2, round: 4, id: "b" };
const report: RecoveryReport = {
  id: "a",
  before: { name: "demo", identity: "00112233445566aa" },
  republic: null,
  accepted,
  length: 12,
  decided: { slot: 10, index: 3 },
  undecided: { slots: 2, entries: 1 },
  index: 4,
  government: { number: 2, parliament: ["a", "b", "c"] },
  hadSeat: true,
  ahead: [],
  aside: null,
};

describe("what is said of a survivor", () => {
  test("begins with what survivors are compared by, and names the command", () => {
    const text = recoveryText("/data/a", report).join("\n");
    assert.match(text, /^compare +accepted 2\/4\/b, length 12$/m);
    assert.match(
      text,
      /^after that +2 slots with 1 entry, kept: they may have been acknowledged$/m,
    );
    assert.match(text, /Nothing was changed/);
    assert.match(text, /kibitz recover --data \/data\/a --force-new-government/);
    assert.match(recoveryWarnings(report).join("\n"), /majority of demo is lost for good/);
  });

  test("names members that held more, and a node that had no vote", () => {
    const ahead = [{ id: "c", accepted, length: 99 }];
    assert.match(recoveryWarnings({ ...report, ahead }).join("\n"), /^c was heard .* slot 99/m);
    const text = recoveryText("/data/a", { ...report, hadSeat: false }).join("\n");
    assert.match(text, /without a seat/);
  });

  test("tells afterwards where the old files are, and what to do", () => {
    const republic = { name: "demo", identity: "ffff000000000000" };
    const aside = "/data/a/before-00112233445566aa";
    const text = recoveryText("/data/a", { ...report, republic, aside }).join("\n");
    assert.match(text, /ffff000000000000/);
    assert.ok(text.includes(aside));
    assert.match(text, /kibitz start --data \/data\/a/);
    assert.doesNotMatch(text, /Nothing was changed/);
  });
});

describe("the command", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "kibitz-recover-"));
    const data = join(directory, "a");
    const node = await Kibitzer.open({ id: "a", directory: data, listen: ["tcp://127.0.0.1:0"] });
    await node.bootstrap("demo");
    await node.publish("one");
    await node.close();
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test("changes nothing without its flag, or with --dry-run beside it", async () => {
    const captured = captureOutput();
    const data = join(directory, "a");
    assert.equal(await recover({ data, json: true }, captured.output), 6);
    const options = { data, json: true, dryRun: true, forceNewGovernment: true };
    assert.equal(await recover(options, captured.output), 0);
    const lines = (await captured.stdout()).trim().split("\n");
    const [first, second] = lines.map((line) => JSON.parse(line));
    assert.equal(first.republic, null);
    assert.equal(first.index, 1);
    assert.equal(second.before.identity, first.before.identity);
    assert.match(captured.stderr(), /lost for good/);
    assert.ok(!existsSync(join(data, `before-${first.before.identity}`)));
  });

  test("wants a directory, with a node's data in it", async () => {
    const { output } = captureOutput();
    await assert.rejects(recover({}, output), { exitCode: 2 });
    const nowhere = join(directory, "nowhere");
    await assert.rejects(recover({ data: nowhere }, output), { code: "KBZ_NOT_FOUND" });
  });
});
