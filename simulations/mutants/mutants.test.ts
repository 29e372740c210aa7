/** That the catalogue fits the sources, and that a hunt tells a kill from a survival. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { catalogue } from "./catalogue.ts";
import { findingIn, harnesses } from "./harness.ts";
import { hunt, type Verdict } from "./hunt.ts";
import { mutate, type Mutant } from "./mutant.ts";
import { notBugs } from "./not-bugs.ts";
import { markdown, summaryLine, totalsOf, verdictLine } from "./report.ts";

const root = join(import.meta.dirname, "..", "..");

function named(name: string): Mutant {
  const mutant = catalogue.find((each) => each.name === name);
  assert.ok(mutant !== undefined, `no mutant ${name}`);
  return mutant;
}

const votesEarly = named("votes-before-sync");
const harmless: Mutant = { ...votesEarly, name: "harmless", replace: votesEarly.find };

function verdict(mutant: Mutant, seconds: number, killedBy: string | null): Verdict {
  return { mutant, seconds, killedBy, harness: "full", seeds: seconds, message: "" };
}

test("there are enough mutants, and each has a name of its own", () => {
  assert.ok(catalogue.length >= 60, `${catalogue.length}`);
  assert.equal(new Set(catalogue.map(({ name }) => name)).size, catalogue.length);
  for (const { name, about, invariant } of catalogue) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.match(about, /^[A-Z].*\.$/, name);
    assert.match(invariant, /^[ACDLMNRSW]\d+$/, name);
  }
});

test("what is no bug has a reason, and is not hunted", () => {
  for (const { name, about, why } of notBugs) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.match(about, /^[A-Z].*\.$/, name);
    assert.match(why, /^[A-Z].{20,}[.)]$/, name);
    assert.ok(!catalogue.some((mutant) => mutant.name === name), name);
  }
});

test("each patch fits its file at one place, and changes it", () => {
  const refusals = [...catalogue, ...notBugs].flatMap((mutant) => {
    const source = readFileSync(join(root, mutant.file), "utf8");
    try {
      return mutate(source, mutant) === source ? [`mutant ${mutant.name} changes nothing`] : [];
    } catch (error) {
      return [String(error)];
    }
  });
  assert.deepEqual(refusals, []);
});

test("a patch stands however its lines are broken, but not nowhere or twice", () => {
  const mutant = { ...harmless, file: "a.ts", find: "if (a(b)) return $1;", replace: "$&;" };
  assert.equal(mutate("x; if (a(b))\n    return $1; y", mutant), "x; $&; y");
  assert.throws(() => mutate("if (a(c)) return $1;", mutant), /0 times, wanted once/);
  const twice = "if (a(b)) return $1; if (a(b)) return $1;";
  assert.throws(() => mutate(twice, mutant), /mutant harmless: a\.ts .* 2 times, wanted once/);
});

test("only a broken invariant is a finding of a harness", () => {
  const failure = { id: "A1", message: "A1: two values" };
  const found = { invariant: "A1", message: "A1: two values", seed: 7 };
  assert.deepEqual(findingIn(JSON.stringify({ seed: 7, failure })), found);
  const fell = findingIn(JSON.stringify({ seed: 7, failure: { ...failure, id: "harness" } }));
  assert.deepEqual(fell, { ...found, invariant: null });
  assert.equal(findingIn(JSON.stringify({ seed: 7, failure: null })), null);
  assert.equal(findingIn(JSON.stringify({ summary: {} })), null);
  assert.equal(findingIn("some other line"), null);
});

test("a planted bug is killed by its invariant, and none that changes nothing", async () => {
  const told: string[] = [];
  const verdicts = await hunt([votesEarly, harmless], {
    root,
    jobs: 1,
    seedFirst: 1,
    effort: 1 / 400,
    harnesses: harnesses.filter(({ name }) => name === "core"),
    told: ({ mutant }) => told.push(mutant.name),
  });
  assert.deepEqual(told, ["votes-before-sync", "harmless"]);
  const [killed, survivor] = verdicts;
  assert.ok(killed !== undefined && survivor !== undefined);
  assert.equal(killed.killedBy, "D1");
  assert.equal(killed.harness, "core");
  assert.equal(killed.seeds, 1);
  assert.match(killed.message, /not durable/);
  assert.equal(survivor.killedBy, null, survivor.message);
  assert.deepEqual(totalsOf(verdicts).survivors, ["harmless"]);
});

test("a part of a seed or of a job is refused before anything is hunted", () => {
  const command = join(root, "simulations/mutants/run.ts");
  for (const [option, value] of [
    ["--seed", "1.5"],
    ["--jobs", "0.5"],
  ] as const) {
    const args = [command, "--list", option, value];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(status, 2, stderr);
    assert.match(stderr, new RegExp(`^${option}: wanted a whole number from \\d, got "${value}"`));
  }
});

test("a report counts what was killed, and names what was not", () => {
  const verdicts = [
    verdict(votesEarly, 1, "D1"),
    verdict(votesEarly, 9, "A1"),
    verdict(votesEarly, 3, "D1"),
    verdict(harmless, 100, null),
  ];
  const totals = totalsOf(verdicts);
  assert.equal(totals.killed, 3);
  assert.equal(totals.medianSeconds, 3);
  assert.equal(totals.worstSeconds, 9);
  assert.match(summaryLine(totals), /^3 of 4 mutants killed; .*; survivors: harmless$/);
  assert.match(verdictLine(verdict(harmless, 1, null)), /harmless +SURVIVES/);
  const page = markdown(verdicts, notBugs.slice(0, 1), {
    date: "2026-11-21",
    commit: "abc",
    machine: "a machine",
    jobs: 2,
    seconds: 113,
  });
  assert.match(page, /\*\*3 of 4 killed\*\*/);
  assert.match(page, /## Survivors\n[^#]*\| `harmless` \|.*\| D1 \| 100\.0 \| – \|/);
  assert.match(
    page,
    /## Killed\n[^#]*\| `votes-before-sync` \|.*\| D1 \| D1 \| full \| 1 \| 1\.0 \|/,
  );
  assert.match(page, new RegExp(`## Not bugs\n[^#]*\\| \`${notBugs[0]?.name}\` \\|`));
});
