/** What the system says when there is no space, and what a node says that cannot start then. */
import { KibitzerError } from "../kibitzer-error.ts";

/**
 * Whether a call failed since the disk, or a quota, is full. Of a sync that says so nobody knows
 * what was kept: that is a failed sync like any other.
 */
export function isOutOfSpace(error: unknown): error is Error {
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (error.code !== "ENOSPC" && error.code !== "EDQUOT") return false;
  return !("syscall" in error && String(error.syscall).includes("sync"));
}

/** What a node needs, to begin with, that is no more there. */
export function noSpace(cause: Error): KibitzerError {
  return new KibitzerError(
    "KBZ_DISK_FULL",
    `The disk is full: ${cause.message}. Nothing was changed or lost. Free some space (a node ` +
      "begins with 100 KiB and needs 64 MiB more to serve), then try again.",
    { retryable: true, outcome: "none", cause },
  );
}
