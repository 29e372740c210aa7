/**
 * The house style, as a test. Each rule names the file and line that breaks it; docs/style.md has
 * the reasons. It reads the source as text only: what types or the linter can see is their work.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const folders = ["consensus", "transport", "src", "simulations", "test", "bench", "examples"];

const columnsMax = 100;
const linesMax = 400;
const linesMaxInTests = 600;

/**
 * A ratchet: raise it when consensus/ is well above, lower it only for assertions that could not
 * fail. One like that, written to be counted, is worse than none.
 */
const assertionsPerFunctionMin = 0.37;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** The lines with prose blanked out. */
  readonly code: readonly string[];
}

/** Files that git tracks, or would; a file deleted but still tracked is not there to be read. */
function listed(): readonly string[] {
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...folders];
  const names = execFileSync("git", options, { cwd: root, encoding: "utf8" }).split("\n");
  return [...new Set(names)].filter((name) => name !== "" && existsSync(join(root, name)));
}

/**
 * Comments, strings, templates and regular expressions: what is not code. A regular expression is
 * told from a division by what stands before it.
 */
const prose = new RegExp(
  [
    String.raw`/\*[\s\S]*?\*/`,
    String.raw`//[^\n]*`,
    String.raw`"(?:[^"\\\n]|\\.)*"`,
    String.raw`'(?:[^'\\\n]|\\.)*'`,
    String.raw`\x60(?:[^\x60\\]|\\[\s\S])*\x60`,
    String.raw`(?<=[(,=:[!&|?;]\s*)/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*`,
  ].join("|"),
  "g",
);

/**
 * Blanks prose, so that its words are not taken for code. Good enough for this house's own
 * formatted sources; it is no parser. What a template holds between its braces is blanked too.
 */
function codeOf(text: string): string {
  return text.replace(prose, (found) => found.replace(/[^\n]/g, " "));
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, lines: text.split("\n"), code: codeOf(text).split("\n") };
}

const files = listed();
const sources = files.filter((path) => path.endsWith(".ts")).map(read);
const core = sources.filter((source) => source.path.startsWith("consensus/"));

function isTest(path: string): boolean {
  return path.startsWith("test/") || path.endsWith(".test.ts");
}

/** Fails with all places at once, one a line, as `file:line: what`. */
function refuse(places: readonly string[]): void {
  assert.equal(places.length, 0, `\n${places.join("\n")}\n`);
}

/** The places in `code` (or in the raw lines) that match `pattern`. */
function places(
  among: readonly Source[],
  pattern: RegExp,
  view: "code" | "lines" = "code",
): readonly string[] {
  return among.flatMap((source) =>
    source[view].flatMap((line, index) => {
      const found = pattern.exec(line);
      return found === null ? [] : [`${source.path}:${index + 1}: ${found[0].trim()}`];
    }),
  );
}

test("there is something to check", () => {
  assert.ok(core.length > 0, "no sources found in consensus/");
});

test("a line has at most 100 columns, unless a URL makes it longer", () => {
  refuse(places(sources, new RegExp(`^(?!.*https?://).{${columnsMax + 1},}$`, "u"), "lines"));
});

test("what is left to do is in the tracker, not in a comment", () => {
  // Spelt so that this line does not find itself.
  refuse(places(sources, /\b(T[O]DO|F[I]XME|X[X]X)\b/, "lines"));
});

test("consensus/ is synchronous: no async, await or Promise", () => {
  refuse(places(core, /\b(async|await|Promise|PromiseLike)\b/));
});

test("every source opens with a comment that says what it is", () => {
  const opening = /^(#![^\n]*\n)?(\/\*\*?[\s*]*[^\s*/]|\/\/\s*[^\s/])/;
  refuse(sources.filter(({ text }) => !opening.test(text)).map(({ path }) => `${path}:1`));
});

test("exports have names", () => {
  refuse(places(sources, /\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/));
});

test("no enum and no namespace: the sources run as they are", () => {
  refuse(places(sources, /^\s*(export\s+)?(declare\s+)?(const\s+)?(enum|namespace)\s+\w/));
});

test("no test is left running alone, and none is skipped", () => {
  const chosen = /\b(test|it|describe|suite|t)\.(only|skip|todo)\(|\b(only|skip|todo):\s*true\b/;
  refuse(
    places(
      sources.filter(({ path }) => isTest(path)),
      chosen,
    ),
  );
});

test("no path of somebody's own machine", () => {
  refuse(places(sources, /["'`(\s](?:\/work\/|\/home\/|\/Users\/|\/root\/)/, "lines"));
});

test("a file has at most 400 lines, a test 600", () => {
  const tooLong = sources.filter(({ path, lines }) => {
    return lines.length - 1 > (isTest(path) ? linesMaxInTests : linesMax);
  });
  refuse(tooLong.map(({ path, lines }) => `${path}: ${lines.length - 1} lines`));
});

test("nothing compiled lies beside its source", () => {
  refuse(files.filter((path) => /\.(js|map|tsbuildinfo)$/.test(path)));
});

/** How many functions and methods with a body `code` declares; callbacks are not counted. */
function functionsIn(code: string): number {
  const opening =
    /^(?:(?:export )?function\*? ?| {2}(?:(?:static|override|get|set) )*\*?#?)\w+(?:<.*>)?\(/gm;
  let count = 0;
  for (const match of code.matchAll(opening)) {
    if (/^ {2}(?:if|for|while|switch|catch)\b/.test(match[0].trimEnd())) continue;
    const rest = code.slice(closing(code, match.index + match[0].length));
    if (/^\s*(?::[^;]*?)?\{/.test(rest)) count += 1;
  }
  return count;
}

/** The position behind the bracket that closes the one opened just before `start`. */
function closing(code: string, start: number): number {
  let depth = 1;
  let position = start;
  for (; depth > 0 && position < code.length; position += 1) {
    if (code[position] === "(") depth += 1;
    if (code[position] === ")") depth -= 1;
  }
  return position;
}

test("consensus/ asserts what it relies on", (context) => {
  let functions = 0;
  let assertions = 0;
  for (const source of core) {
    const code = source.code.join("\n");
    functions += functionsIn(code);
    assertions += code.match(/(?<!function )\b(?:assert|unreachable)\(/g)?.length ?? 0;
  }
  const density = assertions / functions;
  const found = `${density.toFixed(2)} assertions a function (${assertions} in ${functions})`;
  context.diagnostic(found);
  assert.ok(density >= assertionsPerFunctionMin, `${found}, wanted ${assertionsPerFunctionMin}`);
});
