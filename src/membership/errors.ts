/** The errors of changes of members: what was wanted, what was found of whom, what to do. */
import { majorityOf, type NodeId } from "../../consensus/index.ts";
import type { Status } from "../api.ts";
import { KibitzerError, type Doubt } from "../kibitzer-error.ts";

export function badId(found: unknown): KibitzerError {
  const message = `Wanted the id of a node, [a-z0-9][a-z0-9._-]{0,62}, found ${String(found)}.`;
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

export function noMember(id: NodeId, { members }: Status): KibitzerError {
  const ids = members.map((member) => member.id).join(", ");
  return notFound(`There is no member ${id}: the members are ${ids}.`);
}

export function noSeat(id: NodeId, { government }: Status): KibitzerError {
  const { parliament } = government;
  return notFound(`${id} has no seat, and cannot lead; seats have ${parliament.join(", ")}.`);
}

function notFound(message: string): KibitzerError {
  return new KibitzerError("KBZ_NOT_FOUND", message, { retryable: false, outcome: "none" });
}

/** The leader heard too few of those who would be left. */
export function costsQuorum(what: "exiled" | "demoted", id: NodeId, status: Status): KibitzerError {
  const rest = status.government.parliament.filter((seat) => seat !== id);
  if (rest.length === 0) {
    const message = `${id} was not ${what}: it has the only seat. Let another node join first.`;
    return noQuorum(message, false);
  }
  const there = reachableOf(rest, status);
  const names = there.length === 0 ? "none answers" : `those that answer are ${there.join(", ")}`;
  // The leader counts whom it has heard lately; by now more of them may be back.
  const isBack = there.length >= majorityOf(rest.length);
  const message =
    `${id} was not ${what}: the seats left would be those of ${rest.join(", ")}, of which ` +
    `${majorityOf(rest.length)} must answer the leader. ` +
    (isBack ? `By now ${names}: try again.` : `Now ${names}: bring the others up first.`);
  return noQuorum(message, true);
}

/** Somebody is to have the seat of another, and has one of its own. */
export function hasSeat(id: NodeId, insteadOf: NodeId): KibitzerError {
  const message =
    `${id} has a seat already. To take that of ${insteadOf} away: ` +
    `kibitz member demote ${insteadOf}`;
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}

/** Who is to be given another's seat at once could not vote. */
export function notThere(id: NodeId): KibitzerError {
  const message =
    `${id} was given no seat: it does not answer, so that it could not vote. Bring it up first, ` +
    "and let it catch up.";
  return noQuorum(message, true);
}

export function nobodyAt(url: string): KibitzerError {
  const message =
    `Nobody was invited: nothing answers at ${url}, as the member that was asked sees it. Start ` +
    `a node there that waits for an invitation: kibitz start --id ID --data DIR --listen ${url} ` +
    "--await-invitation";
  return new KibitzerError("KBZ_UNREACHABLE", message, { retryable: true, outcome: "none" });
}

export function notWaiting(url: string): KibitzerError {
  const message =
    `Nobody was invited: what answers at ${url} waits for no invitation of this republic. ` +
    "Start the node with --await-invitation, and without --republic or with this one's name.";
  return new KibitzerError("KBZ_REPUBLIC", message, { retryable: false, outcome: "none" });
}

export function inAlready(
  id: NodeId,
  url: string,
  republic: string,
  isOurs: boolean,
): KibitzerError {
  const message = isOurs
    ? `${id} at ${url} is a member of "${republic}" already. See kibitz status.`
    : `${id} at ${url} is in another republic, "${republic}". Start it with an empty directory.`;
  return new KibitzerError("KBZ_REPUBLIC", message, { retryable: false, outcome: "none" });
}

/** The republic knows its id, and it comes with another disk, or comes back from exile. */
export function notAdmitted(url: string, reason: "idTaken" | "departed"): KibitzerError {
  const details = { retryable: false, outcome: "none" } as const;
  if (reason === "departed") {
    const message = `The node at ${url} was exiled, and never comes back: empty its directory.`;
    return new KibitzerError("KBZ_EXILED", message, details);
  }
  const message =
    `The republic knows the id of the node at ${url} under another cookie: its directory is ` +
    'empty or foreign. If the old one is lost, run "kibitz member exile ID", and add it again; ' +
    "or give it another id.";
  return new KibitzerError("KBZ_ID_TAKEN", message, details);
}

/** Nobody who is asked for could take over. */
export function nobodyTakesOver(to: NodeId | null, candidates: readonly NodeId[]): KibitzerError {
  const isAlone = candidates.length === 0;
  const found = isAlone
    ? "the leader has the only seat. Let other nodes join first."
    : `${candidates.join(", ")} cannot be reached. Bring ${to ?? "one of them"} up first.`;
  const message = `Leadership was not handed over: ${found}`;
  return noQuorum(message, !isAlone);
}

/** Nodes answer, but the log did not show it in time. */
export function notInTime(what: string, cause: unknown): KibitzerError {
  const message =
    `The log does not show ${what} in time. See kibitz status whether a majority of the ` +
    "parliament is up, and try again.";
  return noQuorum(message, true, cause);
}

function noQuorum(message: string, retryable: boolean, cause: unknown = null): KibitzerError {
  const details = { retryable, outcome: "none", ...(cause === null ? {} : { cause }) } as const;
  return new KibitzerError("KBZ_NO_QUORUM", message, details);
}

export function reachableOf(ids: readonly NodeId[], { members }: Status): readonly NodeId[] {
  return ids.filter((id) => members.some((member) => member.id === id && member.reachable));
}

/** The wait was given up by the caller's signal. */
export function abandoned(what: string, outcome: Doubt, reason: unknown): KibitzerError {
  const message =
    outcome === "none"
      ? `The wait for ${what} was given up before it was submitted.`
      : `The wait for ${what} was given up after it was submitted: ${look}`;
  const details = { retryable: outcome === "none", outcome, cause: reason };
  return new KibitzerError("KBZ_ABORTED", message, details);
}

/** The same error, with the truth about a change that was submitted before. */
export function inDoubt(error: KibitzerError, what: string): KibitzerError {
  const { code, retryable, message } = error;
  const told = `${message}\nBefore that, ${what} was submitted: ${look}`;
  return new KibitzerError(code, told, { retryable, outcome: "unknown", cause: error });
}

const look = "it may yet be carried out. See kibitz status.";
