/**
 * Every block of code in the documentation is held against what there is: commands and options
 * exist, data can be parsed, programs compile (those of TypeScript are run, too: programs.test.ts).
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parse as parseYaml } from "yaml";
import { advice, blocksOf, codeBlocks, placeOf, root, type CodeBlock } from "./code-blocks.ts";
import { programsOf } from "./programs.ts";
import { commandsIn, faultOf } from "./shell-lines.ts";

const run = promisify(execFile);

/** What is checked here, and what is no code. */
const languages = ["ts", "sh", "console", "json", "yaml", "text", "mermaid"];

const blocks = codeBlocks();

function of(...wanted: readonly string[]): readonly CodeBlock[] {
  return blocks.filter(({ language, notRun }) => wanted.includes(language) && notRun === null);
}

function refuse(faults: readonly string[]): void {
  assert.equal(faults.length, 0, `\n${faults.join("\n")}\n${advice}\n`);
}

/** The place of each block that `check` throws for, with what it said. */
function faultsOf(among: readonly CodeBlock[], check: (code: string) => unknown): string[] {
  return among.flatMap((block) => {
    try {
      check(block.code);
      return [];
    } catch (error) {
      return [`${placeOf(block)}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}

test("a block is found with its place, its language and its mark", () => {
  const text = "a\n```sh\nls\n```\n\n<!-- not run: needs root -->\n\n  ```ts\n  let a;\n  ```\n";
  const [first, second, ...more] = blocksOf("page.md", text);
  assert.deepEqual([first?.line, first?.language, first?.code], [2, "sh", "ls\n"]);
  assert.deepEqual([second?.line, second?.code, second?.notRun], [8, "let a;\n", "needs root"]);
  assert.deepEqual([first?.notRun, more], [null, []]);
});

test("every block names its language, one that is checked here or is no code", () => {
  assert.ok(blocks.length > 20, "blocks were found");
  const wrong = blocks.filter(
    ({ language, notRun }) => notRun === null && !languages.includes(language),
  );
  const known = `one of ${languages.join(", ")}`;
  refuse(wrong.map((each) => `${placeOf(each)}: its language is "${each.language}", not ${known}`));
});

test("a command that is not there, or an option, is noticed", () => {
  assert.equal(faultOf("KIBITZER_JSON=1 npx kibitz member exile c --json"), null);
  assert.match(faultOf("kibitz member banish c") ?? "", /no command "banish"/);
  assert.match(faultOf("kibitz publish a --loud") ?? "", /publish has no option --loud/);
  assert.match(faultOf("npm start -- --loud") ?? "", /dev has no option --loud/);
  assert.match(faultOf("npm run nothing") ?? "", /no script "nothing"/);
  assert.match(faultOf("node nowhere.ts") ?? "", /no file nowhere.ts/);
  assert.match(faultOf("frobnicate") ?? "", /"frobnicate"/);
  const session = "$ kibitz status | head -1   # a comment\nrepublic …\n";
  assert.deepEqual(commandsIn(session, "console"), ["kibitz status", "head -1"]);
  const script = "id=$(curl URL | sed 's/a|b//')\nls && kibitz status & cat\n";
  const found = ["curl URL", "sed 's/a|b//'", "ls", "kibitz status & cat"];
  assert.deepEqual(commandsIn(script, "sh"), found);
});

test("every command that the documentation shows is there, with its options", () => {
  const shown = of("sh", "console").flatMap((block) => {
    const language = block.language === "sh" ? "sh" : "console";
    return commandsIn(block.code, language).map((command) => ({ block, command }));
  });
  assert.ok(shown.length > 10, "commands were found");
  const faults = shown.flatMap(({ block, command }) => {
    const fault = faultOf(command);
    return fault === null ? [] : [`${placeOf(block)}: ${command}: ${fault}`];
  });
  refuse(faults);
});

test("JSON and YAML in the documentation can be parsed", () => {
  const json = of("json");
  assert.ok(json.length > 0, "there is some");
  const yaml = of("yaml");
  refuse([...faultsOf(json, JSON.parse), ...faultsOf(yaml, (code) => parseYaml(code))]);
});

test("every program in the documentation compiles", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-blocks-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(root, join(directory, "node_modules/kibitzer"));
  symlinkSync(join(root, "node_modules/@types"), join(directory, "node_modules/@types"));
  writeFileSync(join(directory, "package.json"), `{ "type": "module" }\n`);
  const standIns = join(import.meta.dirname, "stand-ins.d.ts");
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(settings(standIns)));
  const programs = programsOf(blocks);
  assert.ok(programs.length > 5, "programs were found");
  for (const { name, code } of programs) writeFileSync(join(directory, `${name}.ts`), code);
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  // Built first where a source is newer than what is compiled of it.
  const told = await run(process.execPath, [compiler, "-b", directory]).catch(said);
  refuse(told.stdout === "" ? [] : [told.stdout]);
});

/** The settings of a user: strict, and the package's own types. */
function settings(standIns: string): object {
  return {
    compilerOptions: {
      target: "es2024",
      lib: ["es2024", "esnext.disposable"],
      module: "nodenext",
      strict: true,
      skipLibCheck: true,
      types: ["node"],
      noEmit: true,
    },
    include: ["*.ts", standIns],
    references: ["src", "simulations"].map((path) => ({ path: join(root, path) })),
  };
}

function said(error: unknown): { readonly stdout: string } {
  const isTold = error instanceof Error && "stdout" in error && typeof error.stdout === "string";
  if (isTold && error.stdout !== "") return { stdout: error.stdout as string };
  throw error;
}
