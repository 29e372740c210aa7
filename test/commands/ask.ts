/**
 * One command line of `kibitz`, run in this very process: it prints and answers what it would in
 * one of its own, which takes a third of a second to start. For commands that ask a cluster or read
 * a directory; what has signals, pipes or a life of its own is for a real process.
 */
import { runLine } from "../../src/commands/main.ts";
import { captureOutput } from "./captured-output.ts";

export interface Answer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

// A setting of the person who runs the tests is not meant for the commands under test.
for (const name of Object.keys(process.env)) {
  if (name.startsWith("KIBITZER_")) delete process.env[name];
}

export async function ask(args: readonly string[]): Promise<Answer> {
  const captured = captureOutput();
  const code = await runLine(args, captured.output);
  const stdout = Buffer.from(await captured.stdout(), "latin1");
  return { code, stdout, stderr: captured.stderr() };
}
