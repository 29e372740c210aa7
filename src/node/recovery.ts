/** What a node knew, as its journal gave it back: the replicated state and the undecided tail. */
import {
  ballotZero,
  emptyRepublic,
  Republic,
  type Applied,
  type Decree,
  type DurableState,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
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

/** Applied decrees are noted in parts, so that a long log is not held in memory. */
const appliedPerPart = 1024;
const readBytes = 1024 * 1024;

/** The bodies of the undecided slots stay in memory, as they may have to be sent. */
export async function durableState(
  opened: RepairedJournal | null,
  bodies: Bodies,
): Promise<DurableState> {
  if (opened === null) return nothingDurable();
  const { recovered } = opened;
  const { promised, accepted, heard, writeLast } = recovered;
  const rest = { promised, accepted, heard, writeLast };
  if (recovered.undecided === null) return { ...rest, ...(await readAgain(opened, bodies)) };
  const { republic, undecided } = recovered;
  const decrees = undecided.map((framed) => kept(framed, bodies));
  return { ...rest, republic, decrees, lostUpTo: 0 };
}

function kept({ decree, body }: FramedDecree, bodies: Bodies): Decree {
  if (decree.value.kind === "batch" && body !== null) bodies.set(decree.value, body);
  return decree;
}

/** What damage had hidden, now that it is repaired. */
async function readAgain(
  opened: RepairedJournal,
  bodies: Bodies,
): Promise<Pick<DurableState, "republic" | "decrees" | "lostUpTo">> {
  const { journal, recovered } = opened;
  const republic = new Republic(recovered.republic);
  const { decided } = recovered;
  let part: Applied[] = [];
  for await (const { decree } of journal.scan(republic.slot + 1, decided)) {
    part.push(republic.apply(decree));
    if (part.length < appliedPerPart) continue;
    journal.past.note(part);
    part = [];
  }
  journal.past.note(part);
  return { republic: republic.state(), ...(await undecidedOf(opened, bodies)) };
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
    for (const one of framed) decrees.push(kept(one, bodies));
    slot = slotLast + 1;
  }
  return decrees;
}
