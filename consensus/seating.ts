/**
 * Which parliament may come next, as arithmetic: what a leader goes by, and what an operator is
 * shown before anything is done. Knows nobody; reads no state, and changes none.
 */
import { assert } from "./assert.ts";
import type { NodeId } from "./identifiers.ts";
import { majorityOf, oddSeats } from "./quorum.ts";

export interface Seating {
  readonly parliament: readonly NodeId[];
  /** How many seats there may be. */
  readonly parliamentSize: number;
  /** Who may be given a seat now, in the order in which they are. */
  readonly waiting: readonly NodeId[];
  /** Whether a seat's holder answers. */
  isThere(id: NodeId): boolean;
}

/**
 * With more seats, up to the size of the parliament: an odd number, and 1 → 3 → 5 in one step each;
 * null when nobody is seated.
 */
export function grownParliament(seating: Seating): readonly NodeId[] | null {
  const { parliament, parliamentSize, waiting } = seating;
  const possible = Math.min(parliamentSize, parliament.length + waiting.length);
  const seats = Math.min(oddSeats(possible), parliament.length + 2);
  if (seats <= parliament.length) return null;
  assert(seats <= parliamentSize, "there are no more seats than were agreed on");
  return [...parliament, ...waiting.slice(0, seats - parliament.length)];
}

/** Without `id`, whose seat the first that waits is given; null when too few would be there. */
export function parliamentWithout(seating: Seating, id: NodeId): readonly NodeId[] | null {
  const rest = seating.parliament.filter((seat) => seat !== id);
  assert(rest.length < seating.parliament.length, "a seat is taken from who has it");
  const successor = seating.waiting.find((each) => each !== id);
  const next = successor === undefined ? rest : [...rest, successor];
  return canDecide(seating, next) ? next : null;
}

/** With `next` in place of `insteadOf`; null when too few would be there. */
export function swappedParliament(
  seating: Seating,
  { next, insteadOf }: { readonly next: NodeId; readonly insteadOf: NodeId },
): readonly NodeId[] | null {
  assert(seating.parliament.includes(insteadOf), "a seat is taken from who has it");
  const parliament = seating.parliament.map((id) => (id === insteadOf ? next : id));
  return canDecide(seating, parliament) ? parliament : null;
}

/** Whoever is to decide its opening must be there, or the republic would stop. */
function canDecide(seating: Seating, parliament: readonly NodeId[]): boolean {
  if (parliament.length === 0) return false;
  const there = parliament.filter((id) => seating.isThere(id)).length;
  return there >= majorityOf(parliament.length);
}
