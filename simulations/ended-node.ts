/** What a node ended with, as a simulation takes it: its disk's doing, or a broken invariant. */
import { KibitzerError } from "../src/kibitzer-error.ts";
import { SystemError } from "./disk/system-error.ts";
import { Violation } from "./core/violation.ts";

/** Whether an injected error of the disk caused it. */
export function isOfDisk(error: unknown): boolean {
  if (error instanceof SystemError) return true;
  return error instanceof Error && error.cause !== undefined && isOfDisk(error.cause);
}

/** Whether it lacked space, for itself and not in what was its own already. */
export function isForSpace(error: unknown): boolean {
  if (error instanceof SystemError) return error.code === "ENOSPC";
  return error instanceof Error && isForSpace(error.cause);
}

const invariantOf: ReadonlyMap<string, string> = new Map([
  ["KBZ_DAMAGED", "D8"],
  ["KBZ_DIVERGED", "S1"],
  ["KBZ_STALE_DISK", "D5"],
  ["KBZ_ID_TAKEN", "M4"],
  ["KBZ_EXILED", "M4"],
  ["KBZ_REPUBLIC", "M5"],
  ["KBZ_IN_USE", "M4"],
]);

/** The invariant that an error tells of; null for one that is no node's and no command's. */
export function invariantIn(error: unknown): string | null {
  if (error instanceof Violation) return error.invariant;
  return error instanceof KibitzerError ? (invariantOf.get(error.code) ?? error.code) : null;
}

/** What a node ended with, as the invariant that it tells of. */
export function asViolation(id: string, error: unknown): Error {
  if (error instanceof Violation) return error;
  const invariant = invariantIn(error) ?? "KBZ_INVARIANT";
  const violation = new Violation(invariant, `node ${id} stopped: ${String(error)}`);
  violation.cause = error;
  return violation;
}
