/** Runs one command line, for a process from its arguments to its end. Does nothing of the work. */
import { CommanderError } from "commander";
import { describeError } from "./describe-error.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { Output } from "./output.ts";
import { createProgram } from "./program.ts";

/** Parses `args`, runs the command, prints what went wrong and ends the process. */
export async function main(args: readonly string[]): Promise<void> {
  // A colour of help and tables is chosen while they are made, so this comes first.
  if (args.includes("--no-color")) process.env["NO_COLOR"] = "1";
  const output = new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    // As a process that ignores nothing would end by SIGPIPE, but with the code of success.
    closed: () => process.exit(exitCodes.ok),
  });
  const exitCode = await runLine(args, output);
  await output.flush();
  process.exit(exitCode);
}

/** All of it but the end: prints to `output`, and returns the exit code. */
export async function runLine(args: readonly string[], output: Output): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = createProgram(output, (code) => {
    exitCode = code;
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed it: help and version end well, everything else is a wrong usage.
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    output.note(describeError(error));
    return exitCodeOf(error);
  }
}
