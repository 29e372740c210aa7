/**
 * The ordinary harnesses, as commands: what each is called with, whether it can see a file at all,
 * and how its lines are read. Knows no mutant.
 */

export interface Finding {
  /** Null when the harness fell over, which finds nothing. */
  readonly invariant: string | null;
  readonly message: string;
  readonly seed: number;
}

export interface Harness {
  readonly name: "core" | "full";
  readonly script: string;
  /** How many seeds, and how many seconds, are spent on one mutant at most. */
  readonly seedsMax: number;
  readonly secondsMax: number;
  sees(file: string): boolean;
}

/** The core alone, then whole nodes: the fast one first. */
export const harnesses: readonly Harness[] = [
  {
    name: "core",
    script: "simulations/core/run.ts",
    seedsMax: 400,
    secondsMax: 300,
    // The publisher's queue is of the core, too, but has no part in its simulation.
    sees: (file) => file.startsWith("consensus/") && !file.startsWith("consensus/islander"),
  },
  {
    name: "full",
    script: "simulations/simulate.ts",
    seedsMax: 600,
    secondsMax: 600,
    sees: () => true,
  },
];

/** What a line of a harness's `--json` says was broken; null for every other line. */
export function findingIn(line: string): Finding | null {
  const report = parsed(line);
  if (report === null || typeof report["failure"] !== "object") return null;
  const { failure, seed } = report;
  if (!isFields(failure)) return null;
  const id = String(failure["id"]);
  const message = String(failure["message"]);
  return { invariant: id === "harness" ? null : id, message, seed: Number(seed) };
}

interface Fields {
  readonly [name: string]: unknown;
  readonly failure?: unknown;
  readonly seed?: unknown;
}

function parsed(line: string): Fields | null {
  if (!line.startsWith("{")) return null;
  const value: unknown = JSON.parse(line);
  return isFields(value) ? value : null;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
