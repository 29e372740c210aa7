/**
 * How a node comes into a republic: as its founder, whose first decree is decided by being durable,
 * since there is nobody else yet; or admitted by another, whose log it then follows.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import { hashDecree, hashZero } from "./hash.ts";
import type { BootstrapInput, JoinInput } from "./outcome.ts";

export function onBootstrap(chamber: Chamber, input: BootstrapInput): void {
  if (chamber.log.length > 0 || chamber.state.joining !== null) {
    chamber.refuse("idTaken", null);
    return;
  }
  const { republic, founder, parliamentSize } = input;
  assert(founder.id === chamber.id, "a node founds a republic with itself");
  const value = { kind: "bootstrap", republic, founder, parliamentSize } as const;
  const unhashed = { slot: 1, time: 0, when: chamber.when, value };
  chamber.stage(1, [{ ...unhashed, hash: hashDecree(hashZero, unhashed) }]);
  chamber.state.founding = true;
  chamber.reply({ kind: "enqueued" });
}

/**
 * Also of a node that was stopped on the way: it learned some of the log, not its admission; that
 * may be of before the republic was refounded under the identity that it joins.
 */
export function onJoin(chamber: Chamber, { republic, contacts }: JoinInput): void {
  if (chamber.isMember || chamber.state.founding) chamber.refuse("idTaken", null);
  else chamber.state.joining = { republic, contacts };
}

/** A founder that was stopped before its decree was decided goes on with it. */
export function resumeFounding(chamber: Chamber): void {
  const { log, state } = chamber;
  const first = log.base === 0 && log.length > 0 ? log.at(1).value : null;
  if (first?.kind === "bootstrap" && first.founder.id === chamber.id) state.founding = true;
}

/** Whether the founder's decree is durable, and so decided, but not applied yet. */
export function mayFound({ state }: Chamber): boolean {
  return state.founding && state.durable.length >= 1;
}

export function found(chamber: Chamber): void {
  if (!mayFound(chamber)) return;
  const { state } = chamber;
  state.founding = false;
  if (chamber.republic.slot === 0) chamber.decide(1);
  state.willing = true;
}
