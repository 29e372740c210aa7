/**
 * Slips that break nothing, since something else does the same or says so sooner: not hunted, but
 * kept, so that nobody takes the code for tested where it cannot be. Data only.
 */
import type { Mutant } from "./mutant.ts";

export interface NotBug extends Omit<Mutant, "invariant"> {
  /** Why nothing can notice. */
  readonly why: string;
}

export const notBugs: readonly NotBug[] = [
  {
    name: "adopts-without-chain",
    file: "consensus/candidate.ts",
    find: "if (!reaches || !chains(chamber, fresh, republic.slot)) {",
    replace: "if (!reaches) {",
    about: "Adopts decrees that do not continue what is decided here.",
    why:
      "What was promised continues what is decided unless some replica has diverged " +
      "already, for which comparing state hashes is there.",
  },
  {
    name: "does-not-fetch-what-it-builds-on",
    file: "consensus/candidate.ts",
    find: `fetch(chamber, from);
    return false;`,
    replace: "return false;",
    about: "A candidate that lacks decided slots does not fetch them.",
    why: "Every member that is behind fetches in the next round; here it only comes sooner.",
  },
  {
    name: "follows-leader-that-stalls",
    file: "consensus/fitness.ts",
    find: "if (!report.quorumConnected || !report.timely) return null;",
    replace: "if (!report.quorumConnected) return null;",
    about: "A leader that decides nothing any more still counts as fit.",
    why:
      "A leader that decides nothing any more gives way by itself, in its next round; the " +
      "others' look at it is for one that would not.",
  },
  {
    name: "follows-leader-without-quorum",
    file: "consensus/fitness.ts",
    find: "if (!report.quorumConnected || !report.timely) return null;",
    replace: "if (!report.timely) return null;",
    about: "A leader that hears no majority still counts as fit.",
    why: "A leader that hears no majority gives way by itself, in its next round.",
  },
  {
    name: "pings-only-constituents-it-leads",
    file: "consensus/election.ts",
    find: "return [...new Set([...chamber.otherSeats(), ...contacts])];",
    replace: "return chamber.otherSeats();",
    about: "A newcomer does not ask whom it was told to ask.",
    why:
      "The leader pings every member, and whoever is behind fetches from whoever pings it; " +
      "asking its contacts only helps a newcomer that the leader cannot reach.",
  },
  {
    name: "decides-unconfirmed",
    file: "consensus/follower.ts",
    find: "const reached = Math.min(decided, log.length, state.confirmed);",
    replace: "const reached = Math.min(decided, log.length);",
    about: "Decides slots that are not known to be this leader's.",
    why:
      "A ballot and its log come to a disk in one write, so whatever is held in a ballot is " +
      "its leader's; only what was learned is not, and that is decided already. Its part in " +
      "votes is another mutant.",
  },
  {
    name: "keeps-old-tail",
    file: "consensus/follower.ts",
    find: "const replaces = fresh.length > 0 || (!isCurrent && log.length > slotLast);",
    replace: "const replaces = fresh.length > 0;",
    about: "What the new leader's log does not have is kept at the end.",
    why:
      "Each ballot opens with a decree of its own, so that a log is never made equal " +
      "without something new, behind which the tail goes. The check does not rest on that.",
  },
  {
    name: "old-synchronize-shortens",
    file: "consensus/follower.ts",
    find: "if (isCurrent && fresh.length > 0 && shared + at < log.length) return false;",
    replace: "",
    about: "A late message takes back what was voted for in the same ballot.",
    why:
      "In one ballot two logs of its leader never differ at a slot; only a peer in error " +
      "would say so, and is to break nothing (contract C9).",
  },
  {
    name: "synchronizes-what-is-held-elsewhere",
    file: "consensus/leader.ts",
    find: "} else if (sameBallot(held.accepted, role.adoptedBallot)) {",
    replace: "} else {",
    about: "Takes what a follower holds from any ballot for shared.",
    why:
      "Where logs are joined their hashes are compared; a follower whose log is another says so, " +
      "and is sent what comes after the slots that it has decided. It costs a round trip.",
  },
  {
    name: "votes-for-what-it-learned",
    file: "consensus/follower.ts",
    find: "const length = Math.min(durable.length, log.length, state.confirmed);",
    replace: "const length = Math.min(durable.length, log.length);",
    about: "What was learned from others counts as a vote for this leader.",
    why:
      "What was learned was chosen. In a higher ballot than this leader's, a majority had " +
      "promised that one before, and the voter was not of it: such votes and true ones " +
      "together never make a majority. In any other the leader's log has the same.",
  },
  {
    name: "confirmed-though-replaced",
    file: "consensus/chamber.ts",
    find: "state.confirmed = Math.min(state.confirmed, shared);",
    replace: "",
    about: "What was replaced still counts as the leader's.",
    why:
      "What is confirmed is replaced only by what was learned, or together with the ballot: " +
      "it is the slip of `votes-for-what-it-learned` again.",
  },
  {
    name: "shares-without-hash",
    file: "consensus/follower.ts",
    find: "return slot >= republic.slot && slot <= log.length && log.hashAt(slot) === hash;",
    replace: "return slot >= republic.slot && slot <= log.length;",
    about: "The place where logs are joined is not compared.",
    why:
      "The decrees that come with it chain over the same hash; without any, a late message " +
      "must meet a slot that was learned from a later ballot meanwhile, at exactly its end.",
  },
  {
    name: "bequeaths-succession",
    file: "consensus/leader.ts",
    find: `if (value.kind !== "succession") state.inherited.push(value);`,
    replace: "state.inherited.push(value);",
    about: "Carries a change of government over into the next one.",
    why:
      "At most one change of government is queued or undecided, so none is left in the " +
      "queue when it is decided.",
  },
  {
    name: "learn-not-repeated",
    file: "consensus/leader.ts",
    find: `const isUnderWay = slotsSent !== null &&
round - slotsSent.round < chamber.silenceRounds;`,
    replace: "const isUnderWay = slotsSent !== null;",
    about: "Decided slots that got lost are not sent a second time.",
    why:
      "A follower that is behind fetches for itself, and repeats that; the leader's sending " +
      "is a short cut.",
  },
  {
    name: "log-time-follows-clock",
    file: "consensus/leader.ts",
    find: "time = Math.max(time, elapsed);",
    replace: "time = elapsed;",
    about: "Log time follows the leader's own clock, even back.",
    why:
      "A leader's elapsed time begins at the last log time and never falls: it is never " +
      "below.",
  },
  {
    name: "exile-of-whoever-has-the-id",
    file: "consensus/republic.ts",
    find: "if (member === undefined || member.cookie !== cookie || this.seats(id)) return none;",
    replace: "if (member === undefined || this.seats(id)) return none;",
    about: "An exile that comes late hits the next node under that id.",
    why:
      "No exile is proposed twice, and none before the last one is decided: it cannot come " +
      "late.",
  },
  {
    name: "exiles-from-its-seat",
    file: "consensus/republic.ts",
    find: "if (member === undefined || member.cookie !== cookie || this.seats(id)) return none;",
    replace: "if (member === undefined || member.cookie !== cookie) return none;",
    about: "A node is exiled though it has a seat.",
    why:
      "An exile is proposed once the seat is taken, and no seat is given while one is under " +
      "way.",
  },
  {
    name: "exiles-whoever-has-the-id",
    file: "consensus/seats.ts",
    find: `role.exiling = role.exiling.filter(({ id, cookie }) =>
republic.member(id)?.cookie === cookie);`,
    replace: "role.exiling = role.exiling.filter(({ id }) => republic.member(id) !== null);",
    about: "An exile that is done goes on against the next node under that id.",
    why:
      "What is done leaves the list in the step in which it is decided, before the id can " +
      "be admitted again.",
  },
  {
    name: "naturalizes-predecessor",
    file: "consensus/membership.ts",
    find: "if (member === null || member.cookie !== cookie || member.naturalized) return;",
    replace: "if (member === null || member.naturalized) return;",
    about: "Naturalizes whoever has the id.",
    why: "Messages count by id and cookie at the door (`heard-by-id`).",
  },
  {
    name: "records-after-the-step",
    file: "src/node/run-loop.ts",
    find: `recorder?.recordLegislator(input);
    const outcome = state.stepLegislator(input);
    recorder?.outcome(digestOutcome(outcome));
    this.#options.carryOut(outcome);`,
    replace: `const outcome = state.stepLegislator(input);
    this.#options.carryOut(outcome);
    recorder?.recordLegislator(input);
    recorder?.outcome(digestOutcome(outcome));`,
    about: "An input is recorded after its outcome was carried out.",
    why:
      "Recording and carrying out are one synchronous piece in which nothing can end; " +
      "nothing is sent before the turn ends.",
  },
  {
    name: "steps-within-steps",
    file: "src/node/run-loop.ts",
    find: "if (this.#isBusy) return;",
    replace: "",
    about: "An input is played while the outcome of another is carried out.",
    why:
      "Nothing that carries out an outcome plays an input at once today; the guard keeps it " +
      "so.",
  },
  {
    name: "islander-waits-for-ever",
    file: "consensus/islander.ts",
    find: `this.#goBack(now);
    } else if (this.#askAt`,
    replace: "} else if (this.#askAt",
    about: "A submission whose answer got lost is waited for without end.",
    why:
      "Each call that carries a submission ends within a bound of its own; this is the " +
      "second one.",
  },
  {
    name: "truncated-slots-still-shown",
    file: "src/node/log-reader.ts",
    find: "if (index < past.indexFirst) throw truncated(index, past.indexFirst); try",
    replace: "try",
    about: "Who asks for an entry that is gone is not refused before it is looked up.",
    why:
      "What is gone is in no archive or before the first slot that may be read; " +
      "either is told so.",
  },
];
