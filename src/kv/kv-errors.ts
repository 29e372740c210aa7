/** What may go wrong with the key–value map, as its users are told. */
import { KibitzerError } from "../kibitzer-error.ts";
import type { KvResult } from "./kv-command.ts";

/** What a command that came to anything but `ok` means to its caller. */
export function refusalOf(result: KvResult, what: string): KibitzerError {
  const { status, number } = result;
  switch (status) {
    case "fenced":
      return refusal(
        "KBZ_CONFLICT",
        `${what} was refused: the lock that it names is held under the token ${number}, or by ` +
          "nobody (0). Whoever had it has lost it: stop, and take the lock again.",
      );
    case "noLease":
      return refusal(
        "KBZ_NOT_FOUND",
        `${what} was refused: the lease has ended, and all that went with it is gone. Grant ` +
          "another one.",
      );
    case "full":
      return refusal(
        "KBZ_BUSY",
        `${what} was refused: the map, or the lease, has reached its bounds (docs/limits.md). ` +
          "Delete something.",
        true,
      );
    case "conflict":
    case "ok":
      return refusal(
        "KBZ_CONFLICT",
        `${what} was refused: the key has the revision ${number} (0: it is not there). Read it ` +
          "again, and decide anew.",
      );
  }
}

export function noMap(cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_MACHINE",
    "No key–value map is attached to the node asked. Start every node with --kv, or attach a " +
      "KvMachine of kibitzer/kv.",
    { retryable: false, outcome: "none", cause },
  );
}

export function resultLost(what: string): KibitzerError {
  return new KibitzerError(
    "KBZ_ABORTED",
    `${what} was carried out, and what came of it is not kept any more. Read the key to see.`,
    { retryable: false, outcome: "applied" },
  );
}

export function notTaken(what: string): KibitzerError {
  return new KibitzerError(
    "KBZ_ABORTED",
    `${what} is in the log, and the node asked has no map that took it: none, or one of an older ` +
      "version. Start every node with --kv and the same version, and read the key to see.",
    { retryable: false, outcome: "unknown" },
  );
}

export function compacted(revisionFirst: number): KibitzerError {
  return refusal(
    "KBZ_TRUNCATED",
    `The events wanted are compacted; all are kept from revision ${revisionFirst} on. List what ` +
      "there is, and watch from there.",
  );
}

export function wrongArgument(wanted: string, found: string, todo: string): KibitzerError {
  return refusal("KBZ_ARGUMENT", `Wanted ${wanted}, found ${found}. ${todo}`);
}

export function tooLarge(
  { name, bytes, most }: { readonly name: string; readonly bytes: number; readonly most: number },
  todo: string,
): KibitzerError {
  const message = `A ${name} has at most ${most} bytes, this one ${bytes}. ${todo}`;
  return refusal("KBZ_TOO_LARGE", message);
}

export function lockLost(name: string): KibitzerError {
  return refusal(
    "KBZ_CONFLICT",
    `The lock ${name} is lost: its lease was not kept alive in time. Stop what it guards.`,
  );
}

function refusal(
  code:
    | "KBZ_ARGUMENT"
    | "KBZ_BUSY"
    | "KBZ_CONFLICT"
    | "KBZ_NOT_FOUND"
    | "KBZ_TOO_LARGE"
    | "KBZ_TRUNCATED",
  message: string,
  retryable = false,
): KibitzerError {
  return new KibitzerError(code, message, { retryable, outcome: "none" });
}
