/** What a node has told its operator of damage, in its log. Judges nothing. */
import { silent, type Logger } from "../src/logger.ts";
import type { Simulator } from "./simulator.ts";

export interface Told {
  /** It has found bytes that are not what was written. */
  isDamaged: boolean;
  /** What it waits for before it serves, in its words; null for nothing. */
  waitsFor: string | null;
}

export function nothingTold(): Told {
  return { isDamaged: false, waitsFor: null };
}

/** A logger that remembers what it is told of damage, of one life of a node. */
export function listenTo(told: Told, { trace }: Simulator): Logger {
  return {
    ...silent,
    warn: ({ event }, message) => {
      if (event === "damaged") told.isDamaged = true;
      if (event === "repairing") {
        told.waitsFor = message;
        trace.mark("repair.waits");
      }
      if (event === "replaced") trace.mark("repair.replaced");
      if (event !== "repaired") return;
      trace.mark(told.waitsFor === null ? "repair.done" : "repair.doneLater");
      told.waitsFor = null;
    },
  };
}
