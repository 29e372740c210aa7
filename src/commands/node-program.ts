/** `kibitz start` and `kibitz config`: the same settings, to run a node by or to be looked at. */
import type { Command } from "commander";
import { nodeSettings } from "../settings/node-settings.ts";
import type { ConfigOptions } from "./config.ts";
import { watchHangup } from "./hangup.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { option, type Runs } from "./options.ts";
import { addSettings, isConfigurationFound } from "./setting-options.ts";
import type { StartOptions } from "./start-options.ts";

export function addStart(program: Command, output: Output, runs: Runs): void {
  const command = program
    .command("start")
    .description("run one node in the foreground; a restart needs only --data");
  addSettings(command, nodeSettings).addOption(option("--json", "events as JSON, one a line"));
  runs(command, async () => {
    using interruption = watchInterruption();
    using hangup = watchHangup();
    const { start } = await import("./start.ts");
    const { examineStart, refuse } = await import("./start-examination.ts");
    const { file, problems } = await examineStart(command, process.env);
    refuse(problems);
    if (file !== null && isConfigurationFound(command)) {
      output.note(`kibitz: settings from ${file.path}, too; --no-config leaves it out`);
    }
    return await start(command.opts<StartOptions>(), output, interruption, hangup);
  });
}

export function addConfig(program: Command, output: Output, runs: Runs): void {
  const config = program.command("config").description("look at the settings of a node");
  const check = config
    .command("check")
    .description("check the settings that kibitz start would have here, and start nothing");
  addSettings(check, nodeSettings).addOption(option("--json", "one JSON object"));
  runs(check, async () => {
    const { checkConfig } = await import("./config.ts");
    return await checkConfig(check, check.opts<ConfigOptions>(), output);
  });
  const show = config
    .command("show")
    .description("print the settings that kibitz start would have here, as a configuration file")
    .addOption(option("--origin", "where each value comes from"));
  addSettings(show, nodeSettings).addOption(option("--json", "one JSON object"));
  runs(show, async () => {
    const { showConfig } = await import("./config.ts");
    return await showConfig(show, show.opts<ConfigOptions>(), output);
  });
  const schema = config
    .command("schema")
    .description("print the JSON Schema of configuration files, for editors");
  runs(schema, async () => {
    const { printSchema } = await import("./config.ts");
    return printSchema(output);
  });
}
