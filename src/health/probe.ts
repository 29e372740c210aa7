/**
 * The answer to a probe: named checks, what is wrong with each, and the text that tells it, in the
 * form that Kubernetes made usual. Knows neither nodes nor HTTP.
 */

export const probeNames = ["livez", "readyz", "startupz"] as const;
export type ProbeName = (typeof probeNames)[number];

export interface Check {
  readonly name: string;
  /** What is wrong, in words; null while nothing is. */
  readonly problem: string | null;
}

export interface ProbeOptions {
  /** Lists the checks even if all is well. */
  readonly verbose?: boolean;
  /** Checks that do not count, by name. */
  readonly exclude?: readonly string[];
}

export interface Health {
  readonly isWell: boolean;
  readonly checks: readonly Check[];
}

export function healthOf(checks: readonly Check[], exclude: readonly string[] = []): Health {
  const isWell = checks.every(({ name, problem }) => problem === null || exclude.includes(name));
  return { isWell, checks };
}

export interface ProbeAnswer {
  readonly status: 200 | 503;
  readonly text: string;
}

/** What fails is always told; what is well, too, if it was asked for. */
export function probeAnswer(
  probe: ProbeName,
  checks: readonly Check[],
  { verbose = false, exclude = [] }: ProbeOptions = {},
): ProbeAnswer {
  const { isWell } = healthOf(checks, exclude);
  const status = isWell ? 200 : 503;
  if (isWell && !verbose) return { status, text: "ok\n" };
  const lines = checks.map(({ name, problem }) => {
    if (exclude.includes(name)) return `[+]${name} excluded: ${problem ?? "ok"}`;
    return problem === null ? `[+]${name} ok` : `[-]${name} failed: ${problem}`;
  });
  const unknown = exclude.filter((name) => !checks.some((check) => check.name === name));
  const warnings = unknown.map((name) => `warn: there is no check "${name}" to exclude`);
  const verdict = `${probe} check ${isWell ? "passed" : "failed"}`;
  return { status, text: [...lines, ...warnings, verdict, ""].join("\n") };
}
