/** Slips in proposing, counting and telling. Data only. */
import type { Mutant } from "../mutant.ts";

export const leaderMutants: readonly Mutant[] = [
  {
    name: "counts-own-unsynced-vote",
    file: "consensus/leader.ts",
    find: "const own = sameBallot(durable.accepted, role.ballot) ? durable.length : 0;",
    replace: "const own = chamber.log.length;",
    about: "The leader counts its own vote before it is durable.",
    invariant: "D2",
  },
  {
    name: "counts-own-vote-of-old-ballot",
    file: "consensus/leader.ts",
    find: "const own = sameBallot(durable.accepted, role.ballot) ? durable.length : 0;",
    replace: "const own = durable.length;",
    about: "The leader counts what it holds from an earlier ballot as a vote in its own.",
    invariant: "A11",
  },
  {
    name: "report-of-any-ballot",
    file: "consensus/leader.ts",
    find: "if (sameBallot(report.accepted, role.ballot)) {",
    replace: "if (report.length > 0) {",
    about: "A report of a log in another ballot counts as a vote.",
    invariant: "A11",
  },
  {
    name: "no-opening",
    file: "consensus/leader.ts",
    find: `if (role.opening !== 0) append(chamber, role, [{ kind: "opening" }]);`,
    replace: "",
    about: "A new leader proposes nothing of its own.",
    invariant: "L5",
  },
  {
    name: "late-member-not-asked",
    file: "consensus/leader.ts",
    find: `prepare(chamber, role.ballot, from);
    return;`,
    replace: "return;",
    about: "A leader does not ask a member that comes late for its promise.",
    invariant: "L2",
  },
  {
    name: "half-is-a-majority",
    file: "consensus/quorum.ts",
    find: "return Math.floor(seats / 2) + 1;",
    replace: "return Math.ceil(seats / 2);",
    about: "Half of an even parliament counts as a majority.",
    invariant: "A10",
  },
];
