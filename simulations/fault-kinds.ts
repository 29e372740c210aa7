/**
 * Every kind of fault that a run may draw, by its id in the counts: a long row of runs in which one
 * of them never happened has not tested what it says (H4). Injects nothing.
 */

export const applicableFaults: ReadonlyMap<string, string> = new Map([
  ["N1", "loss"],
  ["N2", "slow packets"],
  ["N3", "reordering"],
  ["N4", "repetition, soon or much later"],
  ["N5", "cut in one direction"],
  ["N6", "severed connections"],
  ["N13", "clog, one after the other too: held, then all at once"],
  ["N14", "all messages of one kind lost"],
  ["N15", "client cut off in one direction, or both"],
  ["N16", "link that comes and goes"],
  ["N18", "frames that come in parts, the end of one with the head of the next"],
  ["N19", "path with room for few frames"],
  ["K1", "loss of power"],
  ["K2", "some unsynced sectors lost"],
  ["K3", "unsynced sector torn at a byte"],
  ["K4", "garbage in an unsynced sector"],
  ["K5", "bits, sectors and runs that rot"],
  ["K7", "sector written to, or read from, a wrong place"],
  ["K8", "write that was never done"],
  ["K9", "older version of a sector"],
  ["K10", "each entry damaged on all disks but one"],
  ["K11", "one entry damaged on all disks"],
  ["K12", "EIO of read or write"],
  ["K13", "failed sync, after which the next one lies"],
  ["K14", "failed sync told at the next one"],
  ["K15", "full disk"],
  ["K16", "missing file"],
  ["K17", "unsynced name lost"],
  ["K18", "file that cannot be opened, disk mounted read-only"],
  ["K19", "stalled sync"],
  ["K20", "crash in the middle of a storage call"],
  ["K22", "temporary files left over"],
  ["X1", "killed process"],
  ["X2", "several at once, or one after the other"],
  ["X3", "paused process"],
  ["X5", "empty disk under the same id"],
  ["X6", "old backup of one node"],
  ["X8", "folder of another node, or of another republic"],
  ["X9", "second process on one folder, or on a copy of it"],
  ["X10", "crash in recovery, again and again"],
  ["X11", "nodes of two releases, that speak other versions of the protocol"],
  ["X13", "closed under load, sometimes twice"],
  ["T1", "clocks apart"],
  ["T2", "clocks that drift"],
  ["T3", "wall clock set"],
  ["T5", "clocks that stand still, then jump"],
  ["O4", "seat taken, let or swapped, several at a time"],
  ["O5", "member exiled, back with an empty disk"],
  ["O6", "further node let in"],
  ["O7", "change of address of one node, or of all"],
  ["O8", "backup taken under load, restored as a new republic"],
  ["O9", "new government forced upon one survivor, then an old member returns"],
  ["O12", "leadership handed over, to a node that lags or is down too"],
  ["V2", "entry as large as it may be, and one byte larger"],
  ["V3", "flood of entries"],
  ["V10", "state machine that is not deterministic"],
]);

/** From so many runs on each kind must have happened. */
const seedsLeast = 1000;

/** The kinds that should have happened in so many runs, and have not. */
export function missingFaults(
  counts: ReadonlyMap<string, number>,
  seeds: number,
): readonly string[] {
  if (seeds < seedsLeast) return [];
  return [...applicableFaults.keys()].filter((id) => (counts.get(id) ?? 0) === 0);
}
