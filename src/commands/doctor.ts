/**
 * `kibitz doctor`: looks at what a node depends on and cannot heal itself, and says what it means.
 * Changes nothing but a file of its own, which it removes.
 */
import Table from "cli-table3";
import { resolve } from "node:path";
import { checkDisk } from "./doctor-disk.ts";
import { checkListen, checkMember, checkVersions } from "./doctor-network.ts";
import { exitCodes } from "./exit-codes.ts";
import { HttpAsking } from "./http-asking.ts";
import { watchInterruption } from "./interruption.ts";
import { coloured, type Output } from "./output.ts";
import type { ClusterOptions } from "./options.ts";

export interface DoctorOptions extends ClusterOptions {
  readonly data?: string;
  readonly listen?: readonly string[];
}

export type Verdict = "ok" | "warning" | "failure";

/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do; null while there is nothing to do. */
  readonly advice: string | null;
  /** Measured, for scripts. */
  readonly values?: Readonly<Record<string, number | string>>;
}

const colours = { ok: "green", warning: "yellow", failure: "red" } as const;

/** @param options With whether endpoints were given: nobody is called otherwise. */
export async function doctor(
  options: DoctorOptions & { readonly isAsked: boolean },
  output: Output,
): Promise<number> {
  using interruption = watchInterruption();
  const findings: Finding[] = [];
  for await (const finding of examine(options, interruption.signal)) {
    findings.push(finding);
    if (options.json === true) output.json(finding);
  }
  if (interruption.signal.aborted) return exitCodes.interrupted;
  const count = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [warnings, failures] = [count("warning"), count("failure")];
  if (options.json !== true) output.line(textOf(findings));
  else {
    const verdict = worst.find((each) => count(each) > 0);
    output.json({ verdict, checks: findings.length, warnings, failures });
  }
  return failures > 0 ? exitCodes.failure : exitCodes.ok;
}

const worst: readonly Verdict[] = ["failure", "warning", "ok"];

async function* examine(
  options: DoctorOptions & { readonly isAsked: boolean },
  signal: AbortSignal,
): AsyncGenerator<Finding, void, void> {
  yield checkNode(process.versions.node);
  if (options.data !== undefined) yield* await checkDisk(resolve(options.data), signal);
  for (const url of options.listen ?? []) yield await checkListen(url);
  if (!options.isAsked) return;
  using http = await HttpAsking.open(options, process.env);
  for (const url of options.endpoints) yield* await checkMember(url, http, signal);
  yield await checkVersions(options, signal);
}

/** Below this the sources do not run. */
const nodeLeast = [22, 18] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough = major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1]);
  return {
    check: "node",
    verdict: isEnough ? "ok" : "failure",
    found: `Node.js ${version}`,
    advice: isEnough ? null : `Install Node.js ${nodeLeast.join(".")} or later.`,
    values: { version },
  };
}

function textOf(findings: readonly Finding[]): string {
  const style = { head: [], border: [], compact: true };
  const table = new Table({ head: ["check", "verdict", "found"], style });
  for (const { check, verdict, found } of findings) {
    table.push([check, coloured(colours[verdict], verdict, process.stdout), found]);
  }
  const advice = findings.flatMap(({ check, advice }) =>
    advice === null ? [] : `${check}: ${advice}`,
  );
  return [table.toString(), ...advice].join("\n");
}
