/** How damage is told: files that are not what was written. */
import type { DecodeError } from "../codec/bytes.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Finding } from "./recovered.ts";

const cure =
  "Nothing was changed. Replace this node: exile its id from another member, keep this directory " +
  "for inspection, and start the node again with an empty one.";

const recordingCure =
  "Only the recording is affected, not the node's data. Replay the parts of it that are whole, " +
  "one file at a time.";

/** A file is not what was written: which, where, what was expected and found, and what to do. */
export function damaged(
  path: string,
  offset: number,
  finding: string,
  cause?: unknown,
): KibitzerError {
  return damage(path, offset, `${finding}. ${cure}`, cause);
}

/** A slot that stood in the journal in `path`, and that nobody can give back. */
export function damagedSlot(path: string, slot: number): KibitzerError {
  return new KibitzerError(
    "KBZ_DAMAGED",
    `The journal in ${path} is damaged, and no member holds an intact copy of slot ${slot}. ` +
      "Nothing was changed. While a member with an intact copy may come back, start that one " +
      "first; else restore the republic from a backup.",
    { retryable: false, outcome: "none" },
  );
}

/** A slot that nobody gave back yet: these members did not answer, and may have it. */
export function slotNotMended(
  path: string,
  slot: number,
  silent: readonly string[],
): KibitzerError {
  return new KibitzerError(
    "KBZ_DAMAGED",
    `Slot ${slot} of the journal in ${path} is damaged, and no member that answers holds an ` +
      `intact copy; without an answer: ${silent.join(", ")}. Read again when they are back.`,
    { retryable: true, outcome: "none" },
  );
}

/** What a finding says to a reader. */
export function textOf({ path, offset, text }: Finding): string {
  return `The file ${path} is damaged at byte ${offset}: ${text}.`;
}

/** As `damaged`, of a recording: its node is well. */
export function damagedRecording(
  path: string,
  offset: number,
  finding: string,
  cause?: unknown,
): KibitzerError {
  return damage(path, offset, `${finding}. ${recordingCure}`, cause);
}

function damage(path: string, offset: number, what: string, cause: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_DAMAGED",
    `The file ${path} is damaged at byte ${offset}: ${what}`,
    { retryable: false, outcome: "none", cause },
  );
}

/** The file is whole but written by a later version. */
export function newerVersion(path: string, found: number, known: number): KibitzerError {
  return new KibitzerError(
    "KBZ_VERSION",
    `The file ${path} has format version ${found}; this program reads up to ${known}. ` +
      "Start a version of kibitzer at least as new as the one that wrote it.",
    { retryable: false, outcome: "none" },
  );
}

/** What the file holds is whole, but something that only a later version knows. */
export function laterDecree(path: string, { offset, message }: DecodeError): KibitzerError {
  return new KibitzerError(
    "KBZ_VERSION",
    `The file ${path} was written by a later version, at byte ${offset}: ${message}. ` +
      "Start a version of kibitzer at least as new as the one that wrote it.",
    { retryable: false, outcome: "none" },
  );
}

/** The file is whole but of a format that is not read any more. */
export function olderVersion(path: string, found: number, known: number): KibitzerError {
  return new KibitzerError(
    "KBZ_VERSION",
    `The file ${path} has format version ${found}; this program reads version ${known}. Replace ` +
      "this node: exile its id from another member, and start it again with an empty directory.",
    { retryable: false, outcome: "none" },
  );
}

/** The file is whole but belongs to another republic, node or incarnation. */
export function foreign(path: string, expected: string, found: string): KibitzerError {
  return new KibitzerError(
    "KBZ_REPUBLIC",
    `The file ${path} belongs to ${found}, not to ${expected}. ` +
      "Put each node's own directory back; files of two nodes must not be mixed.",
    { retryable: false, outcome: "none" },
  );
}
