/** Where figures come from: the commit, and the machine. */
import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";

export interface Provenance {
  readonly commit: string;
  readonly machine: string;
}

export function provenance(): Provenance {
  const [cpu] = cpus();
  return {
    commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
    machine: `${cpus().length} × ${cpu?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}
