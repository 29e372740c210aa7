/**
 * What the commands of simulations and tests share: numbers among their arguments, lines on stdout
 * and stderr, and exit code 2 for wrong usage, which nothing else is taken for.
 */

/** @throws {Error} when `text` is not a whole number from `least` to `most`. */
export function whole(name: string, text: string, least: number, most: number = 2 ** 53): number {
  const value = Number(text);
  const isUsual = /^\d+$/.test(text) && Number.isSafeInteger(value);
  if (isUsual && value >= least && value <= most) return value;
  const range = most === 2 ** 53 ? `from ${least}` : `from ${least} to ${most}`;
  throw new Error(`--${name}: wanted a whole number ${range}, got ${JSON.stringify(text)}`);
}

/** A result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Anything else. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** One line on a terminal, written over by the next; an empty one clears it. */
export function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${line}`);
}

/**
 * Parses the arguments (null: help is wanted), runs, and sets the exit code. What `parse` throws is
 * wrong usage; what `run` throws is a failure of the command itself, and ends the process so.
 */
export async function runCommand<Arguments>(command: {
  readonly usage: string;
  readonly parse: (args: readonly string[]) => Arguments | null;
  readonly run: (args: Arguments) => number | Promise<number>;
}): Promise<void> {
  const args = parsed(command);
  if (args === null) return;
  process.exitCode = await command.run(args);
}

function parsed<Arguments>({
  usage,
  parse,
}: {
  readonly usage: string;
  readonly parse: (args: readonly string[]) => Arguments | null;
}): Arguments | null {
  try {
    const args = parse(process.argv.slice(2));
    if (args === null) print(usage);
    return args;
  } catch (error) {
    tell(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 2;
    return null;
  }
}
