/**
 * What a change would do to the quorum, from one status: by the rules that a leader goes by, with
 * whom the node asked can reach in place of whom the leader hears. Asks and changes nothing.
 */
import {
  majorityOf,
  parliamentWithout,
  swappedParliament,
  type NodeId,
  type Seating,
} from "../../consensus/index.ts";
import type { MembershipChange, MembershipPreview, QuorumArithmetic, Status } from "../api.ts";
import { checkEndpoint } from "../checked-endpoint.ts";
import { isIdText } from "../codec/shapes.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import {
  badId,
  costsQuorum,
  hasSeat,
  noMember,
  nobodyTakesOver,
  noSeat,
  notThere,
  reachableOf,
} from "./errors.ts";
import { memberOf } from "./membership.ts";
import { grown } from "./seats.ts";

interface Next {
  readonly status: Status;
  readonly refused?: KibitzerError;
  readonly note?: string;
}

/** @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_NOT_FOUND` when it cannot be meant. */
export function previewOf(status: Status, change: MembershipChange): MembershipPreview {
  const { status: after, refused = null, note = null } = nextOf(status, change);
  return { change, before: arithmeticOf(status), after: arithmeticOf(after), refused, note };
}

/** Whether too few of those that answer would be left, were the seat of `id` taken, for `next`. */
export function leavesTooFew(
  status: Status,
  { id, next }: { readonly id: NodeId; readonly next: NodeId | null },
): boolean {
  const { parliament } = status.government;
  if (!parliament.includes(id) || (next !== null && parliament.includes(next))) return false;
  return parliamentAfter(status, { id, next }) === null;
}

function parliamentAfter(
  status: Status,
  { id, next }: { readonly id: NodeId; readonly next: NodeId | null },
): readonly NodeId[] | null {
  const seating = seatingOf(status);
  return next === null
    ? parliamentWithout(seating, id)
    : swappedParliament(seating, { next, insteadOf: id });
}

function arithmeticOf(status: Status): QuorumArithmetic {
  const { parliament } = status.government;
  const majority = majorityOf(Math.max(1, parliament.length));
  const reachable = reachableOf(parliament, status).length;
  const survives = reachable < majority ? null : reachable - majority;
  return { parliament: parliament.toSorted(), majority, reachable, survives };
}

function nextOf(status: Status, change: MembershipChange): Next {
  switch (change.kind) {
    case "add":
      return afterAddition(status, change.url);
    case "exile":
    case "demote":
      return afterLoss(status, change);
    case "promote":
      return afterPromotion(status, change.id, change.insteadOf ?? null);
    case "transfer":
      return afterTransfer(status, change.to ?? null);
  }
}

function seatingOf(status: Status): Seating {
  const { parliament, parliamentSize } = status.government;
  const waiting = status.members
    .filter((member) => member.naturalized && member.eligible && member.reachable)
    .map(({ id }) => id)
    .filter((id) => !parliament.includes(id));
  const isThere = (id: NodeId): boolean => reachableOf([id], status).length > 0;
  return { parliament, parliamentSize, waiting, isThere };
}

function withParliament(status: Status, parliament: readonly NodeId[]): Status {
  return { ...status, government: { ...status.government, parliament } };
}

/** With the seats that the leader then gives by itself. */
function settled(status: Status): Status {
  const parliament = grown(status);
  return parliament === null ? status : settled(withParliament(status, parliament));
}

function withMember(
  status: Status,
  id: NodeId,
  change: Partial<Status["members"][number]>,
): Status {
  const members = status.members.map((each) => (each.id === id ? { ...each, ...change } : each));
  return { ...status, members };
}

function afterAddition(status: Status, url: string): Next {
  checkEndpoint(url);
  const nowhere = { slot: 0, index: 0 };
  const guest = {
    id: url,
    url,
    role: "constituent",
    reachable: true,
    naturalized: true,
    eligible: true,
    decided: nowhere,
    applied: nowhere,
    hash: { slot: 0, value: "" },
    cookie: "",
    version: "",
  } as const;
  const after = settled({ ...status, members: [...status.members, guest] });
  const isSeated = after.government.parliament.includes(url);
  const note = isSeated
    ? `${url} has no vote before it has caught up.`
    : `${url} would follow without a seat: ${whyNoSeat(after)}`;
  return { status: after, note };
}

function whyNoSeat({ government: { parliament, parliamentSize } }: Status): string {
  return parliament.length >= parliamentSize
    ? `all ${parliamentSize} are taken.`
    : `an even number of seats survives no more failures; it has one with the next constituent.`;
}

function afterLoss(
  status: Status,
  { kind, id }: { readonly kind: "exile" | "demote"; readonly id: NodeId },
): Next {
  checkMember(status, id);
  const { parliament, leader } = status.government;
  const without =
    kind === "demote"
      ? withMember(status, id, { eligible: false })
      : { ...status, members: status.members.filter((member) => member.id !== id) };
  if (!parliament.includes(id)) return { status: without, note: `${id} has no seat to lose.` };
  const members = parliamentAfter(status, { id, next: null });
  if (members === null) {
    const what = kind === "exile" ? "exiled" : "demoted";
    return { status, refused: costsQuorum(what, id, status) };
  }
  const next = withParliament(without, members);
  const note = id === leader ? `${id} leads: the change names who leads next.` : undefined;
  return { status: next, ...(note === undefined ? {} : { note }) };
}

function afterPromotion(status: Status, id: NodeId, insteadOf: NodeId | null): Next {
  checkMember(status, id);
  const { parliament } = status.government;
  if (insteadOf === null) {
    const after = settled(withMember(status, id, { eligible: true }));
    if (parliament.includes(id)) return { status, note: `${id} has a seat already.` };
    if (after.government.parliament.includes(id)) return { status: after };
    return { status: after, note: `${id} would have no seat yet: ${whyNoSeat(after)}` };
  }
  if (!parliament.includes(insteadOf)) throw noSeat(insteadOf, status);
  if (parliament.includes(id)) throw hasSeat(id, insteadOf);
  const isThere = memberOf(status, id)?.reachable === true;
  if (!isThere) return { status, refused: notThere(id) };
  const members = parliamentAfter(status, { id: insteadOf, next: id });
  if (members === null) return { status, refused: costsQuorum("demoted", insteadOf, status) };
  return { status: withParliament(status, members) };
}

function afterTransfer(status: Status, to: NodeId | null): Next {
  const { parliament, leader } = status.government;
  if (to !== null) checkMember(status, to);
  if (to !== null && !parliament.includes(to)) throw noSeat(to, status);
  const candidates = to === null ? parliament.filter((id) => id !== leader) : [to];
  if (reachableOf(candidates, status).length === 0) {
    return { status, refused: nobodyTakesOver(to, candidates) };
  }
  const next = to ?? `one of ${reachableOf(candidates, status).join(", ")}`;
  return { status, note: `Leadership goes from ${leader ?? "nobody"} to ${next}.` };
}

function checkMember(status: Status, id: NodeId): void {
  if (!isIdText(id)) throw badId(id);
  if (memberOf(status, id) === null) throw noMember(id, status);
}
