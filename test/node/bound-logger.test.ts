/** Each line of the log names its node, also those of parts that are made before it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Kibitzer } from "../../src/kibitzer.ts";
import type { Logger } from "../../src/logger.ts";
import { Scratch } from "../settings/scratch.ts";

test("what is taken over from files is told by its node and cluster", async (context) => {
  const scratch = new Scratch(context);
  const file = scratch.write("token", "one");
  const lines: Readonly<Record<string, unknown>>[] = [];
  const take = (fields: Readonly<Record<string, unknown>>): void => void lines.push(fields);
  const logger: Logger = { debug: take, info: take, warn: take, error: take, fatal: take };
  const directory = join(scratch.path, "a");
  const listen = ["ws://127.0.0.1:0"];
  const token = { file };
  await using node = await Kibitzer.open({ id: "a", directory, listen, token, logger });
  await node.bootstrap("r");
  scratch.write("token", "two");
  await node.reload();
  const reloaded = lines.find(({ event }) => event === "reloaded");
  assert.deepEqual([reloaded?.["node"], reloaded?.["cluster"]], ["a", "r"]);
});
