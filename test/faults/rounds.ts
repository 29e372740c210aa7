/**
 * Carries the attacks out, several at a time, round after round. Runs in namespaces of its own,
 * which the command makes; what it leaves behind there is gone with it.
 */
import { carryOut, type Attack, type Result } from "./attack.ts";
import { openNetwork } from "./network.ts";

export interface Plan {
  readonly attacks: readonly Attack[];
  readonly rounds: number;
  /** Further rounds begin until so many minutes are over; null: only `rounds` count. */
  readonly minutes: number | null;
  /** Of the first round; the next ones count on. */
  readonly seed: number;
  readonly parallel: number;
  /** Where all histories are kept, or null. */
  readonly histories: string | null;
}

/** All results, in the order in which they came. */
export async function carryOutAll(
  plan: Plan,
  told: (result: Result) => void,
): Promise<readonly Result[]> {
  await openNetwork();
  const results: Result[] = [];
  const ends = plan.minutes === null ? null : performance.now() + plan.minutes * 60_000;
  let number = 0;
  const isOver = (): boolean => {
    if (ends !== null) return performance.now() > ends;
    return number >= plan.rounds * plan.attacks.length;
  };
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const round = Math.floor(number / plan.attacks.length);
      const attack = plan.attacks[number % plan.attacks.length];
      number += 1;
      if (attack === undefined) return;
      const result = await carryOut(attack, {
        number,
        seed: String(plan.seed + round),
        histories: plan.histories,
      });
      results.push(result);
      told(result);
    }
  };
  await Promise.all(Array.from({ length: plan.parallel }, lane));
  return results;
}
