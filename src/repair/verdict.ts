/**
 * What it means that nobody who answered has a damaged slot: wait for the others, stop, or leave it
 * to the protocol, which is safe only once a majority has said "I never had it" (D4).
 */
import { majorityOf, type NodeId, type Slot } from "../../consensus/index.ts";
import type { Answer, Unfilled } from "./hole-filler.ts";

export type Verdict =
  /** These members may have it, and cannot be reached. */
  | { readonly kind: "wait"; readonly slot: Slot; readonly members: readonly NodeId[] }
  /** Nobody has it any more, and it may have been chosen. */
  | { readonly kind: "gone"; readonly slot: Slot }
  /** Not chosen, or to be learned: the core goes on without it. */
  | { readonly kind: "leave"; readonly slot: Slot };

/** @param parliament Who votes on undecided slots; null while that is not known. */
export function verdictOn(
  { slot, answers }: Unfilled,
  decided: Slot,
  parliament: readonly NodeId[] | null,
): Verdict {
  const silent = [...answers].filter(([, answer]) => answer === null).map(([id]) => id);
  const heard = [...answers.values()].filter((answer) => answer !== null);
  if (slot > decided && parliament !== null) {
    // Another decree is decided there, and comes with the decided log.
    const isDecided = ({ decided: known, damaged }: Answer): boolean =>
      known >= slot && !damaged.includes(slot);
    if (heard.some(isDecided)) return { kind: "leave", slot };
    const without = [...answers].filter(([id, answer]) => {
      return parliament.includes(id) && answer !== null && !answer.damaged.includes(slot);
    });
    if (without.length >= majorityOf(parliament.length)) return { kind: "leave", slot };
  }
  return silent.length > 0 ? { kind: "wait", slot, members: silent } : { kind: "gone", slot };
}
