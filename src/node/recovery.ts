/** What a node knew, as its journal gave it back: the replicated state and the undecided tail. */
import { ballotZero, emptyRepublic, type DurableState } from "../../consensus/index.ts";
import type { Bodies } from "../storage/bodies.ts";
import type { Recovered } from "../storage/recovered.ts";

/** What a fresh directory holds. */
export function nothingDurable(): DurableState {
  const republic = emptyRepublic();
  const none = { promised: ballotZero, accepted: ballotZero };
  return { ...none, republic, decrees: [], heard: [], writeLast: 0 };
}

/** The bodies of the undecided slots stay in memory, as they may have to be sent. */
export function durableState(recovered: Recovered, bodies: Bodies): DurableState {
  const { promised, accepted, republic, undecided, heard, writeLast } = recovered;
  for (const { decree, body } of undecided) {
    if (decree.value.kind === "batch" && body !== null) bodies.set(decree.value, body);
  }
  const decrees = undecided.map(({ decree }) => decree);
  return { promised, accepted, republic, decrees, heard, writeLast };
}
