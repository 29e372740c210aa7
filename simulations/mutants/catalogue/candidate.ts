/** Slips in winning a ballot. Data only. */
import type { Mutant } from "../mutant.ts";

export const candidateMutants: readonly Mutant[] = [
  {
    name: "asks-before-own-promise-is-durable",
    file: "consensus/candidate.ts",
    find: "if (!role.prepared && sameBallot(durable.promised, role.ballot)) {",
    replace: "if (!role.prepared) {",
    about: "A candidate asks for promises before its own is durable.",
    invariant: "D1",
  },
  {
    name: "leads-one-promise-short",
    file: "consensus/candidate.ts",
    find: "if (role.promises.size + 1 < chamber.majority()) return;",
    replace: "if (role.promises.size + 2 < chamber.majority()) return;",
    about: "Leads with one promise less than a majority.",
    invariant: "A9",
  },
  {
    name: "keeps-own-log",
    file: "consensus/candidate.ts",
    find: "if (best !== null && !adopt(chamber, role, best)) return;",
    replace: "",
    about: "Leads on its own log, whatever the promises say.",
    invariant: "A15",
  },
  {
    name: "takes-promise-of-another-ballot",
    file: "consensus/candidate.ts",
    find: `if (!sameBallot(promised.ballot, role.ballot) ||
!chamber.otherSeats().includes(from)) return;`,
    replace: "if (!chamber.otherSeats().includes(from)) return;",
    about: "Counts promises that were made to an earlier ballot.",
    invariant: "A9",
  },
  {
    name: "promise-is-no-report",
    file: "consensus/candidate.ts",
    find: "if (role.prepared && !role.promises.has(from)) prepare(chamber, role.ballot, from);",
    replace: "",
    about: "A lost prepare is never sent again.",
    invariant: "L1",
  },
  {
    name: "ballot-below-own-promise",
    file: "consensus/candidate.ts",
    find: `let round = state.promised.government === government.number ? state.promised.round
: 0;`,
    replace: "let round = 0;",
    about: "A candidate's ballot need not be above what it promised itself.",
    invariant: "A6",
  },
  {
    name: "adopts-longest-log",
    file: "consensus/candidate.ts",
    find: "if (isWhole(promised) && compareLogs(promised, best?.promised ?? own) > 0) {",
    replace: "if (isWhole(promised) && promised.length > (best?.promised ?? own).length) {",
    about: "Adopts the longest log, not that of the highest ballot.",
    invariant: "A15",
  },
];
