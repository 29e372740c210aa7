/** `kibitz log`: its commands with their options and help. Their modules are loaded on running. */
import type { Command } from "commander";
import type { RepairOptions } from "./log-repair.ts";
import { parseDuration, parseEndpoints } from "../settings/written-values.ts";
import type { Output } from "./output.ts";
import { addCredentialOptions, option, type Runs } from "./options.ts";

export function addLog(program: Command, output: Output, runs: Runs): void {
  const log = program.command("log").description("look at a data directory, offline");
  const command = log
    .command("inspect")
    .description("list what a node's directory holds")
    .argument("<dir>", "a node's data directory; the node must not be running")
    .addOption(option("--json", "one JSON object"));
  runs(command, async () => {
    const { inspect } = await import("./log-inspect.ts");
    return inspect(command.args[0] ?? "", command.opts<{ json?: boolean }>(), output);
  });
  addLogVerify(log, output, runs);
  addLogRepair(log, output, runs);
}

function addLogVerify(log: Command, output: Output, runs: Runs): void {
  const command = log
    .command("verify")
    .description("read every byte of a node's directory; exit 8 when anything is lost")
    .argument("<dir>", "a node's data directory; the node must not be running")
    .addOption(option("--json", "one JSON object"));
  runs(command, async () => {
    const { verify } = await import("./log-verify.ts");
    return verify(command.args[0] ?? "", command.opts<{ json?: boolean }>(), output);
  });
}

function addLogRepair(log: Command, output: Output, runs: Runs): void {
  const command = log
    .command("repair")
    .description("fill a node's damaged slots from other members; without --write only says which")
    .argument("<dir>", "a node's data directory; the node must not be running")
    .addOption(
      option("--endpoints <urls>", "whom to ask besides the members that it knows").argParser(
        parseEndpoints,
      ),
    )
    .addOption(option("--write", "repair; a node's next start does the same by itself"))
    .addOption(option("--timeout <duration>", "how long to try").argParser(parseDuration));
  addCredentialOptions(command).addOption(option("--json", "one JSON object"));
  runs(command, async () => {
    const { repair } = await import("./log-repair.ts");
    return repair(command.args[0] ?? "", command.opts<RepairOptions>(), output);
  });
}
