/**
 * What the exit code of `kibitz` says, and which error ends with which. Scripts rely on these
 * numbers: they never change their meaning.
 */
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";
import { ConfigError } from "../settings/config-error.ts";
import { CommandError } from "./command-error.ts";

export const exitCodes = {
  ok: 0,
  failure: 1,
  /** The command line, a configuration file or the environment is wrong. */
  usage: 2,
  /** No quorum or no endpoint in time, and nothing was submitted: the same call may be repeated. */
  noQuorum: 3,
  notFound: 4,
  /** A port or directory in use, a republic that is there already or is another one. */
  conflict: 5,
  notAllowed: 6,
  /** Submitted, and not known to be decided. */
  unknown: 7,
  /** Data is damaged, or two nodes contradict each other. */
  integrity: 8,
  interrupted: 130,
} as const;

const exitCodeByError: Readonly<Record<KibitzerErrorCode, number>> = {
  KBZ_BUSY: exitCodes.noQuorum,
  KBZ_NO_QUORUM: exitCodes.noQuorum,
  KBZ_ABORTED: exitCodes.noQuorum,
  KBZ_CLOSED: exitCodes.failure,
  KBZ_UNREACHABLE: exitCodes.noQuorum,
  KBZ_FORBIDDEN: exitCodes.notAllowed,
  KBZ_ENDPOINT: exitCodes.usage,
  KBZ_ADDRESS: exitCodes.conflict,
  KBZ_TOO_LARGE: exitCodes.usage,
  KBZ_ARGUMENT: exitCodes.usage,
  KBZ_IN_USE: exitCodes.conflict,
  KBZ_BOOTSTRAPPED: exitCodes.conflict,
  KBZ_REPUBLIC: exitCodes.conflict,
  KBZ_ID_TAKEN: exitCodes.conflict,
  KBZ_EXILED: exitCodes.notAllowed,
  KBZ_STALE_DISK: exitCodes.conflict,
  KBZ_JOURNAL_FAILED: exitCodes.failure,
  KBZ_DISK_FULL: exitCodes.noQuorum,
  KBZ_DAMAGED: exitCodes.integrity,
  KBZ_DIVERGED: exitCodes.integrity,
  KBZ_MACHINE: exitCodes.failure,
  KBZ_MACHINE_DIVERGED: exitCodes.integrity,
  KBZ_CONFLICT: exitCodes.conflict,
  KBZ_PUBLISHER: exitCodes.notFound,
  KBZ_TRUNCATED: exitCodes.notFound,
  KBZ_NOT_FOUND: exitCodes.notFound,
  KBZ_VERSION: exitCodes.failure,
  KBZ_INVARIANT: exitCodes.failure,
};

/**
 * Errors of a request that may yet take effect; those of a node that stopped say why it stopped.
 */
const requestErrors: ReadonlySet<KibitzerErrorCode> = new Set([
  "KBZ_BUSY",
  "KBZ_NO_QUORUM",
  "KBZ_ABORTED",
  "KBZ_CLOSED",
  "KBZ_UNREACHABLE",
  "KBZ_PUBLISHER",
  "KBZ_FORBIDDEN",
  "KBZ_DISK_FULL",
]);

const exitCodeBySystemError: ReadonlyMap<string, number> = new Map([
  ["ENOENT", exitCodes.notFound],
  ["ENOTDIR", exitCodes.notFound],
  ["EISDIR", exitCodes.usage],
  ["EADDRINUSE", exitCodes.conflict],
  ["EADDRNOTAVAIL", exitCodes.conflict],
  ["EACCES", exitCodes.notAllowed],
  ["EPERM", exitCodes.notAllowed],
  ["EROFS", exitCodes.notAllowed],
]);

/** The number to end with after `error`. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof ConfigError) {
    return systemCodeOf(error.cause) === null ? exitCodes.usage : systemExitCode(error.cause);
  }
  if (error instanceof KibitzerError) {
    // What the system refused says more than that it did.
    if (error.code === "KBZ_JOURNAL_FAILED") return systemExitCode(error.cause);
    const isUnknown = error.outcome === "unknown" && requestErrors.has(error.code);
    return isUnknown ? exitCodes.unknown : exitCodeByError[error.code];
  }
  return systemExitCode(error);
}

function systemExitCode(error: unknown): number {
  const code = systemCodeOf(error);
  return exitCodeBySystemError.get(code ?? "") ?? exitCodes.failure;
}

/** The `code` of an error of the operating system, like `ENOENT`; null for any other error. */
export function systemCodeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
