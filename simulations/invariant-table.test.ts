/**
 * The table of invariants in the README says what the code does: every id that a check can name is
 * in it, with the part that names it and a test that makes it fail there; and nothing else is.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

const here = import.meta.dirname;

/** The last number of each letter: what this project is held to. */
const numbered = { A: 17, D: 11, S: 5, C: 8, W: 6, M: 8, R: 6, L: 10, H: 5 } as const;

function idsOf(letter: string, last: number): readonly string[] {
  return Array.from({ length: last }, (_, at) => `${letter}${at + 1}`);
}

const all = Object.entries(numbered).flatMap(([letter, last]) => idsOf(letter, last));

/** Which of the harnesses a file belongs to. */
function partOf(file: string): string {
  if (file.startsWith("core/")) return "core";
  if (file.startsWith("partitions/")) return "cuts";
  return file.startsWith("explorer/") ? "steps" : "nodes";
}

/** Planted bugs name what should find them; the rest names faults, or judges others' systems. */
const exempt = /^(?:mutants|history)\/|^(?:fault-kinds|coverage-marks|simulate)\.ts$/;

function filesOf(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: here }).filter((file) => !exempt.test(file));
}

/** Ids that a source names as broken; not those that it only compares with. */
function named(file: string): ReadonlySet<string> {
  const text = readFileSync(join(here, file), "utf8");
  const ids = [...text.matchAll(/(?<!=== )["`]([ADSCWMRL]\d+)(?:"|: )/g)];
  return new Set(ids.map(([, id = ""]) => id));
}

/** The rows of the tables under a heading: their cells, without the code marks. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const text = readFileSync(join(here, "README.md"), "utf8");
  const section = text.split(/^## /m).find((each) => each.startsWith(heading)) ?? "";
  const rows = section.split("\n").filter((line) => /^\| [A-Z]\d/.test(line));
  return rows.map((line) => {
    return line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim());
  });
}

function listed(cell = ""): readonly string[] {
  return cell.split(", ").filter((each) => each !== "");
}

const sources = filesOf("**/*.ts").filter((file) => !file.endsWith(".test.ts"));
const tests = filesOf("**/*.test.ts");
const rows = rowsUnder("What is checked");
const checked = rows.filter((row) => row.length === 4);
const others = rows.filter((row) => row.length === 2);

test("each id that a check names stands in the table, with the parts that name it", () => {
  const found = new Map<string, Set<string>>();
  for (const file of sources) {
    for (const id of named(file)) {
      found.set(id, (found.get(id) ?? new Set()).add(partOf(file)));
    }
  }
  const told = checked.map(([id = "", , where]) => `${id}: ${listed(where).join(", ")}`);
  const expected = all.flatMap((id) => {
    const parts = found.get(id);
    return parts === undefined ? [] : [`${id}: ${[...parts].toSorted().join(", ")}`];
  });
  assert.ok(expected.length > 30);
  assert.deepEqual(told.toSorted(), expected.toSorted());
});

test("each check was seen to fail, by a test of its part that the table names (H3)", () => {
  for (const [id = "", , where, by] of checked) {
    const shown = listed(by).map((name) => {
      const [file, ...more] = tests.filter((each) => basename(each) === `${name}.test.ts`);
      assert.ok(file !== undefined && more.length === 0, `${id}: one test is called ${name}`);
      const text = readFileSync(join(here, file), "utf8");
      assert.match(text, new RegExp(`\\b${id}\\b`), `${file} shows how ${id} fails`);
      return partOf(file);
    });
    assert.deepEqual([...new Set(shown)].toSorted(), listed(where), id);
  }
});

test("of every other invariant it is said why no check has its name", () => {
  const told = [...checked, ...others].flatMap(([ids]) => listed(ids));
  assert.deepEqual(told.toSorted(), all.toSorted());
});
