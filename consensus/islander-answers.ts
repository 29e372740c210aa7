/**
 * What answers to submissions tell of the batches in flight: where one can have been decided, and
 * which ones surely were not. Only looks; an answer that cannot be true counts as none.
 */
import { assert } from "./assert.ts";
import type { Index } from "./identifiers.ts";
import type { InFlight } from "./islander-checkpoint.ts";
import type { PublishedInput, SubmissionResult } from "./islander-outcome.ts";

/** Whether the batch at `position` can have been decided at `index`, by what is known of others. */
export function isPlausible(
  inFlight: readonly InFlight[],
  told: { readonly position: number; readonly index: Index; readonly indexLast: Index },
): boolean {
  const { position, index, indexLast } = told;
  const item = inFlight[position];
  if (item === undefined || !isPosition(index)) return false;
  const before = inFlight.slice(0, position).findLast((other) => other.index !== null);
  const after = inFlight.slice(position + 1).find((other) => other.index !== null);
  const last = before === undefined ? indexLast : (before.index ?? 0) + before.batch.count - 1;
  return index > last && (after === undefined || index + item.batch.count <= (after.index ?? 0));
}

export function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** Whether it was refused since there is no room for it. */
function isFull(result: SubmissionResult): boolean {
  return result.kind === "refused" && result.reason === "full";
}

/** Why the session is over with this answer, or null when it goes on. */
export function endOf({
  sequence,
  result,
}: PublishedInput): "conflict" | "unknownPublisher" | "forbidden" | "full" | null {
  if (result.kind === "forbidden") return result.kind;
  if (sequence === 0) return isFull(result) ? "full" : null;
  return result.kind === "conflict" || result.kind === "unknownPublisher" ? result.kind : null;
}

/** `item` after one more of its submissions was answered without an outcome. */
export function answered(item: InFlight, attempt: number, result: SubmissionResult): InFlight {
  assert(attempt >= 1 && attempt <= item.attempt, "only what was submitted is answered");
  assert(item.declined <= item.attempt, "each submission is refused once");
  const declined = item.declined + (result.kind === "refused" ? 1 : 0);
  const known = { ...item, declined: Math.min(declined, item.attempt) };
  // An older submission that failed says nothing of the one under way.
  if (attempt !== item.attempt || !item.outstanding) return known;
  return { ...known, outstanding: false, isFull: isFull(result) };
}

function isOpen({ attempt, declined, index }: InFlight): boolean {
  return attempt > declined || index !== null;
}

/**
 * From which position on all batches can be given up: there is no room for the first of them, and
 * no submission of any can still take effect.
 */
export function firstRefused(inFlight: readonly InFlight[]): number {
  assert(inFlight.length === 0 || inFlight[0]?.index === null, "what is known in order is told");
  const sure = inFlight.findLastIndex(isOpen) + 1;
  const at = inFlight.findIndex(({ isFull: isRefused }, position) => position >= sure && isRefused);
  return at === -1 ? inFlight.length : at;
}
