/** `kibitz bench`: its options and help. Its own module is loaded on running. */
import type { Command } from "commander";
import { limits } from "../../consensus/index.ts";
import type { BenchOptions } from "./bench.ts";
import { parseBytes, parseDuration, parseWhole } from "../settings/written-values.ts";
import type { Output } from "./output.ts";
import { addClusterOptions, option, type Runs } from "./options.ts";

const outstandingMax = 65_536;
const rateMax = 10_000_000;

export function addBench(program: Command, output: Output, runs: Runs): void {
  const command = program
    .command("bench")
    .description(
      "publish to a live cluster for a while, and tell how fast it acknowledges; what is " +
        "published stays in its log",
    )
    .addOption(
      option("--size <bytes>", `of each entry, at most ${limits.entryBytesMax}`)
        .default(128)
        .argParser(parseBytes),
    )
    .addOption(
      option("--outstanding <count>", "entries that wait for their acknowledgement at any time")
        .default(64)
        .argParser(parseWhole(1, outstandingMax)),
    )
    .addOption(
      option(
        "--rate <count>",
        "so many entries a second instead, acknowledged or not; latencies count from when each " +
          "was due",
      ).argParser(parseWhole(1, rateMax)),
    )
    .addOption(
      option("--duration <duration>", "how long").default(10_000, "10s").argParser(parseDuration),
    );
  addClusterOptions(command).addOption(option("--json", "one JSON object"));
  runs(command, async () => {
    const { bench } = await import("./bench.ts");
    return await bench(command.opts<BenchOptions>(), output);
  });
}
