/** What holds of one legislator after each step, in production too; a violation stops the node. */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { compareBallots, sameBallot } from "./identifiers.ts";

export function checkState(chamber: Chamber): void {
  const { state, log, republic } = chamber;
  const { durable, role } = state;
  assert(log.base === republic.slot, "the log in memory begins where the republic ends");
  assert(log.length >= republic.slot, "what is decided is in the log");
  assert(
    compareBallots(state.accepted, state.promised) <= 0,
    "nothing is accepted above the promise",
  );
  assert(compareBallots(durable.promised, state.promised) <= 0, "a promise never falls");
  assert(compareBallots(durable.accepted, state.accepted) <= 0, "an accepted ballot never falls");
  assert(durable.write <= state.writeLast, "writes become durable in order");
  assert(state.lostUpTo === 0 || state.lostUpTo > log.length, "what is covered is not lost");
  if (role.kind === "candidate" || role.kind === "leading") {
    assert(state.lostUpTo === 0, "nobody leads on a log that it has lost a part of");
    assert(sameBallot(role.ballot, state.promised), "nobody leads below its own promise");
    assert(role.ballot.id === chamber.id, "a ballot has one leader");
    assert(role.ballot.government === republic.government?.number, "ballots end with governments");
    assert(chamber.hasSeat, "outsiders lead nothing");
  }
  if (role.kind === "leading") {
    assert(sameBallot(role.ballot, state.accepted), "a leader has adopted its log");
  }
}
