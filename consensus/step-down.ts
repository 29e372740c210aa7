/**
 * The way back from candidate or leader to follower. Forgets nothing that was promised or accepted.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { compareBallots, sameBallot, type NodeId } from "./identifiers.ts";
import { barriersAt } from "./legislator-state.ts";
import type { Refused } from "./messages.ts";

/** Goes back to following; whatever was queued may be enqueued again elsewhere. */
export function stepDown(chamber: Chamber): void {
  const { state } = chamber;
  const { role } = state;
  assert(role.kind === "leading" || role.kind === "candidate", "who steps down had stood up");
  // It cannot answer them any more: who waits for a barrier asks again.
  for (const barrier of barriersAt(role)) chamber.answerBarrier(barrier, null);
  // Who stood up has a seat. Its back-off goes on: the government is still the same.
  state.role = { kind: "follower" };
  state.inherited.length = 0;
}

/** A member promised a higher ballot: this one is over, and the next must be above that. */
export function onRefused(chamber: Chamber, from: NodeId, { ballot, promised }: Refused): void {
  const { role, promised: own } = chamber.state;
  if (role.kind !== "candidate" && role.kind !== "leading") return;
  if (!sameBallot(ballot, role.ballot) || !chamber.otherSeats().includes(from)) return;
  if (compareBallots(promised, own) <= 0) return;
  // Named in a refusal: the next ballot must be above it, but a refusal alone never raises one.
  const peer = chamber.peer(from);
  if (compareBallots(promised, peer.refused) > 0) peer.refused = promised;
  stepDown(chamber);
  // Whoever was promised has begun already: racing it at once would only prolong the duel.
  chamber.state.notBefore = chamber.state.now + chamber.options.pingTicks;
}
