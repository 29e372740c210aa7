/** `kibitz doctor` and `kibitz bundle`: options and help. Their modules are loaded on running. */
import type { Command } from "commander";
import type { BundleOptions } from "./bundle.ts";
import type { DoctorOptions } from "./doctor.ts";
import { parseEndpoints } from "../settings/written-values.ts";
import type { Output } from "./output.ts";
import { addClusterOptions, option, type Runs } from "./options.ts";

export function addDoctor(program: Command, output: Output, runs: Runs): void {
  const doctor = program
    .command("doctor")
    .description("check what a node needs: its disk, its clock, names, ports, and other members")
    .addOption(option("--data <dir>", "measure the disk of this directory; nothing is left there"))
    .addOption(
      option("--listen <url>", "whether a node could listen here; repeatable").argParser(
        parseEndpoints,
      ),
    );
  addClusterOptions(doctor).addOption(option("--json", "one check a line, then the verdict"));
  runs(doctor, async () => {
    const { doctor: run } = await import("./doctor.ts");
    const isAsked = doctor.getOptionValueSource("endpoints") !== "default";
    return await run({ ...doctor.opts<DoctorOptions>(), isAsked }, output);
  });
  const bundle = program
    .command("bundle")
    .description("gather what a report of a bug needs, without entries' bytes and secrets")
    .argument("<file>", "where to: one JSON document, compressed with gzip")
    .addOption(option("--data <dir>", "with what lies in this directory of a node"));
  addClusterOptions(bundle).addOption(option("--json", "one JSON object"));
  runs(bundle, async () => {
    const { bundle: run } = await import("./bundle.ts");
    return await run(bundle.args[0] ?? "", bundle.opts<BundleOptions>(), output);
  });
}
