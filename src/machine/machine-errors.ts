/** What may go wrong with a state machine, as its user is told. */
import { KibitzerError } from "../kibitzer-error.ts";

/** @param what The method that failed, and after it the node does not go on with its machine. */
export function machineFailed(
  what: "apply" | "snapshot" | "restore" | "wake",
  { slot, index }: { readonly slot: number; readonly index: number },
  cause: unknown,
): KibitzerError {
  const advice =
    what === "apply"
      ? "The node has stopped, since it would diverge from the others. Correct the state " +
        'machine, on all nodes, or have it skip such entries (onError: "skip"), and start the ' +
        "node again."
      : "The node does not go on with it. Correct the state machine, on all nodes, and start " +
        "the node again.";
  return new KibitzerError(
    "KBZ_MACHINE",
    `The state machine of this node failed in ${what} at entry ${index} (slot ${slot}): ` +
      `${messageOf(cause)}. ${advice}`,
    { retryable: false, outcome: "unknown", cause },
  );
}

/** Of one question only: nothing has changed by it. */
export function queryFailed(cause: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_MACHINE",
    `The state machine of the node asked failed in query: ${messageOf(cause)}. The node goes on. ` +
      "Correct the question, or the state machine.",
    { retryable: false, outcome: "none", cause },
  );
}

export function notAnAnswer(found: unknown): Error {
  return new Error(`query returned ${typeof found}: an answer is bytes`);
}

export function notAResult(found: unknown): Error {
  return new Error(
    found instanceof Promise
      ? "apply returned a promise: it has to be done when it returns"
      : `apply returned ${typeof found}: a result is bytes, a string, or nothing`,
  );
}

export function attachedTwice(): KibitzerError {
  return argument(
    "A node has one state machine, and this one has its own already. Attach one that is made of " +
      "several, each of which takes its own entries.",
  );
}

export function notAMachine(found: unknown): KibitzerError {
  return argument(
    `Wanted a state machine with apply, snapshot and restore, found ${typeof found}. ` +
      "See docs/state-machines.md.",
  );
}

export function noMachine(): KibitzerError {
  return new KibitzerError(
    "KBZ_MACHINE",
    "No state machine that answers questions is attached to this node: attach one with a query " +
      "method; for the key–value map start the node with --kv.",
    { retryable: false, outcome: "none" },
  );
}

export function questionTooLarge(bytes: number, most: number): KibitzerError {
  return new KibitzerError(
    "KBZ_TOO_LARGE",
    `A question has at most ${most} bytes, this one ${bytes}. Ask for less.`,
    { retryable: false, outcome: "none" },
  );
}

export function answerTooLarge(bytes: number, most: number): KibitzerError {
  return new KibitzerError(
    "KBZ_TOO_LARGE",
    `The state machine's answer has ${bytes} bytes, more than ${most}. Ask for less at once.`,
    { retryable: false, outcome: "none" },
  );
}

function argument(message: string): KibitzerError {
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
