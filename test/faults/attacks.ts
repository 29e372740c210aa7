/** All attacks, and a part of them in which each kind of fault is there. */
import { Prng } from "../../simulations/prng.ts";
import type { Attack } from "./attack.ts";
import { clockAttacks } from "./clock-attacks.ts";
import { cutAttacks } from "./cut-attacks.ts";
import { diskAttacks } from "./disk-attacks.ts";
import { folderAttacks } from "./folder-attacks.ts";
import { mayhemAttacks } from "./mayhem-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { proxyAttacks } from "./proxy-attacks.ts";

export const attacks: readonly Attack[] = [
  ...processAttacks,
  ...cutAttacks,
  ...proxyAttacks,
  ...diskAttacks,
  ...folderAttacks,
  ...clockAttacks,
  ...mayhemAttacks,
];

/** The kinds of fault that one of these attacks brings for sure. */
export function kindsOf(some: readonly Attack[]): ReadonlySet<string> {
  return new Set(some.filter(({ isMixed }) => isMixed !== true).flatMap(({ faults }) => faults));
}

/** Few attacks that bring each kind; which ones, where there is a choice, is up to the seed. */
export function cover(all: readonly Attack[], seed: string): readonly Attack[] {
  const order = new Prng(seed).shuffle(all);
  const missing = new Set(kindsOf(all));
  const chosen = new Set<Attack>();
  const brings = (attack: Attack): number =>
    [...kindsOf([attack])].filter((kind) => missing.has(kind)).length;
  while (missing.size > 0) {
    const best = order.reduce((best, attack) => (brings(attack) > brings(best) ? attack : best));
    chosen.add(best);
    for (const kind of best.faults) missing.delete(kind);
  }
  return all.filter((attack) => chosen.has(attack));
}
