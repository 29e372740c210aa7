/**
 * The command line: every command with its options and help. A command's own module is loaded only
 * when it runs, so that `kibitz` starts quickly. Does nothing itself.
 */
import { Command } from "commander";
import { addBench } from "./bench-program.ts";
import { addDoctor } from "./doctor-program.ts";
import { addKv } from "./kv-program.ts";
import { addLog } from "./log-program.ts";
import { logLevels } from "../settings/node-settings.ts";
import { parseEndpoints, parseWhole } from "../settings/written-values.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { problemText } from "../settings/problem.ts";
import { addConfig, addStart } from "./node-program.ts";
import type { Output } from "./output.ts";
import { addClusterOptions, applyEnvironment, option, type ClusterOptions } from "./options.ts";
import { version } from "../version.ts";
import type { BackupCommandOptions } from "./backup.ts";
import type { DevOptions } from "./dev.ts";
import type { ChangeOptions, PromoteCommandOptions } from "./membership.ts";
import type { PublishOptions } from "./publish.ts";
import type { RecoverCommandOptions } from "./recover.ts";
import type { ReplayOptions } from "./replay.ts";
import type { RestoreCommandOptions } from "./restore.ts";
import type { TailOptions } from "./tail-reader.ts";

/** What every command is given: where it prints, and whom it tells its exit code. */
interface Context {
  readonly output: Output;
  readonly ended: (exitCode: number) => void;
}

const anyWhole = parseWhole(1, Number.MAX_SAFE_INTEGER);

const afterHelp = `
Examples:
  $ kibitz dev                       three nodes on this computer, ready for use
  $ kibitz publish hello             one entry; prints its index
  $ kibitz tail --follow             all entries, and those to come

Every option can be set in the environment: --endpoints is KIBITZER_ENDPOINTS.
Exit codes: 0 ok, 1 failure, 2 usage, 3 no quorum and nothing submitted, 4 not found, 5 conflict,
6 not allowed, 7 outcome unknown, 8 integrity, 130 interrupted.`;

/** The whole program. `ended` is called with the exit code of the command that ran. */
export function createProgram(output: Output, ended: (exitCode: number) => void): Command {
  const program = new Command("kibitz")
    .description("A replicated log: nodes agree on one order of entries.")
    .version(version, "--version", "print the version")
    .option("--no-color", "no colours, as with NO_COLOR set")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.data(Buffer.from(text)),
      writeErr: (text) => output.stderr.write(text),
    })
    .showHelpAfterError("Add --help for the options.")
    .addHelpText("after", afterHelp);
  const context = { output, ended };
  addDev(program, context);
  addStart(program, output, (command, work) => runsBare(command, context, work));
  addConfig(program, output, (command, work) => runsBare(command, context, work));
  addPublish(program, context);
  addTail(program, context);
  addStatus(program, context);
  addMember(program, context);
  addTransfer(program, context);
  addKv(program, output, (command, work) => runs(command, context, work));
  addBackup(program, context);
  addRestore(program, context);
  addRecover(program, context);
  addReplay(program, context);
  addLog(program, output, (command, work) => runs(command, context, work));
  addSimulate(program, context);
  addDoctor(program, output, (command, work) => runs(command, context, work));
  addBench(program, output, (command, work) => runs(command, context, work));
  return program;
}

/** Lets `work` run the command once its options are complete. */
function runs(command: Command, context: Context, work: () => Promise<number>): void {
  runsBare(command, context, async () => {
    const problems = applyEnvironment(command, process.env).map(problemText);
    if (problems.length > 0) throw new CommandError(exitCodes.usage, problems.join("\n"));
    return await work();
  });
}

/** Of a command that completes its options itself. */
function runsBare(command: Command, context: Context, work: () => Promise<number>): void {
  command.action(async () => context.ended(await work()));
}

function addDev(program: Command, context: Context): void {
  const command = program
    .command("dev")
    .description("run a cluster of node processes on this computer")
    .addOption(option("--nodes <count>", "how many nodes").default(3).argParser(parseWhole(1, 26)))
    .addOption(option("--data <dir>", "where the nodes keep their data").default(".kibitz"))
    .addOption(
      option("--port <port>", "the first node's port; the others take the next ones")
        .default(7700)
        .argParser(parseWhole(1, 65_535)),
    )
    .addOption(option("--fresh", "delete what is in the data directory and start over"))
    .addOption(option("--kv", "attach the key–value map to every node"))
    .addOption(
      option("--log-level <level>", "what the nodes' logs on stderr hold")
        .choices(logLevels)
        .default("warn"),
    )
    .addOption(option("--json", "events as JSON, one a line"));
  runs(command, context, async () => {
    const { dev } = await import("./dev.ts");
    const given = (name: string): boolean => command.getOptionValueSource(name) !== "default";
    const options = command.opts<DevOptions>();
    return dev(
      { ...options, given: { nodes: given("nodes"), port: given("port") } },
      context.output,
    );
  });
}

function addPublish(program: Command, context: Context): void {
  const command = program
    .command("publish")
    .description("publish entries; prints each one's index when it is acknowledged")
    .argument("[text...]", "each is one entry")
    .addOption(
      option("--file <file>", "each line of the file is one entry; - is the standard input"),
    );
  addClusterOptions(command).addOption(option("--json", 'one {"index":N} a line'));
  runs(command, context, async () => {
    const { publish } = await import("./publish.ts");
    return publish(command.args, command.opts<PublishOptions>(), context.output);
  });
}

function addTail(program: Command, context: Context): void {
  const command = program
    .command("tail")
    .description("print entries in order")
    .addOption(option("--from <index>", "the first one").default(1).argParser(anyWhole))
    .addOption(option("--limit <count>", "how many at most").argParser(anyWhole))
    .addOption(option("-f, --follow", "go on with those to come"))
    .addOption(option("--stale", "what the node has, without asking a quorum"));
  addClusterOptions(command).addOption(option("--json", "entries as JSON, one a line"));
  runs(command, context, async () => {
    const { tail } = await import("./tail.ts");
    return tail(command.opts<TailOptions>(), context.output);
  });
}

function addStatus(program: Command, context: Context): void {
  const command = program.command("status").description("show the cluster and its members");
  addClusterOptions(command).addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { status } = await import("./status.ts");
    return status(command.opts<ClusterOptions>(), context.output);
  });
}

function addMember(program: Command, context: Context): void {
  const member = program.command("member").description("change who belongs to the republic");
  const added = member
    .command("add")
    .description("invite a node that waits for it (kibitz start --await-invitation)")
    .argument("<url>", "where the node runs, as the members reach it");
  addChangeOptions(added, '{"added":ID,"seated":true,"waitsFor":null}');
  runs(added, context, async () => {
    const { add } = await import("./membership.ts");
    return add(added.args[0] ?? "", added.opts<ChangeOptions>(), context.output);
  });
  const exiled = member
    .command("exile")
    .description("remove a member for good; its id is free for a node with an empty directory")
    .argument("<id>", "the member's id; it need not be up");
  addChangeOptions(exiled, '{"exiled":ID}');
  runs(exiled, context, async () => {
    const { exile } = await import("./membership.ts");
    return exile(exiled.args[0] ?? "", exiled.opts<ChangeOptions>(), context.output);
  });
  addSeats(member, context);
}

function addSeats(member: Command, context: Context): void {
  const promoted = member
    .command("promote")
    .description("let a member have a seat, as soon as there is one or in place of another's")
    .argument("<id>", "the member's id")
    .addOption(option("--instead-of <id>", "whose seat it is given, in one change"));
  addChangeOptions(promoted, '{"promoted":ID,"seated":true,"waitsFor":null}');
  runs(promoted, context, async () => {
    const { promote } = await import("./membership.ts");
    return promote(promoted.args[0] ?? "", promoted.opts<PromoteCommandOptions>(), context.output);
  });
  const demoted = member
    .command("demote")
    .description("take a member's seat; it follows on, and is given none before it is promoted")
    .argument("<id>", "the member's id");
  addChangeOptions(demoted, '{"demoted":ID}');
  runs(demoted, context, async () => {
    const { demote } = await import("./membership.ts");
    return demote(demoted.args[0] ?? "", demoted.opts<ChangeOptions>(), context.output);
  });
}

function addTransfer(program: Command, context: Context): void {
  const command = program
    .command("transfer")
    .description("hand leadership over; prints who leads then")
    .argument("[id]", "to whom; the leader chooses if it is left out");
  addChangeOptions(command, '{"leader":ID}');
  runs(command, context, async () => {
    const { transfer } = await import("./membership.ts");
    return transfer(command.args[0] ?? null, command.opts<ChangeOptions>(), context.output);
  });
}

function addBackup(program: Command, context: Context): void {
  const command = program
    .command("backup")
    .description(
      "back up the log of a running cluster, and what its beginning came to if that was removed; " +
        "the file is there whole or not at all",
    )
    .argument("<file>", "where to; - is the standard output")
    .addOption(option("--verify", "check a backup that is there, asking no cluster"))
    .addOption(option("--force", "replace a file that is there, once the new one is whole"));
  addClusterOptions(command).addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { backup } = await import("./backup.ts");
    return backup(command.args[0] ?? "", command.opts<BackupCommandOptions>(), context.output);
  });
}

function addRestore(program: Command, context: Context): void {
  const command = program
    .command("restore")
    .description("make the founder of a new republic out of a backup")
    .argument("<file>", "a backup; - is the standard input")
    .addOption(option("--data <dir>", "where the founder is to live; nothing may be there"))
    .addOption(option("--id <id>", "the founder's name for its whole life"))
    .addOption(option("--listen <url>", "where it listens; repeatable").argParser(parseEndpoints))
    .addOption(option("--advertise <url>", "what peers are told in place of the first --listen"))
    .addOption(option("--republic <name>", "what the new republic is called; default as before"))
    .addOption(option("--allow-insecure", "listen beyond this computer without encryption"))
    .addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { restore } = await import("./restore.ts");
    return restore(command.args[0] ?? "", command.opts<RestoreCommandOptions>(), context.output);
  });
}

function addRecover(program: Command, context: Context): void {
  const command = program
    .command("recover")
    .description("after a majority is lost for good: let one survivor go on alone")
    .addOption(option("--data <dir>", "the survivor's data directory; its node must not run"))
    .addOption(
      option("--force-new-government", "do it: what this node does not hold is lost for good"),
    )
    .addOption(option("--dry-run", "only show what is known and what would be done"))
    .addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { recover } = await import("./recover.ts");
    return recover(command.opts<RecoverCommandOptions>(), context.output);
  });
}

/** Of everything that changes a running republic. */
function addChangeOptions(command: Command, json: string): void {
  addClusterOptions(command)
    .addOption(option("--dry-run", "show the quorum before and after, and change nothing"))
    .addOption(option("--json", `one ${json}`));
}

function addReplay(program: Command, context: Context): void {
  const command = program
    .command("replay")
    .description("replay a recording and check each outcome against what was recorded")
    .argument("<path>", "a recording: a directory or a file")
    .addOption(option("--until <step>", "stop after this envelope").argParser(anyWhole))
    .addOption(option("--json", "the result as JSON"));
  runs(command, context, async () => {
    const { replay } = await import("./replay.ts");
    return replay(command.args[0] ?? "", command.opts<ReplayOptions>(), context.output);
  });
}

function addSimulate(program: Command, context: Context): void {
  const command = program
    .command("simulate")
    .description("run clusters in a simulated world with faults, and check them")
    // The simulator has its own options and help: all that is given is passed on to it.
    .usage("[options]; kibitz simulate --help lists them")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments();
  runs(command, context, async () => {
    const { simulate } = await import("./simulate.ts");
    return simulate(command.args);
  });
}
