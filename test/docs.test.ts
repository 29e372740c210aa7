/**
 * The documentation against the tree and the code: links lead somewhere, and every table that lists
 * something lists all of it, with its real value. Judges no prose.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { limits } from "../consensus/index.ts";
import { exitCodes } from "../src/commands/exit-codes.ts";
import { createProgram } from "../src/commands/program.ts";
import { isKibitzerErrorCode } from "../src/index.ts";
import { isTransportErrorCode, transportLimits } from "../transport/index.ts";
import { captureOutput } from "./commands/captured-output.ts";

const root = join(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The markdown files that git tracks, or would. */
function pages(): readonly string[] {
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"];
  const names = execFileSync("git", options, { cwd: root, encoding: "utf8" }).split("\n");
  return [...new Set(names)].filter((name) => name !== "" && existsSync(join(root, name)));
}

/** Text without its blocks of code, in which nothing is a link. */
function proseOf(path: string): string {
  return read(path).replace(/^```[\s\S]*?^```$/gm, "");
}

/** What a heading is called in a link, as GitHub does it. */
function anchorOf(heading: string): string {
  const text = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "");
  return text.trim().replaceAll(" ", "-");
}

function anchorsOf(path: string): ReadonlySet<string> {
  const headings = [...proseOf(path).matchAll(/^#+ (.*)$/gm)];
  return new Set(headings.map(([, heading = ""]) => anchorOf(heading)));
}

/** Rows of all tables of a page: their cells, without the code marks. */
function rowsOf(path: string): readonly (readonly string[])[] {
  return proseOf(path)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.replaceAll("`", "").trim()),
    );
}

function firstCells(path: string): readonly string[] {
  return rowsOf(path).map(([first = ""]) => first);
}

function refuse(places: readonly string[]): void {
  assert.equal(places.length, 0, `\n${places.join("\n")}\n`);
}

/** The string members of a union in a source, as they stand there. */
function membersOf(path: string, pattern: RegExp): readonly string[] {
  return [...read(path).matchAll(pattern)].map(([, name = ""]) => name);
}

test("every link leads to a file and a heading that are there", () => {
  const links = pages().flatMap((page) => {
    const found = [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)];
    return found.map(([, target = ""]) => ({ page, target }));
  });
  const local = links.filter(({ target }) => !/^[a-z]+:/.test(target));
  assert.ok(local.length > 50, "links were found");
  const broken = local.filter(({ page, target }) => {
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? page : normalize(join(dirname(page), file));
    if (path.startsWith("..") || !existsSync(join(root, path))) return true;
    return anchor !== undefined && path.endsWith(".md") && !anchorsOf(path).has(anchor);
  });
  refuse(broken.map(({ page, target }) => `${page}: ${target}`));
});

test("every file that ARCHITECTURE.md names is linked there", () => {
  const text = proseOf("ARCHITECTURE.md");
  const linked = text.replace(/\[[^\]]*\]\([^)]*\)/g, "");
  const named = [...linked.matchAll(/[\w./-]+\.(?:ts|json|md)\b/g)].map(([name]) => name);
  refuse(named.map((name) => `ARCHITECTURE.md: ${name} is named without a link`));
});

test("the decisions are numbered without a gap", () => {
  const files = pages().filter((page) => page.startsWith("docs/decisions/"));
  const numbers = files.map((file) => Number(/\/(\d{4})-/.exec(file)?.[1]));
  assert.ok(numbers.length > 0);
  assert.deepEqual(new Set(numbers), new Set(numbers.map((_, at) => at + 1)));
  for (const file of files) {
    for (const part of ["**Context.**", "**Choice.**", "**Price.**"]) {
      assert.ok(read(file).includes(part), `${file} has no ${part}`);
    }
  }
});

test("docs/limits.md lists every limit with its value", () => {
  const rows = rowsOf("docs/limits.md");
  const missing = [...Object.entries(limits), ...Object.entries(transportLimits)].filter(
    ([name, value]) => {
      const shown =
        typeof value === "number"
          ? value.toLocaleString("en")
          : `${value.control} control, ${value.bulk} bulk`;
      return !rows.some(([first, second]) => first === name && second === shown);
    },
  );
  refuse(missing.map(([name, value]) => `docs/limits.md: ${name} = ${JSON.stringify(value)}`));
});

test("docs/errors.md lists every code, and none that is not", () => {
  const listed = firstCells("docs/errors.md").filter((cell) => cell.startsWith("KBZ_"));
  refuse(listed.filter((code) => !isKibitzerErrorCode(code) && !isTransportErrorCode(code)));
  const sources = ["src/kibitzer-error.ts", "transport/transport-error.ts"];
  const codes = sources.flatMap((path) => membersOf(path, /^ {2}\| "(KBZ_[A-Z_]+)"/gm));
  assert.ok(codes.length > 20, "codes were found");
  refuse(codes.filter((code) => !listed.includes(code)));
});

test("docs/protocol.md lists every message", () => {
  const kinds = membersOf("consensus/messages.ts", /readonly kind: "(\w+)"/g);
  assert.ok(kinds.length > 10, "messages were found");
  const listed = firstCells("docs/protocol.md");
  refuse(kinds.filter((kind) => !listed.includes(kind)));
});

test("docs/protocol.md: the ids of each property lead back to it", () => {
  const rows = rowsOf("docs/protocol.md");
  const forth = rows.flatMap(([number = "", , , holders = ""]) => {
    if (!/^P\d+$/.test(number)) return [];
    return [...holders.matchAll(/\b([A-Z]\d+)\b/g)].map(([id]) => `${id} ${number}`);
  });
  const back = rows.flatMap((cells) =>
    cells.flatMap((cell, at) => {
      const property = cells[at + 1] ?? "";
      if (!/^P\d+$/.test(property) || !/^[A-Z]\d+(, [A-Z]\d+)*$/.test(cell)) return [];
      return cell.split(", ").map((id) => `${id} ${property}`);
    }),
  );
  assert.ok(forth.length > 15, "properties were found");
  assert.deepEqual(new Set(forth), new Set(back));
});

test('docs/promises.md: each promise has tests of its name, or says "not yet"', () => {
  const [, ...sections] = read("docs/promises.md").split(/^## /m);
  const promised = sections
    .filter((section) => !section.includes("**not yet**"))
    .map((section) => section.slice(0, section.indexOf(" ")));
  const tests = execFileSync(
    "git",
    ["ls-files", "--cached", "--others", "--", "*.test.ts", "*.journey.ts"],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  const kept = tests
    .trim()
    .split("\n")
    .flatMap((path) => [...read(path).matchAll(/^ *test\(\s*["'`](P\d+) /gm)])
    .map(([, id = ""]) => id);
  assert.deepEqual([...new Set(kept)].toSorted(), promised.toSorted());
});

test("docs/dependencies.md lists every dependency", () => {
  const manifest = read("package.json");
  const [, block = ""] = /"dependencies": (\{[\s\S]*?\})/.exec(manifest) ?? [];
  const [, developing = ""] = /"devDependencies": (\{[\s\S]*?\})/.exec(manifest) ?? [];
  const names = [block, developing].flatMap((found) => Object.keys(JSON.parse(found)));
  const listed = firstCells("docs/dependencies.md").flatMap((cell) => cell.split(", "));
  assert.ok(names.length > 10, "dependencies were found");
  refuse(names.filter((name) => !listed.includes(name)).map((name) => `not listed: ${name}`));
});

test("docs/commands.md lists every command and every exit code", () => {
  const listed = firstCells("docs/commands.md");
  const program = createProgram(captureOutput().output, () => undefined);
  const names = program.commands.flatMap((command) => {
    const parts = command.commands.map((part) => `kibitz ${command.name()} ${part.name()}`);
    return parts.length > 0 ? parts : [`kibitz ${command.name()}`];
  });
  const isListed = (name: string): boolean =>
    listed.some((cell) => cell === name || cell.startsWith(`${name} `));
  refuse(names.filter((name) => !isListed(name)).map((name) => `not listed: ${name}`));
  refuse(
    listed.filter((cell) => cell.startsWith("kibitz ") && !names.some((n) => cell.startsWith(n))),
  );
  const codes = Object.values(exitCodes).map(String);
  refuse(codes.filter((code) => !listed.includes(code)).map((code) => `not listed: ${code}`));
});
