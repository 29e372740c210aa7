/**
 * Rebuilds what a node knew from its journal: the replicated state, the undecided tail, the index.
 */
import {
  ballotZero,
  emptyRepublic,
  Republic,
  type Applied,
  type Decree,
  type DurableState,
} from "../../consensus/index.ts";
import type { LogReader } from "./log-reader.ts";
import type { Bodies } from "../storage/bodies.ts";
import type { Journal, Recovered } from "../storage/journal.ts";

/** What a fresh directory holds. */
function nothingDurable(): DurableState {
  const republic = emptyRepublic();
  const none = { promised: ballotZero, accepted: ballotZero };
  return { ...none, republic, decrees: [], lostUpTo: 0, heard: [], writeLast: 0 };
}

/** Applied decrees are handed on in parts, so that a long log is not held in memory. */
const appliedPerPart = 1024;

/**
 * Folds the decided slots and takes the bodies of the undecided ones into memory, as they may have
 * to be sent. The time this takes grows with the log.
 */
export async function recover(
  opened: { readonly journal: Journal; readonly recovered: Recovered } | null,
  { reader, bodies }: { readonly reader: LogReader; readonly bodies: Bodies },
): Promise<DurableState> {
  if (opened === null) return nothingDurable();
  const { journal, recovered } = opened;
  const republic = new Republic(emptyRepublic());
  let part: Applied[] = [];
  for await (const { decree } of journal.scan(1, recovered.decided)) {
    part.push(republic.apply(decree));
    if (part.length < appliedPerPart) continue;
    reader.take(part);
    part = [];
  }
  reader.take(part);
  const decrees: Decree[] = [];
  // What is still damaged now is nobody's to give: the core knows that it was there (A8).
  const lost = journal.damaged.find(({ last }) => last > recovered.decided);
  const intact = lost === undefined ? recovered.length : lost.first - 1;
  for await (const { decree, body } of journal.scan(recovered.decided + 1, intact)) {
    decrees.push(decree);
    if (decree.value.kind === "batch" && body !== null) bodies.set(decree.value, body);
  }
  const { promised, accepted, heard, writeLast } = recovered;
  const lostUpTo = lost === undefined ? 0 : recovered.length;
  return { promised, accepted, republic: republic.state(), decrees, lostUpTo, heard, writeLast };
}
