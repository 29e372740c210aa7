/** What the reasons for which a node stops mean to a user. */
import { InvariantViolation, type Halt } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";

/** What is said of a data directory. */
interface HaltedDirectory {
  readonly path: string;
  readonly record: { readonly id: string };
}

/** Why the core halted, and what to do about it. */
export function haltError(
  halt: Halt,
  { path: directory, record: { id } }: HaltedDirectory,
): KibitzerError {
  const replace =
    `run "kibitz member exile ${id}", remove ${directory}, and start ` +
    `"kibitz start --data ${directory} --id ${id} --listen URL --join URL".`;
  const details = { retryable: false, outcome: "unknown" } as const;
  switch (halt.kind) {
    case "diverged":
      return new KibitzerError(
        "KBZ_DIVERGED",
        `The replicated state of this node differs from that of ${halt.peers.join(", ")} at slot ` +
          `${halt.slot}: it has stopped. To replace it, ${replace}`,
        details,
      );
    case "machineDiverged":
      return new KibitzerError(
        "KBZ_MACHINE_DIVERGED",
        `The state machine of this node made something else of the log up to slot ${halt.slot} ` +
          `than that of ${halt.peers.join(", ")}: the node has stopped. Its apply must depend on ` +
          "nothing but the entries: no clock, no chance, no environment, no order of anything " +
          "unordered, and the same version everywhere. Try it with checkStateMachine of " +
          "kibitzer/simulations, correct it, start the node again. If it stops once more, " +
          "its own snapshots hold what went wrong: exile it, remove its directory, join again.",
        details,
      );
    case "staleDisk":
      return new KibitzerError(
        "KBZ_STALE_DISK",
        `${halt.peer} knows a later state of this node than ${directory} holds: it is an old ` +
          "backup, or a copy of it runs, and it must not vote. If another one of it runs, and is " +
          `well, remove ${directory}; else ${replace}`,
        details,
      );
    case "exiled":
      return new KibitzerError(
        "KBZ_EXILED",
        `This node was removed from its republic by slot ${halt.slot}. To come back, it joins ` +
          `with an empty directory in place of ${directory}.`,
        details,
      );
  }
}

/** What was not foreseen is a bug of ours: the node stops, since a wrong node loses data. */
export function brokenNode(error: unknown): KibitzerError {
  const found =
    error instanceof InvariantViolation
      ? `has broken an invariant ("${error.message}")`
      : `has met what it was not made for (${String(error)})`;
  return new KibitzerError(
    "KBZ_INVARIANT",
    `This node ${found} and stops before it does harm. ` +
      "Keep its recording and report it; the rest of the cluster goes on without it.",
    { retryable: false, outcome: "unknown", cause: error },
  );
}
