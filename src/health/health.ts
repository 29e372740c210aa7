/**
 * How a running node is, for the probes of whoever runs it. What fails `livez` is healed by a
 * restart, and only that: not a lost quorum, nor catching up, nor a full disk. What fails `readyz`
 * keeps traffic away. Asks nobody, and decides nothing.
 */
import type { RunningNode } from "../node/running-node.ts";
import type { Check, ProbeName } from "./probe.ts";

/** A node whose timer is so late has stopped without knowing it. */
export const stuckMs = 10_000;
/** Slots that a ready node may lag behind what a member has decided. */
export const lagSlotsMax = 4_096;

/** What the checks look at. */
export interface HealthFacts {
  /** The code of what has stopped the node, or null. */
  readonly failure: string | null;
  /** By how much the timer of its core is late. */
  readonly overdueMs: number;
  readonly isInRepublic: boolean;
  readonly isLeaderKnown: boolean;
  /** Behind the member that has decided most, as far as it told. */
  readonly slotsBehind: number;
  readonly isMachineBehind: boolean;
  /** What the disk lacks for further entries. */
  readonly lack: "space" | "speed" | null;
  /** Whether it is about to stop. */
  readonly isDraining: boolean;
}

export function factsOf(node: RunningNode): HealthFacts {
  const { legislator } = node.state;
  const decided = [...node.meter.peers().values()].map((peer) => peer.decided);
  return {
    failure: node.failure?.code ?? null,
    overdueMs: node.overdueMs,
    isInRepublic: node.identity !== null,
    isLeaderKnown: legislator.leader !== null,
    slotsBehind: Math.max(0, ...decided.map((slot) => slot - legislator.republic.slot)),
    isMachineBehind: node.machine.isBehind,
    lack: node.journal?.shortage.lack ?? null,
    isDraining: node.isDraining,
  };
}

export function checksOf(facts: HealthFacts, probe: ProbeName): readonly Check[] {
  switch (probe) {
    case "livez":
      return [failure(facts), loop(facts)];
    case "readyz":
      return [
        failure(facts),
        check("republic", facts.isInRepublic ? null : "it is in none yet"),
        check("leader", facts.isLeaderKnown ? null : "it knows of nobody who leads"),
        lag(facts),
        storage(facts),
        check("draining", facts.isDraining ? "it stops" : null),
      ];
    case "startupz":
      // Whoever can be asked has recovered.
      return [check("recovery", null)];
  }
}

function check(name: string, problem: string | null): Check {
  return { name, problem };
}

/** It has met what it cannot go on with, and ends; where its process does not, a restart helps. */
function failure({ failure }: HealthFacts): Check {
  return check("failure", failure === null ? null : `it was stopped by ${failure}`);
}

function loop({ overdueMs }: HealthFacts): Check {
  return check("loop", overdueMs > stuckMs ? `its timer is ${overdueMs} ms late` : null);
}

function lag({ slotsBehind, isMachineBehind }: HealthFacts): Check {
  if (slotsBehind > lagSlotsMax) return check("lag", `${slotsBehind} slots behind another member`);
  return check("lag", isMachineBehind ? "its state machine is behind" : null);
}

function storage({ lack }: HealthFacts): Check {
  if (lack === null) return check("storage", null);
  return check("storage", lack === "space" ? "the disk is full" : "the disk is too slow");
}
