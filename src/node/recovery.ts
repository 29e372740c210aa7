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
import type { SlotRange } from "../storage/holes.ts";
import type { Journal } from "../storage/journal.ts";
import type { RepairedJournal } from "./mending.ts";

/** What a fresh directory holds. */
function nothingDurable(): DurableState {
  const republic = emptyRepublic();
  const none = { promised: ballotZero, accepted: ballotZero };
  return { ...none, republic, decrees: [], lostUpTo: 0, heard: [], writeLast: 0 };
}

/** Applied decrees are handed on in parts, so that a long log is not held in memory. */
const appliedPerPart = 1024;
const readBytes = 1024 * 1024;

/**
 * Folds the decided slots and takes the bodies of the undecided ones into memory, as they may have
 * to be sent. The time this takes grows with the log.
 */
export async function recover(
  opened: RepairedJournal | null,
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
  const { decrees, lostUpTo } = await undecidedOf(opened, bodies);
  const { promised, accepted, heard, writeLast } = recovered;
  return { promised, accepted, republic: republic.state(), decrees, lostUpTo, heard, writeLast };
}

/** What is still damaged there is nobody's to give: the core knows that it was there (A8). */
async function undecidedOf(
  { journal, recovered, repair }: RepairedJournal,
  bodies: Bodies,
): Promise<Pick<DurableState, "decrees" | "lostUpTo">> {
  const { decided, length } = recovered;
  for (;;) {
    const lost = journal.damaged.find(({ last }) => last > decided);
    const intact = lost === undefined ? length : lost.first - 1;
    const decrees = await readUndecided(journal, { first: decided + 1, last: intact }, bodies);
    if (decrees !== null) return { decrees, lostUpTo: lost === undefined ? 0 : length };
    // It was whole a moment ago.
    await repair();
  }
}

/** Null when some of it is damaged. */
async function readUndecided(
  journal: Journal,
  { first, last }: SlotRange,
  bodies: Bodies,
): Promise<readonly Decree[] | null> {
  const decrees: Decree[] = [];
  for (let slot = first; slot <= last;) {
    const { framed, damaged, slotLast } = await journal.readWhole(slot, last, readBytes);
    if (damaged.length > 0) return null;
    for (const { decree, body } of framed) {
      decrees.push(decree);
      if (decree.value.kind === "batch" && body !== null) bodies.set(decree.value, body);
    }
    slot = slotLast + 1;
  }
  return decrees;
}
