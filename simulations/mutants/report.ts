/** What a hunt found, for people: lines, totals, and the page in docs/. Runs nothing. */
import type { Verdict } from "./hunt.ts";
import type { NotBug } from "./not-bugs.ts";

export interface Totals {
  readonly mutants: number;
  readonly killed: number;
  readonly survivors: readonly string[];
  readonly medianSeconds: number;
  readonly worstSeconds: number;
  readonly medianSeeds: number;
  readonly worstSeeds: number;
}

export function totalsOf(verdicts: readonly Verdict[]): Totals {
  const killed = verdicts.filter(({ killedBy }) => killedBy !== null);
  const seconds = killed.map((verdict) => verdict.seconds);
  const seeds = killed.map((verdict) => verdict.seeds);
  return {
    mutants: verdicts.length,
    killed: killed.length,
    survivors: verdicts
      .filter(({ killedBy }) => killedBy === null)
      .map(({ mutant }) => mutant.name),
    medianSeconds: rounded(median(seconds)),
    worstSeconds: rounded(Math.max(0, ...seconds)),
    medianSeeds: median(seeds),
    worstSeeds: Math.max(0, ...seeds),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

export function verdictLine({ mutant, killedBy, harness, seeds, seconds }: Verdict): string {
  const how =
    killedBy === null
      ? "SURVIVES"
      : `killed by ${killedBy}, ${harness} simulation, ${seeds} seed${seeds === 1 ? "" : "s"}`;
  return `${mutant.name.padEnd(40)} ${how}, ${seconds.toFixed(1)} s`;
}

export function summaryLine(totals: Totals): string {
  const { mutants, killed, survivors } = totals;
  const left = survivors.length === 0 ? "" : `; survivors: ${survivors.join(", ")}`;
  return (
    `${killed} of ${mutants} mutants killed; median ${totals.medianSeconds} s and ` +
    `${totals.medianSeeds} seeds, worst ${totals.worstSeconds} s and ` +
    `${totals.worstSeeds} seeds${left}`
  );
}

/** How and where a hunt was held. */
export interface Occasion {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly jobs: number;
  readonly seconds: number;
}

const introduction = `
Bugs planted on purpose, one at a time, each a line or so of the shipped code
([catalogue](../simulations/mutants/catalogue.ts)), among them bugs of our own that were fixed;
\`npm run mutants\` lets the ordinary simulations hunt each, the core's alone first, then that of
whole nodes, with more and more seeds. None has a check made for it. A mutant that survives is work
to do on the simulations.

\`--only NAME\` hunts one, \`--out docs/mutants.md\` writes this page.
`.trim();

const notBugsIntroduction = `
Slips that break nothing, since something else does the same, or says so sooner
([list](../simulations/mutants/not-bugs.ts)). They are not hunted, and not counted.
`.trim();

export function markdown(
  verdicts: readonly Verdict[],
  notBugs: readonly NotBug[],
  occasion: Occasion,
): string {
  const { date, commit, machine, jobs, seconds } = occasion;
  const totals = totalsOf(verdicts);
  const killed = verdicts.filter(({ killedBy }) => killedBy !== null);
  const survivors = verdicts.filter(({ killedBy }) => killedBy === null);
  const measured =
    `Measured on ${date} at ${commit}, ${machine}, ${jobs} at a time: **${totals.killed} of ` +
    `${totals.mutants} killed**, in ${totals.medianSeconds} s and ${totals.medianSeeds} seeds at ` +
    `the median, ${totals.worstSeconds} s and ${totals.worstSeeds} seeds at worst, ` +
    `${Math.round(seconds / 60)} minutes in all. \`core\` is the simulation of the core alone, ` +
    "`full` that of whole nodes; seconds include the start of the process, and harnesses that " +
    "found nothing.";
  const survived = survivors.length === 0 ? [] : ["## Survivors", "", ...tableOf(survivors), ""];
  return [
    "# Mutants",
    "",
    introduction,
    "",
    wrapped(measured),
    "",
    ...survived,
    "## Killed",
    "",
    "`breaks` is the invariant that the slip breaks; `by` the one that noticed first, which may be",
    "an assertion in the node itself (`assertion`, `KBZ_INVARIANT`), or an exception (`uncaught`).",
    "",
    ...killedTableOf(killed),
    "",
    "## Not bugs",
    "",
    notBugsIntroduction,
    "",
    "| slip | where | what | why nothing breaks |",
    "| --- | --- | --- | --- |",
    ...notBugs.map(({ name, file, about, why }) => row([code(name), link(file), about, why])),
    "",
  ].join("\n");
}

function tableOf(verdicts: readonly Verdict[]): readonly string[] {
  const rows = verdicts.map(({ mutant: { name, file, about, invariant, lives }, seconds }) => {
    return row([code(name), link(file), about, invariant, seconds.toFixed(1), lives ?? "–"]);
  });
  return [
    "| mutant | where | what | breaks | s | why it lives |",
    "| --- | --- | --- | --- | --: | --- |",
    ...rows,
  ];
}

function killedTableOf(verdicts: readonly Verdict[]): readonly string[] {
  const byFile = verdicts.toSorted(({ mutant: left }, { mutant: right }) => {
    const [one, other] = [`${left.file} ${left.name}`, `${right.file} ${right.name}`];
    return one < other ? -1 : 1;
  });
  const rows = byFile.map(({ mutant, killedBy, harness, seeds, seconds }) => {
    const { name, file, about, invariant } = mutant;
    const what = [code(name), link(file), about, invariant];
    return row([...what, killedBy ?? "", harness ?? "", String(seeds), seconds.toFixed(1)]);
  });
  return [
    "| mutant | where | what | breaks | by | in | seeds | s |",
    "| --- | --- | --- | --- | --- | --- | --: | --: |",
    ...rows,
  ];
}

/** In lines of at most 100 columns. */
function wrapped(text: string): string {
  return text.replace(/(.{1,100})(?: |$)/g, "$1\n").trimEnd();
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function link(file: string): string {
  return `[${file}](../${file})`;
}
