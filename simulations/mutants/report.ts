/** What a hunt found, for people: lines, totals, and the page in docs/. Runs nothing. */
import type { Verdict } from "./hunt.ts";

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
A harness that finds nothing proves something only if it would have found something. So bugs are
planted: each is one slip in one file, kept as data in a
[catalogue](../simulations/mutants/catalogue.ts), among them bugs of our own that were fixed. A
command puts each into a copy of the sources and lets the _ordinary_ simulations run on it, the
core's alone first, then that of whole nodes, with more and more seeds, until one reports a
violation. No check is made for a mutant; one that survives shows what the simulations never draw or
never look at.

\`npm run mutants\` hunts all of them, \`--only NAME\` one; \`--out FILE\` writes this page.
`;

export function markdown(verdicts: readonly Verdict[], occasion: Occasion): string {
  const { date, commit, machine, jobs, seconds } = occasion;
  const rows = verdicts.map(({ mutant, killedBy, harness, ...took }) => {
    const where = `[${mutant.file}](../${mutant.file})`;
    const seeds = killedBy === null ? "–" : String(took.seeds);
    const how = `${killedBy ?? "**survives**"} | ${harness ?? "–"} | ${seeds}`;
    const about = mutant.about.replaceAll("|", String.raw`\|`);
    return (
      `| ${mutant.name} | ${where} | ${about} | ${mutant.invariant} | ${how} | ` +
      `${took.seconds.toFixed(1)} |`
    );
  });
  return [
    "# Mutants",
    introduction.trimEnd(),
    "",
    `Measured on ${date} at commit ${commit}, on ${machine}, ${jobs} at a time, ` +
      `${seconds.toFixed(0)} s in all. ${summaryLine(totalsOf(verdicts))}.`,
    "",
    "`Breaks` is the invariant that the slip breaks; `killed by` the one that noticed first, which",
    "may be an assertion in the node itself (`assertion`, `KBZ_INVARIANT`). Seeds are those of the",
    "harness that killed it; seconds include starting it, and a harness that found nothing before.",
    "",
    "| mutant | where | the slip | breaks | killed by | harness | seeds | s |",
    "| --- | --- | --- | --- | --- | --- | --: | --: |",
    ...rows,
    "",
  ].join("\n");
}
