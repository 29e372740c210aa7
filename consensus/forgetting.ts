/**
 * What goes with an incarnation that is gone: the next one under its id begins anew, and counts its
 * starts from one. Decides nothing about who is gone.
 */
import type { NodeId } from "./identifiers.ts";
import type { LegislatorState } from "./legislator-state.ts";

type Known = Pick<LegislatorState, "peers" | "waiters" | "heard" | "vouchers">;

export function forget({ peers, waiters, heard, vouchers }: Known, id: NodeId): void {
  peers.delete(id);
  waiters.delete(id);
  heard.delete(id);
  const at = vouchers.indexOf(id);
  if (at !== -1) vouchers.splice(at, 1);
}

/**
 * All members of the republic before are gone, the founder's earlier incarnation among them.
 * @param founder Null when it is not known who that was.
 */
export function forgetAllBut(state: Known, founder: NodeId | null): void {
  const { peers, waiters, heard, vouchers } = state;
  const known = new Set([...peers.keys(), ...waiters.keys(), ...heard.keys(), ...vouchers]);
  if (founder !== null) known.delete(founder);
  for (const gone of known) forget(state, gone);
}
