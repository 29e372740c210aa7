/**
 * Adding, promoting and demoting as an operator wants it: asked until the log shows it, and until
 * the next government has decided something. Knows nothing of how a request travels.
 */
import { grownParliament, type NodeId, type RefusalReason } from "../../consensus/index.ts";
import type { Seated, Status } from "../api.ts";
import { checkEndpoint } from "../checked-endpoint.ts";
import { isIdText } from "../codec/shapes.ts";
import { isGuest } from "../codec/status-document.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { Guest } from "../requests.ts";
import {
  badId,
  costsQuorum,
  hasSeat,
  inAlready,
  nobodyAt,
  noMember,
  noSeat,
  notAdmitted,
  notThere,
  notWaiting,
} from "./errors.ts";
import { carryThrough, memberOf, type Asking, type Change } from "./membership.ts";

export function additionOf(url: string): string {
  return `the addition of ${url}`;
}

export function promotionOf(id: NodeId): string {
  return `the promotion of ${id}`;
}

export function demotionOf(id: NodeId): string {
  return `the demotion of ${id}`;
}

/** Has the node at `url` invited, and waits for it to catch up. */
export async function add(asking: Asking, url: string): Promise<Seated & { readonly id: NodeId }> {
  checkEndpoint(url);
  const invited: { guest: Guest | null } = { guest: null };
  const last = await carryThrough(asking, (first) => ({
    request: { method: "invite", republic: null, url },
    onAnswer: (document) => {
      if (isGuest(document)) invited.guest = checkedGuest(document, first);
    },
    isDone: (status) => {
      const { guest } = invited;
      const member = guest === null ? null : memberOf(status, guest.id);
      if (member?.cookie !== guest?.cookie || member === null) return false;
      return member.naturalized && isSettled(status, member.id);
    },
    verdict: (reason) => invitationVerdict(reason, url),
  }));
  await asking.barrier();
  const id = invited.guest?.id ?? "";
  return { id, ...seatedOf(last, id) };
}

/** @throws {KibitzerError} when it is in a republic that it did not just join by this. */
function checkedGuest(guest: Guest, first: Status): Guest {
  const { id, cookie, url, republic } = guest;
  if (republic === null) return guest;
  const isOurs = republic.identity === first.republic.identity;
  const wasIn = memberOf(first, id)?.cookie === cookie;
  if (isOurs && !wasIn) return guest;
  throw inAlready(id, url, republic.name, isOurs);
}

function invitationVerdict(reason: RefusalReason, url: string): KibitzerError | null {
  if (reason === "unreachable") return nobodyAt(url);
  if (reason === "notWaiting") return notWaiting(url);
  if (reason === "idTaken" || reason === "departed") return notAdmitted(url, reason);
  return null;
}

export async function promote(
  asking: Asking,
  id: NodeId,
  insteadOf: NodeId | null,
): Promise<Seated> {
  for (const each of [id, insteadOf ?? id]) if (!isIdText(each)) throw badId(each);
  const last = await carryThrough(asking, (first) => promotion(first, id, insteadOf));
  await asking.barrier();
  return seatedOf(last, id);
}

function promotion(first: Status, id: NodeId, insteadOf: NodeId | null): Change {
  const member = memberOf(first, id);
  if (member === null) throw noMember(id, first);
  const { parliament } = first.government;
  if (insteadOf !== null && !parliament.includes(insteadOf)) throw noSeat(insteadOf, first);
  if (insteadOf !== null && parliament.includes(id)) throw hasSeat(id, insteadOf);
  const { cookie } = member;
  return {
    request: { method: "promote", id, cookie, insteadOf, hops: 0 },
    isDone: (status) => {
      const { parliament: seats } = status.government;
      if (status.decided.slot < first.decided.slot) return false;
      if (insteadOf !== null) return seats.includes(id) && !seats.includes(insteadOf);
      return memberOf(status, id)?.eligible === true && isSettled(status, id);
    },
    verdict: (reason, status) => {
      if (reason === "quorum" && insteadOf !== null)
        return costsQuorum("demoted", insteadOf, status);
      // One that can be reached has only to catch up.
      const isAway = reason === "notReady" && memberOf(status, id)?.reachable !== true;
      return isAway ? notThere(id) : null;
    },
  };
}

export async function demote(asking: Asking, id: NodeId): Promise<void> {
  if (!isIdText(id)) throw badId(id);
  await carryThrough(asking, (first) => {
    const member = memberOf(first, id);
    if (member === null) throw noMember(id, first);
    return {
      request: { method: "demote", id, cookie: member.cookie, hops: 0 },
      isDone: (status) => {
        const isOut = !status.government.parliament.includes(id);
        return status.decided.slot >= first.decided.slot && isOut && !isEligible(status, id);
      },
      verdict: (reason, status) =>
        reason === "quorum" ? costsQuorum("demoted", id, status) : null,
    };
  });
  await asking.barrier();
}

function isEligible(status: Status, id: NodeId): boolean {
  return memberOf(status, id)?.eligible === true;
}

/** Whether `id` has a seat, or none is about to be given to it. */
function isSettled(status: Status, id: NodeId): boolean {
  if (status.government.parliament.includes(id)) return true;
  return grown(status)?.includes(id) !== true;
}

/** The parliament that a leader would propose by itself, as far as a status tells. */
export function grown({ government, members }: Status): readonly NodeId[] | null {
  const { parliament, parliamentSize } = government;
  const waiting = members
    .filter(({ id, naturalized, eligible, reachable }) => {
      return naturalized && eligible && reachable && !parliament.includes(id);
    })
    .map(({ id }) => id);
  return grownParliament({ parliament, parliamentSize, waiting, isThere: () => true });
}

function seatedOf(status: Status, id: NodeId): Seated {
  const { parliament, parliamentSize } = status.government;
  if (parliament.includes(id)) return { seated: true, waitsFor: null };
  const member = memberOf(status, id);
  if (member?.naturalized !== true || !member.reachable)
    return { seated: false, waitsFor: "catchUp" };
  const isFull = parliament.length >= parliamentSize;
  return { seated: false, waitsFor: isFull ? "seat" : "another" };
}
