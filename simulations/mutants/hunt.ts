/**
 * Hunts mutants: each is tried by the ordinary harnesses, the fast one first, until one of them
 * reports a violation or all have had their share of seeds and seconds.
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

async function huntOne(
  workshop: Workshop,
  mutant: Mutant,
  { seedFirst, effort, harnesses }: HuntOptions,
): Promise<Verdict> {
  using _planted = workshop.plant(mutant);
  let seconds = 0;
  const reasons: string[] = [];
  for (const harness of harnesses.filter((each) => each.sees(mutant.file))) {
    const trial = await workshop.try(harness, {
      seedFirst,
      seedsMax: Math.ceil(harness.seedsMax * effort),
      secondsMax: harness.secondsMax,
    });
    seconds += trial.seconds;
    const { finding } = trial;
    if (finding === null || finding.invariant === null) {
      const found = finding === null ? trial.said : finding.message;
      reasons.push(`${harness.name}: ${trial.late ? "out of time; " : ""}${found.trim()}`);
      continue;
    }
    const seeds = finding.seed - seedFirst + 1;
    const { invariant: killedBy, message } = finding;
    return { mutant, killedBy, harness: harness.name, seeds, seconds, message };
  }
  const message = reasons.join(" | ");
  return { mutant, killedBy: null, harness: null, seeds: 0, seconds, message };
}
