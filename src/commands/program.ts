/**
 * The command line: every command with its options and help. A command's own module is loaded only
 * when it runs, so that `kibitz` starts quickly. Does nothing itself.
 */
import { Command } from "commander";
import { parseDuration, parseEndpoints, parseProperty, parseWhole } from "./option-values.ts";
import type { Output } from "./output.ts";
import {
  addClusterOptions,
  applyConfiguration,
  applyEnvironment,
  option,
  type ClusterOptions,
} from "./settings.ts";
import { watchInterruption } from "./interruption.ts";
import { version } from "../version.ts";
import type { DevOptions } from "./dev.ts";
import type { PublishOptions } from "./publish.ts";
import type { RepairOptions } from "./log-repair.ts";
import type { ReplayOptions } from "./replay.ts";
import type { StartOptions } from "./start-options.ts";
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
    .showHelpAfterError("Add --help for the options.")
    .addHelpText("after", afterHelp);
  const context = { output, ended };
  addDev(program, context);
  addStart(program, context);
  addPublish(program, context);
  addTail(program, context);
  addStatus(program, context);
  addMember(program, context);
  addTransfer(program, context);
  addReplay(program, context);
  addLog(program, context);
  addSimulate(program, context);
  return program;
}

/** Lets `work` run the command once its settings are complete. */
function runs(command: Command, context: Context, work: () => Promise<number>): void {
  command.action(async () => {
    applyEnvironment(command, process.env);
    context.ended(await work());
  });
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
    .addOption(logLevelOption("warn"))
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

function addStart(program: Command, context: Context): void {
  const command = program
    .command("start")
    .description("run one node in the foreground; a restart needs only --data")
    .addOption(option("--data <dir>", "the node's data directory"))
    .addOption(option("--id <id>", "the node's name for its whole life (first start)"))
    .addOption(
      option(
        "--listen <url>",
        "where to listen: ws://HOST:PORT, tcp://…, unix:PATH; repeatable",
      ).argParser(parseEndpoints),
    )
    .addOption(option("--advertise <url>", "what peers are told in place of the first --listen"))
    .addOption(option("--bootstrap <name>", "found a new republic (first start)"))
    .addOption(
      option("--join <urls>", "join the republic of these nodes (first start)").argParser(
        parseEndpoints,
      ),
    )
    .addOption(option("--republic <name>", "insist on this republic"))
    .addOption(option("--if-new", "ignore --bootstrap and --join where the data is there already"))
    .addOption(
      option("--property <key=value>", "what others are told of this node; repeatable").argParser(
        parseProperty,
      ),
    )
    .addOption(option("--timeout <duration>", "how long to try to join").argParser(parseDuration))
    .addOption(option("--no-record", "keep no recording of the node's inputs"))
    .addOption(option("--record-bodies", "put the entries' bytes into the recording too"))
    .addOption(option("--allow-insecure", "listen beyond this computer without encryption"))
    .addOption(option("--until-stdin-ends", "stop when the standard input ends"))
    .addOption(logLevelOption("info"))
    .addOption(
      option(
        "--config <file>",
        'settings as a JSON object, e.g. {"logLevel":"warn","record":false}',
      ),
    )
    .addOption(option("--json", "events as JSON, one a line"));
  runs(command, context, async () => {
    using interruption = watchInterruption();
    const { start } = await import("./start.ts");
    const { config } = command.opts<{ readonly config?: string }>();
    if (config !== undefined) applyConfiguration(command, config);
    return await start(command.opts<StartOptions>(), context.output, interruption);
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
  const command = member
    .command("exile")
    .description("remove a member for good; its id is free for a node with an empty directory")
    .argument("<id>", "the member's id; it need not be up");
  addClusterOptions(command).addOption(option("--json", 'one {"exiled":ID}'));
  runs(command, context, async () => {
    const { exile } = await import("./membership.ts");
    return exile(command.args[0] ?? "", command.opts<ClusterOptions>(), context.output);
  });
}

function addTransfer(program: Command, context: Context): void {
  const command = program
    .command("transfer")
    .description("hand leadership over; prints who leads then")
    .argument("[id]", "to whom; the leader chooses if it is left out");
  addClusterOptions(command).addOption(option("--json", 'one {"leader":ID}'));
  runs(command, context, async () => {
    const { transfer } = await import("./membership.ts");
    return transfer(command.args[0] ?? null, command.opts<ClusterOptions>(), context.output);
  });
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

function addLog(program: Command, context: Context): void {
  const log = program.command("log").description("look at a data directory, offline");
  const command = log
    .command("inspect")
    .description("list what a node's directory holds")
    .argument("<dir>", "a node's data directory; the node must not be running")
    .addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { inspect } = await import("./log-inspect.ts");
    return inspect(command.args[0] ?? "", command.opts<{ json?: boolean }>(), context.output);
  });
  addLogVerify(log, context);
  addLogRepair(log, context);
}

function addLogVerify(log: Command, context: Context): void {
  const command = log
    .command("verify")
    .description("read every byte of a node's directory; exit 8 when any is damaged")
    .argument("<dir>", "a node's data directory; the node must not be running")
    .addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { verify } = await import("./log-verify.ts");
    return verify(command.args[0] ?? "", command.opts<{ json?: boolean }>(), context.output);
  });
}

function addLogRepair(log: Command, context: Context): void {
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
    .addOption(option("--timeout <duration>", "how long to try").argParser(parseDuration))
    .addOption(option("--json", "one JSON object"));
  runs(command, context, async () => {
    const { repair } = await import("./log-repair.ts");
    return repair(command.args[0] ?? "", command.opts<RepairOptions>(), context.output);
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

function logLevelOption(level: string): ReturnType<typeof option> {
  return option("--log-level <level>", "what the log on stderr holds")
    .choices(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default(level);
}
