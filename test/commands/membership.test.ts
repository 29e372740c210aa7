/** `kibitz member … --dry-run`: what is told of a change, and of whom it is about. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { add } from "../../src/commands/membership.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { Scratch } from "../settings/scratch.ts";
import { captureOutput } from "./captured-output.ts";

test("add --dry-run says whether the guest answers, and where it belongs", async (context) => {
  const { path } = new Scratch(context);
  const listen = ["tcp://127.0.0.1:0"];
  await using member = await Kibitzer.open({ id: "a", directory: join(path, "a"), listen });
  await member.bootstrap("r");
  await using guest = await Kibitzer.open({ id: "b", directory: join(path, "b"), listen });
  const options = { endpoints: [member.url], timeout: 5_000, dryRun: true, json: true };
  const noteOf = async (url: string): Promise<string> => {
    const captured = captureOutput();
    const code = await add(url, options, captured.output);
    const { note, refused } = JSON.parse(await captured.stdout());
    assert.equal(code, refused === null ? 0 : 5);
    return refused?.message ?? note;
  };
  const [waiting, citizen, nobody] = await Promise.all([
    noteOf(guest.url),
    noteOf(member.url),
    noteOf("tcp://127.0.0.1:1"),
  ]);
  assert.match(waiting, /answers, and is in no republic yet\. .*would follow without a seat/);
  assert.match(citizen, /answers, but belongs to the republic r already/);
  assert.match(nobody, /does not answer here: start it with --await-invitation first/);
  assert.equal((await member.status()).members.length, 1);
});
