/**
 * What a run must have shown, and which of it did not hold: the bounds of recovery, stability and
 * healing, by the ids of the invariants. Measures nothing.
 */
import type { Measured } from "./partition-run.ts";

/** In election time-outs, or counted. */
export const bounds = {
  /** L1: from the cut until a leader serves, when somebody is quorum-connected. */
  recoveryMax: 3,
  /** Leaders that a cut costs. */
  leaderChangesMax: 1,
  /** L2: from the healing until every node has an entry published after it. */
  healingMax: 4,
} as const;

export interface Fault {
  readonly invariant: string;
  readonly message: string;
}

/** All that went wrong; empty when nothing did. */
export function judge(measured: Measured): readonly Fault[] {
  const { violation } = measured;
  if (violation !== null) return [violation];
  const isConnected = measured.quorumConnected.length > 0;
  return [
    ...(isConnected ? judgeProgress(measured) : judgeRest(measured)),
    ...measured.idleLeaders.map((id) => {
      return { invariant: "L6", message: `${id} leads on without a quorum` };
    }),
    ...judgeHealing(measured),
  ];
}

/** Somebody can lead: soon one does, and stays. */
function judgeProgress(measured: Measured): readonly Fault[] {
  const { recoveredAfter, leaderChanges, laterBallots, idleWindows } = measured;
  const faults: Fault[] = [];
  const add = (invariant: string, message: string): number => faults.push({ invariant, message });
  if (recoveredAfter === null) add("L1", "no leader serves");
  else if (recoveredAfter > bounds.recoveryMax) {
    add("L1", `a leader serves only after ${recoveredAfter.toFixed(2)} ET`);
  }
  if (leaderChanges > bounds.leaderChangesMax) add("L3", `${leaderChanges} changes of leader`);
  if (laterBallots > 0) add("L3", `${laterBallots} ballots after the recovery`);
  if (idleWindows > 0) add("L3", `nothing decided in ${idleWindows} windows of 2 ET`);
  return faults;
}

/** Nobody can lead: nothing is decided, and nobody tries for ever. */
function judgeRest({ decided, laterBallots }: Measured): readonly Fault[] {
  const faults: Fault[] = [];
  if (decided > 0) {
    faults.push({ invariant: "A1", message: `${decided} entries decided without a quorum` });
  }
  if (laterBallots > 0) {
    faults.push({ invariant: "L3", message: `${laterBallots} ballots in vain, later than 4 ET` });
  }
  return faults;
}

/** All links are back: everybody follows one leader, and who led well still does. */
function judgeHealing(measured: Measured): readonly Fault[] {
  const { healedAfter, changesHealed, ballotsHealed, quorumConnected } = measured;
  const faults: Fault[] = [];
  const add = (invariant: string, message: string): number => faults.push({ invariant, message });
  if (healedAfter === null) add("L2", "the nodes do not converge");
  else if (healedAfter > bounds.healingMax) {
    add("L2", `the nodes converge only after ${healedAfter.toFixed(2)} ET`);
  }
  if (quorumConnected.length > 0 && changesHealed > 0) {
    add("L4", `healing costs ${changesHealed} changes of leader`);
  }
  if (ballotsHealed > 0) add("L3", `${ballotsHealed} ballots after convergence`);
  return faults;
}
