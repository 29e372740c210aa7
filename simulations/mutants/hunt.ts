/**
 * Hunts mutants: each is tried by the ordinary harnesses in turn, the fast one first, with
 * more and more seeds, until one of them reports a violation or all have had their share.
 */
import type { Harness } from "./harness.ts";
import type { Mutant } from "./mutant.ts";
import { Workshop } from "./workshop.ts";

/** How a mutant fared. */
export interface Verdict {
  readonly mutant: Mutant;
  /** The invariant that was broken, or null: it survived. */
  readonly killedBy: string | null;
  readonly harness: Harness["name"] | null;
  /** Seeds of the harness that killed it, up to and with the one that did. */
  readonly seeds: number;
  /** Of all harnesses together, starting them included. */
  readonly seconds: number;
  /** What the harness said; of a survivor, why each was left. */
  readonly message: string;
}

export interface HuntOptions {
  /** The repository. */
  readonly root: string;
  readonly jobs: number;
  readonly seedFirst: number;
  /** Times the seeds that harnesses spend at most. */
  readonly effort: number;
  readonly harnesses: readonly Harness[];
  told(verdict: Verdict): void;
}

/** Verdicts in the order of `mutants`. */
export async function hunt(
  mutants: readonly Mutant[],
  options: HuntOptions,
): Promise<readonly Verdict[]> {
  const verdicts = new Map<Mutant, Verdict>();
  const waiting = [...mutants];
  const work = async (): Promise<void> => {
    using workshop = new Workshop(options.root);
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await huntOne(workshop, mutant, options);
      verdicts.set(mutant, verdict);
      options.told(verdict);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, mutants.length) }, work));
  return mutants.flatMap((mutant) => verdicts.get(mutant) ?? []);
}

/** Parts of the seeds that are spent on a mutant, the harnesses taking turns. */
const rounds = [0.01, 0.1, 1] as const;

/** Times the seeds, where only those count that draw something. */
const seedsPassed = 8;

async function huntOne(
  workshop: Workshop,
  mutant: Mutant,
  { seedFirst, effort, harnesses }: HuntOptions,
): Promise<Verdict> {
  using _planted = workshop.plant(mutant);
  const { draws = null } = mutant;
  const able = harnesses.filter((each) => each.sees(mutant.file));
  const reasons = new Map<Harness, string>();
  const done = new Map<Harness, number>();
  let seconds = 0;
  const turns = rounds.flatMap((part) => able.map((harness) => ({ harness, part })));
  for (const { harness, part } of turns) {
    const { name, seedsMax, secondsMax } = harness;
    const from = done.get(harness) ?? 0;
    // Passing over a seed costs nothing.
    const passed = draws === null || name === "core" ? 1 : seedsPassed;
    const to = Math.ceil(seedsMax * effort * part * passed);
    if (to <= from) continue;
    done.set(harness, to);
    const bounds = { seedFirst: seedFirst + from, seedsMax: to - from, secondsMax, draws };
    const trial = await workshop.try(harness, bounds);
    seconds += trial.seconds;
    const { finding } = trial;
    if (finding === null || finding.invariant === null) {
      const found = finding === null ? trial.said : finding.message;
      reasons.set(harness, `${name}: ${trial.late ? "out of time; " : ""}${found.trim()}`);
      continue;
    }
    const seeds = finding.seed - seedFirst + 1;
    const { invariant: killedBy, message } = finding;
    return { mutant, killedBy, harness: name, seeds, seconds, message };
  }
  const message = [...reasons.values()].join(" | ");
  return { mutant, killedBy: null, harness: null, seeds: 0, seconds, message };
}
