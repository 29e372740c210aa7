/** Slips in promising, voting and following. Data only. */
import type { Mutant } from "../mutant.ts";

export const followerMutants: readonly Mutant[] = [
  {
    name: "tells-promise-before-durable",
    file: "consensus/follower.ts",
    find: "if (owed === null || !sameBallot(owed.ballot, durable.promised)) return;",
    replace: "if (owed === null) return;",
    about: "A promise is told when anything becomes durable.",
    invariant: "D1",
  },
  {
    name: "promise-tells-unsynced-log",
    file: "consensus/follower.ts",
    find: "const intact = Math.min(durable.length, log.length);",
    replace: "const intact = log.length;",
    about: "A promise tells of a log that is not durable.",
    invariant: "D1",
  },
  {
    name: "promises-below-promise",
    file: "consensus/follower.ts",
    find: "if (compareBallots(ballot, promised) >= 0) return false;",
    replace: "if (ballot.round >= promised.round) return false;",
    about: "Ballots are compared by round alone when one is refused.",
    invariant: "A7",
  },
  {
    name: "promises-and-still-leads",
    file: "consensus/follower.ts",
    find: `if (state.role.kind === "leading" || state.role.kind === "candidate")
stepDown(chamber);`,
    replace: "",
    about: "A leader that promises a higher ballot goes on leading.",
    invariant: "A7",
  },
  {
    name: "accepts-unsynchronized",
    file: "consensus/follower.ts",
    find: `if (!sameBallot(ballot, state.accepted)) {
    resynchronize(chamber, ballot);
    return;
  }`,
    replace: "",
    about: "Accepts a leader's decrees before its log was made the leader's.",
    invariant: "A13",
  },
  {
    name: "accepts-out-of-order",
    file: "consensus/follower.ts",
    find: "const isNext = !log.endsInStopSign && chains(chamber, fresh, log.length);",
    replace: "const isNext = !log.endsInStopSign;",
    about: "Accepts decrees that do not continue the log.",
    invariant: "A13",
  },
  {
    name: "votes-before-sync",
    file: "consensus/follower.ts",
    find: "const length = Math.min(durable.length, log.length, state.confirmed);",
    replace: "const length = Math.min(log.length, state.confirmed);",
    about: "Votes for decrees that are not durable yet.",
    invariant: "D1",
  },
  {
    name: "votes-after-higher-promise",
    file: "consensus/follower.ts",
    find: `if (!sameBallot(durable.accepted, accepted) || !sameBallot(accepted, promised))
return;`,
    replace: "if (!sameBallot(durable.accepted, accepted)) return;",
    about: "A vote that waited for the disk is told though a higher ballot was promised meanwhile.",
    invariant: "A7",
  },
  {
    name: "decides-of-any-ballot",
    file: "consensus/follower.ts",
    find: `if (!sameBallot(state.accepted, ballot) || !sameBallot(state.promised, ballot))
return;`,
    replace: "",
    about: "Takes a leader's word for a log that is of another ballot.",
    invariant: "A2",
  },
  {
    name: "confirms-without-promise",
    file: "consensus/follower.ts",
    find: `if (sameBallot(ballot, chamber.state.promised)) {
    chamber.send(from, { kind: "confirmed", ballot, round });
  }`,
    replace: `chamber.send(from, { kind: "confirmed", ballot, round });`,
    about: "Confirms a leader that it never promised anything.",
    invariant: "C5",
  },
  {
    name: "asks-leader-again-only-once",
    file: "consensus/follower.ts",
    find: "if (state.resynchronizedRound === state.round) return;",
    replace: "if (state.resynchronizedRound >= 0) return;",
    about: "Asks a leader to look again once in its life only.",
    invariant: "L2",
  },
  {
    name: "promise-withholds-log",
    file: "consensus/follower.ts",
    find: "const isHigher = intact === length && compareLogs({ accepted, length }, owed) > 0;",
    replace: "const isHigher = length > owed.length;",
    about: "A promise withholds a log of a higher ballot that is not longer.",
    invariant: "A8",
  },
  {
    name: "late-synchronize-shortens",
    file: "consensus/follower.ts",
    find: "const replaces = fresh.length > 0 || (!isCurrent && log.length > slotLast);",
    replace: "const replaces = fresh.length > 0 || log.length > slotLast;",
    about: "A late message takes back what was voted for in the same ballot.",
    invariant: "A16",
  },
];
