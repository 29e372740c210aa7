/** `kibitz kv`: its commands with their options and help. Their own module is loaded on running. */
import type { Command } from "commander";
import type { KvOptions, KvWatchOptions } from "./kv.ts";
import { parseDuration, parseWhole } from "../settings/written-values.ts";
import type { Output } from "./output.ts";
import { addClusterOptions, option, type Runs } from "./options.ts";

const anyWhole = parseWhole(1, Number.MAX_SAFE_INTEGER);
const revision = parseWhole(0, Number.MAX_SAFE_INTEGER);

export function addKv(program: Command, output: Output, runs: Runs): void {
  const kv = program
    .command("kv")
    .description("the replicated key–value map; its nodes are started with --kv");
  addReading(kv, output, runs);
  addWriting(kv, output, runs);
}

function addReading(kv: Command, output: Output, runs: Runs): void {
  const get = kv
    .command("get")
    .description("print what is under a key; exit code 4 when it is not there")
    .argument("<key>")
    .addOption(option("--stale", "what the node has, without asking a quorum"));
  addClusterOptions(get).addOption(option("--json", "the record as one JSON object"));
  runs(get, async () => {
    const { kvGet } = await import("./kv.ts");
    return await kvGet(get.args[0] ?? "", get.opts<KvOptions>(), output);
  });
  const list = kv
    .command("list")
    .description("print the keys in order, or those that begin with a prefix")
    .argument("[prefix]")
    .addOption(option("--limit <count>", "how many at most").argParser(anyWhole))
    .addOption(option("--stale", "what the node has, without asking a quorum"));
  addClusterOptions(list).addOption(option("--json", "the records, one JSON object a line"));
  runs(list, async () => {
    const { kvList } = await import("./kv.ts");
    return await kvList(list.args[0] ?? "", list.opts<KvOptions>(), output);
  });
  const watch = kv
    .command("watch")
    .description("print each change of a key, until it is interrupted")
    .argument("<key>")
    .addOption(option("--prefix", "all keys that begin with it"))
    .addOption(option("--from <revision>", "begin with this revision").argParser(revision))
    .addOption(option("--after <number>", "begin behind this event").argParser(revision))
    .addOption(option("--limit <count>", "end after so many").argParser(anyWhole));
  addClusterOptions(watch).addOption(option("--json", "the events, one JSON object a line"));
  runs(watch, async () => {
    const { kvWatch } = await import("./kv.ts");
    return await kvWatch(watch.args[0] ?? "", watch.opts<KvWatchOptions>(), output);
  });
}

function addWriting(kv: Command, output: Output, runs: Runs): void {
  const ttl = option("--ttl <duration>", "delete it again after so much log time");
  const put = kv
    .command("put")
    .description("put a value under a key; prints the new revision")
    .argument("<key>")
    .argument("<value>")
    .addOption(ttl.argParser(parseDuration));
  addClusterOptions(put).addOption(option("--json", 'one {"revision":N}'));
  runs(put, async () => {
    const { kvPut } = await import("./kv.ts");
    return await kvPut(put.args[0] ?? "", put.args[1] ?? "", put.opts<KvOptions>(), output);
  });
  const cas = kv
    .command("cas")
    .description("put a value only where the key has a revision; exit code 5 where it has not")
    .argument("<key>")
    .argument("<revision>", "0: only where the key is not there", revision)
    .argument("<value>");
  addClusterOptions(cas).addOption(option("--json", 'one {"isSet":true,"revision":N}'));
  runs(cas, async () => {
    const { kvCas } = await import("./kv.ts");
    const [key = "", expected = "", value = ""] = cas.args;
    return await kvCas(key, { expected: Number(expected), value }, cas.opts<KvOptions>(), output);
  });
  const remove = kv
    .command("delete")
    .description("delete a key; exit code 4 when it is not there, 5 with another revision")
    .argument("<key>")
    .addOption(option("--revision <revision>", "only at this revision").argParser(anyWhole));
  addClusterOptions(remove).addOption(option("--json", 'one {"deleted":true,"revision":N}'));
  runs(remove, async () => {
    const { kvDelete } = await import("./kv.ts");
    return await kvDelete(remove.args[0] ?? "", remove.opts<KvOptions>(), output);
  });
}
