/** Slips in guarding a node against its own disk. Data only. */
import type { Mutant } from "../mutant.ts";

export const vouchingMutants: readonly Mutant[] = [
  {
    name: "votes-unvouched",
    file: "consensus/vouching.ts",
    find: "return vouched.length + 1 >= chamber.majority();",
    replace: "return true;",
    about: "Votes before anybody has vouched for the disk.",
    invariant: "D5",
  },
  {
    name: "old-disk-not-noticed",
    file: "consensus/vouching.ts",
    find: "if (later) {",
    replace: "if (later && heard.length < 0) {",
    about: "A node on an old disk is vouched for.",
    invariant: "D5",
  },
  {
    name: "notes-follow-the-latest-report",
    file: "consensus/vouching.ts",
    find: "const same = before !== undefined && before.cookie === cookie ? before : null;",
    replace: "const same = null;",
    about: "What a peer attested is forgotten once it says less.",
    invariant: "D5",
  },
  {
    name: "recovered-state-not-compared",
    file: "consensus/legislator-state.ts",
    find: "hashes: new Map([[slot % limits.hashesKept, { slot, hash: republic.stateHash }]]),",
    replace: "hashes: new Map(),",
    about: "What a disk holds is not compared with peers, only what is decided later.",
    invariant: "S1",
  },
  {
    name: "outvoted-goes-on",
    file: "consensus/vouching.ts",
    find: "if (outvoted || undecidable) {",
    replace: "if (undecidable && !outvoted) {",
    about: "A node that a majority contradicts goes on.",
    invariant: "S1",
  },
];
