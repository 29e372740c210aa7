/**
 * Catching up by a snapshot where the slots themselves are gone: the whole replicated state after
 * some slot, in place of the decrees up to there. Fetches and verifies nothing: the shell does, and
 * hands in only what is whole and durable.
 */
import { assert } from "./assert.ts";
import type { Chamber } from "./chamber.ts";
import type { NodeId } from "./identifiers.ts";
import type { Snapshot } from "./messages.ts";
import type { InstallInput } from "./outcome.ts";
import type { RepublicState } from "./republic-state.ts";
import { stepDown } from "./step-down.ts";

/** `from` has no longer what it was asked for, but the state after a later slot. */
export function onSnapshot(chamber: Chamber, from: NodeId, { slot }: Snapshot): void {
  if (slot > chamber.republic.slot) chamber.download(from, slot);
}

/**
 * Takes the replicated state that others have decided. Never takes the own one back (S4). The
 * undecided slots after it stay where the log has the very slot that the snapshot ends with: those
 * may be chosen. Any others continue what was not chosen there, or end before it, and go.
 */
export function onInstall(chamber: Chamber, { state }: Pick<InstallInput, "state">): void {
  const { republic, log } = chamber;
  const { slot, hash } = state;
  if (slot <= republic.slot || !isOurs(chamber, state)) return;
  chamber.state.fetching = null;
  if (slot <= log.length && log.hashAt(slot) === hash) {
    chamber.decide(slot);
    return;
  }
  // Chosen, but not by this leader: a later ballot was, and its log is not this one's any more.
  if (chamber.state.role.kind === "leading") stepDown(chamber);
  chamber.install(state);
  assert(republic.slot === slot && log.length === slot, "the log goes on after the snapshot");
}

/**
 * A node takes its state from the republic it is in, or was admitted to, and no other (C5). What a
 * newcomer has learned so far may be of before that was refounded.
 */
function isOurs(chamber: Chamber, { republic: found }: RepublicState): boolean {
  const { joining } = chamber.state;
  const isNew = joining !== null && !chamber.isMember;
  const own = isNew ? joining.republic : chamber.republic.identity;
  return own !== null && found?.identity === own.identity;
}
