/**
 * `npm run check-history`: history files in, verdicts out. Everything but the verdicts goes to
 * stderr; it never changes a history, and never calls one good that it could not settle.
 */
import { createReadStream, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkHistory, models, type HistoryReport, type Problem, type Verdict } from "./check.ts";
import { readHistory, type HistoryFile } from "./history-file.ts";
import type { Model } from "./machine.ts";
import { describeOperation, HistoryFormatError, type Operation } from "./operation.ts";
import { drawPage } from "./page.ts";

const names = [...models.keys()].join(", ");

const usage = `Usage: npm run check-history -- FILE… [--model NAME] [--html PAGE] [--json]

Judges whether histories of operations are linearizable. The format is docs/history-format.md.

  FILE           JSON lines; - is the standard input
  --model NAME   what the history is of, where its header does not say: ${names}
  --initial JSON what the object held at first
  --html PAGE    writes a page that draws the problem of a bad history (one FILE)
  --seconds N    gives up after so long, for each FILE (default 60)
  --memory MIB   gives up when the search holds so much (default 1024)
  --general      the general search, also where there is a quicker check
  --json         one JSON value a line; the last is the summary
  --help         this text

Exits with 0 when all are linearizable, 1 when one is not, 2 when the arguments or a FILE cannot be
used, and 3 when one could be neither shown nor refuted within the bounds.`;

interface Arguments {
  readonly files: readonly string[];
  readonly model: string | null;
  readonly initial: { readonly value: unknown } | null;
  readonly html: string | null;
  readonly seconds: number;
  readonly memoryMib: number;
  readonly generalOnly: boolean;
  readonly isJson: boolean;
}

/** Wrong usage: said on stderr with the usage, and exit code 2. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A file that is no history, or cannot be read or written: said on stderr, and exit code 2. */
class FileError extends Error {
  override readonly name = "FileError";
}

function parse(args: readonly string[]): Arguments | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      model: { type: "string" },
      initial: { type: "string" },
      html: { type: "string" },
      seconds: { type: "string" },
      memory: { type: "string" },
      general: { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return null;
  if (positionals.length === 0) throw new UsageError("wanted the FILE of a history, got none");
  const { model = null, html = null } = values;
  if (html !== null) mayDraw(html, positionals);
  if (model !== null && !models.has(model)) {
    throw new UsageError(`--model: wanted one of ${names}, got ${JSON.stringify(model)}`);
  }
  return {
    files: positionals,
    model,
    initial: values.initial === undefined ? null : { value: jsonOf(values.initial) },
    html,
    seconds: above0("seconds", values.seconds ?? "60"),
    memoryMib: above0("memory", values.memory ?? "1024"),
    generalOnly: values.general === true,
    isJson: values.json === true,
  };
}

function mayDraw(page: string, files: readonly string[]): void {
  if (files.length > 1) throw new UsageError(`--html draws one FILE, got ${files.length}`);
  if (files.some((file) => resolve(file) === resolve(page))) {
    throw new UsageError(`--html: wanted another file than the history, got ${page}`);
  }
}

function above0(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name}: wanted a number above 0, got ${JSON.stringify(text)}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--initial: wanted JSON, got ${JSON.stringify(text)}`);
  }
}

function modelOf(file: string, { header }: HistoryFile, { model }: Arguments): Model {
  const name = model ?? header.model;
  if (name === null) {
    throw new FileError(`${file}: it does not say what it is of: --model is one of ${names}`);
  }
  const found = models.get(name);
  if (found !== undefined) return found;
  throw new FileError(`${file}: no model ${JSON.stringify(name)}: --model is one of ${names}`);
}

interface Judged {
  readonly file: string;
  readonly history: HistoryFile;
  readonly report: HistoryReport;
  readonly ms: number;
}

async function judge(file: string, args: Arguments): Promise<Judged> {
  const stream = file === "-" ? process.stdin : createReadStream(file);
  const history = await readHistory(stream);
  const model = modelOf(file, history, args);
  const begun = performance.now();
  const initial = args.initial === null ? history.header.initial : args.initial.value;
  const report = checkHistory(history.operations, {
    model,
    initial,
    generalOnly: args.generalOnly,
    bounds: {
      bytesMax: args.memoryMib * 2 ** 20,
      isOver: () => performance.now() - begun > args.seconds * 1000,
    },
  });
  return { file, history, report, ms: performance.now() - begun };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

function forMachines({ id, process, f, key, input, output, outcome, line }: Operation): object {
  return { id, process, f, key, input, output, outcome, line };
}

/** The order as the places of its operations in the order of invocation. */
function problemForMachines(problem: Problem | null): object | null {
  if (problem === null) return null;
  const { key, reason, order, unplaceable } = problem;
  const ids = order.map(({ id }) => id);
  return { key, reason, order: ids, unplaceable: unplaceable.map(forMachines) };
}

const shownMax = 10;

function printJudged({ file, history, report, ms }: Judged, { isJson }: Arguments): void {
  const { problem, ...counts } = report;
  const { events, strikes, truncated } = history;
  if (isJson) {
    const rest = { events, strikes: strikes.length, truncated, ms: Math.round(ms) };
    print(JSON.stringify({ file, ...counts, ...rest, problem: problemForMachines(problem) }));
    return;
  }
  if (truncated) tell(`${file}: the last line is cut off; it was left out`);
  if (problem !== null) {
    const object = problem.key === null ? "" : `key ${problem.key}: `;
    print(`${object}${problem.reason}`);
    print(`  ${problem.order.length} operations have a place; the last of them:`);
    for (const each of problem.order.slice(-shownMax)) print(`    ${described(each)}`);
    print("  cannot be placed next:");
    for (const each of problem.unplaceable.slice(0, shownMax)) print(`    ${described(each)}`);
  }
  const { verdict, operations, failed, unknown, processes, partitions, model } = counts;
  const objects = partitions === 1 ? "1 object" : `${partitions} objects`;
  print(
    `${file}: ${verdict} (${model}): ${operations} operations (${failed} failed, ` +
      `${unknown} unknown) of ${processes} processes on ${objects}, ${Math.round(ms)} ms`,
  );
}

function described(operation: Operation): string {
  return `line ${operation.line}: ${operation.process}: ${describeOperation(operation)}`;
}

const exitCodes: Readonly<Record<Verdict, number>> = {
  linearizable: 0,
  "not linearizable": 1,
  unknown: 3,
};

function draw(judged: Judged, { html }: Arguments): void {
  if (html === null) return;
  const { file, history, report } = judged;
  if (report.problem === null) {
    tell(`${html}: not written, as there is no problem to draw`);
    return;
  }
  const { operations, strikes } = history;
  const page = drawPage({ title: file, operations, strikes, report });
  try {
    writeFileSync(html, page);
  } catch (error) {
    throw isOfFile(error) ? new FileError(`${html}: ${error.message}`) : error;
  }
  tell(`${html}: draws the problem`);
}

async function run(args: Arguments): Promise<number> {
  const counts = new Map<Verdict, number>();
  for (const file of args.files) {
    const judged = await judge(file, args).catch((error: unknown) => {
      throw isOfFile(error) ? new FileError(`${file}: ${error.message}`) : error;
    });
    printJudged(judged, args);
    draw(judged, args);
    const { verdict } = judged.report;
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  if (args.isJson) print(JSON.stringify({ summary: Object.fromEntries(counts) }));
  else if (args.files.length > 1) {
    print([...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", "));
  }
  for (const verdict of ["not linearizable", "unknown"] as const) {
    if (counts.has(verdict)) return exitCodes[verdict];
  }
  return 0;
}

function isOfFile(error: unknown): error is Error {
  if (error instanceof HistoryFormatError) return true;
  return error instanceof Error && "syscall" in error;
}

/** As `parseArgs` throws it. */
function isOfArguments(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof TypeError && "code" in error);
}

try {
  const args = parse(process.argv.slice(2));
  if (args === null) print(usage);
  else process.exitCode = await run(args);
} catch (error) {
  // Exit code 1 is kept for histories that are bad: also a bug of the checker is no verdict.
  process.exitCode = 2;
  if (isOfArguments(error)) tell(`${error.message}\n\n${usage}`);
  else if (error instanceof FileError) tell(error.message);
  else tell(error instanceof Error ? `${error.stack}` : String(error));
}
