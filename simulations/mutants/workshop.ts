/**
 * A copy of the sources in a temporary directory, in which one mutant at a time lives, and where
 * harnesses run as processes of their own. Never touches the sources themselves.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DrawName } from "../swarm/draws.ts";
import { findingIn, type Finding, type Harness } from "./harness.ts";
import { mutate, type Mutant } from "./mutant.ts";

const folders = ["consensus", "transport", "src", "simulations"] as const;

export interface Trial {
  readonly finding: Finding | null;
  readonly seconds: number;
  /** Whether it was ended because it took too long. */
  readonly late: boolean;
  /** What it said on stderr, its end. */
  readonly said: string;
}

export interface TrialBounds {
  readonly seedFirst: number;
  readonly seedsMax: number;
  readonly secondsMax: number;
  /** Of whole nodes only the runs that draw this. */
  readonly draws: DrawName | null;
}

export class Workshop implements Disposable {
  readonly #root: string;
  readonly #directory: string;

  /** @param root The repository. */
  constructor(root: string) {
    this.#root = root;
    this.#directory = mkdtempSync(join(tmpdir(), "kibitz-mutants-"));
    for (const folder of folders) {
      cpSync(join(root, folder), join(this.#directory, folder), { recursive: true });
    }
    cpSync(join(root, "package.json"), join(this.#directory, "package.json"));
    symlinkSync(join(root, "node_modules"), join(this.#directory, "node_modules"));
    mkdirSync(this.#temporary);
  }

  get #temporary(): string {
    return join(this.#directory, "temporary");
  }

  /** Puts the mutant in; the returned function takes it out. */
  plant(mutant: Mutant): Disposable {
    const source = readFileSync(join(this.#root, mutant.file), "utf8");
    const target = join(this.#directory, mutant.file);
    writeFileSync(target, mutate(source, mutant));
    return { [Symbol.dispose]: () => writeFileSync(target, source) };
  }

  /** Runs a harness until it finds something, has run its seeds, or has used up its time. */
  async try(harness: Harness, bounds: TrialBounds): Promise<Trial> {
    const begun = performance.now();
    const { secondsMax } = bounds;
    const child = spawn(process.execPath, [harness.script, ...flagsOf(harness, bounds)], {
      cwd: this.#directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        TMPDIR: this.#temporary,
        NODE_COMPILE_CACHE: join(this.#directory, "compiled"),
      },
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, secondsMax * 1000);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2000);
    });
    const ended = new Promise<void>((resolve, reject) => {
      child.once("error", reject).once("close", () => resolve());
    });
    let finding: Finding | null = null;
    for await (const line of createInterface({ input: child.stdout })) {
      finding ??= findingIn(line);
      // The first is enough; what the other seeds say is not waited for.
      if (finding !== null) child.kill("SIGKILL");
    }
    await ended;
    clearTimeout(timer);
    rmSync(this.#temporary, { recursive: true });
    mkdirSync(this.#temporary);
    return { finding, seconds: (performance.now() - begun) / 1000, late, said };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function flagsOf(
  { name }: Harness,
  { seedFirst, seedsMax, draws }: TrialBounds,
): readonly string[] {
  const from = name === "core" ? "--first" : "--from";
  const always = ["--json", "--seeds", String(seedsMax), from, String(seedFirst)];
  return name === "core" || draws === null ? always : [...always, "--draws", draws];
}
