/**
 * What an operator wants, at a node or through a client: asked of the leader until the log shows
 * that it is done. Knows nothing of how a request travels.
 */
import type { NodeId, RefusalReason } from "../../consensus/index.ts";
import type { MemberStatus, Status } from "../api.ts";
import { isIdText } from "../codec/shapes.ts";
import { KibitzerError, type Doubt } from "../kibitzer-error.ts";
import {
  abandoned,
  badId,
  costsQuorum,
  inDoubt,
  noMember,
  nobodyTakesOver,
  noSeat,
  reachableOf,
} from "./errors.ts";
import type {
  DemoteRequest,
  ExileRequest,
  InviteRequest,
  PromoteRequest,
  Response,
  TransferRequest,
} from "../requests.ts";

export type MembershipRequest =
  ExileRequest | TransferRequest | PromoteRequest | DemoteRequest | InviteRequest;

/** What became of one attempt. */
export type Submitted = Response | { readonly kind: "lost"; readonly outcome: Doubt };

/** How a node or a client asks. Everything but `pause` may throw why the asking ends. */
export interface Asking {
  /** What is wanted, in an error's words. */
  readonly what: string;
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined;
  /** A slot; a status from there on shows what was decided before. */
  barrier(): Promise<number>;
  status(): Promise<Status>;
  submit(request: MembershipRequest): Promise<Submitted>;
  /** Longer with each attempt; ends early when all is over. */
  pause(attempt: number): Promise<void>;
  /** @throws when the time is over, the signal has aborted, or this side is closed. */
  check(): void;
}

/** One change, from the state that it was asked in. */
export interface Change {
  readonly request: MembershipRequest;
  isDone(status: Status): boolean;
  /** Told what a submission was answered with. */
  readonly onAnswer?: (document: unknown) => void;
  /** Why it is of no use to ask again, or null. */
  verdict(reason: RefusalReason, status: Status): KibitzerError | null;
}

/** How often the log is looked at before the leader, perhaps another by now, is asked again. */
const looksPerAttempt = 6;

export function exileOf(id: NodeId): string {
  return `the exile of ${id}`;
}

export function transferTo(to: NodeId | null): string {
  return to === null ? "the transfer" : `the transfer to ${to}`;
}

export async function exile(asking: Asking, id: NodeId): Promise<void> {
  if (!isIdText(id)) throw badId(id);
  await carryThrough(asking, (first) => {
    const member = memberOf(first, id);
    if (member === null) throw noMember(id, first);
    const { cookie } = member;
    return {
      request: { method: "exile", id, cookie, hops: 0 },
      // An older state than the first, of a node that lags, may not know of the member yet.
      isDone: (status) =>
        status.decided.slot >= first.decided.slot && memberOf(status, id)?.cookie !== cookie,
      verdict: (reason, status) => (reason === "quorum" ? costsQuorum("exiled", id, status) : null),
    };
  });
}

/** @returns Who leads now. */
export async function transfer(asking: Asking, to: NodeId | null): Promise<NodeId> {
  if (to !== null && !isIdText(to)) throw badId(to);
  const last = await carryThrough(asking, (first) => {
    const { leader, parliament } = first.government;
    if (to !== null && memberOf(first, to) === null) throw noMember(to, first);
    if (to !== null && !parliament.includes(to)) throw noSeat(to, first);
    return {
      request: { method: "transfer", to, hops: 0 },
      isDone: (status) => {
        const found = status.government.leader;
        return to === null ? found !== null && found !== leader : found === to;
      },
      verdict: (reason, status) => {
        if (reason !== "quorum") return null;
        const others = status.government.parliament.filter((id) => id !== status.government.leader);
        const candidates = to === null ? others : [to];
        // One that can be reached is only not caught up, and soon will be.
        if (reachableOf(candidates, status).length > 0) return null;
        return nobodyTakesOver(to, candidates);
      },
    };
  });
  return last.government.leader ?? "";
}

/** @returns The status that shows it done. */
export async function carryThrough(
  asking: Asking,
  plan: (first: Status) => Change,
): Promise<Status> {
  const told: { doubt: Doubt } = { doubt: "none" };
  try {
    const first = await firstStatus(asking);
    return await untilDone(asking, plan(first), { first, told });
  } catch (error) {
    const { signal, what } = asking;
    if (signal?.aborted === true && error === signal.reason) {
      throw abandoned(what, told.doubt, error);
    }
    const isTrue = !(error instanceof KibitzerError) || error.outcome !== "none";
    throw isTrue || told.doubt === "none" ? error : inDoubt(error, what);
  }
}

/** A status that shows everything decided before the call. */
async function firstStatus(asking: Asking): Promise<Status> {
  const slot = await asking.barrier();
  for (let attempt = 1; ; attempt += 1) {
    const status = await asking.status();
    if (status.decided.slot >= slot) return status;
    await asking.pause(attempt);
    asking.check();
  }
}

async function untilDone(
  asking: Asking,
  change: Change,
  { first, told }: { readonly first: Status; readonly told: { doubt: Doubt } },
): Promise<Status> {
  let status = first;
  for (let attempt = 1; ; attempt += 1) {
    asking.check();
    // Asked once of what is done already, too: whether this caller may ask is the node's to say.
    const submitted = await submit(asking, change, told);
    if (change.isDone(status)) return status;
    if (submitted.kind === "refused") {
      const verdict = change.verdict(submitted.reason, await asking.status());
      if (verdict !== null) throw verdict;
    }
    const isTaken = submitted.kind === "enqueued" || submitted.kind === "document";
    const looks = isTaken ? looksPerAttempt : 1;
    for (let look = 1; look <= looks; look += 1) {
      await asking.pause(looks === 1 ? attempt : look);
      status = await asking.status();
      if (change.isDone(status)) return status;
    }
  }
}

async function submit(
  asking: Asking,
  { request, onAnswer }: Change,
  told: { doubt: Doubt },
): Promise<Submitted> {
  const submitted = await asking.submit(request);
  // It may say that nothing was, or needs to be, done.
  if (submitted.kind === "document") onAnswer?.(submitted.document);
  if (isDoubtful(submitted)) told.doubt = "unknown";
  return submitted;
}

function isDoubtful(submitted: Submitted): boolean {
  if (submitted.kind === "lost") return submitted.outcome === "unknown";
  return submitted.kind !== "refused";
}

export function memberOf({ members }: Status, id: NodeId): MemberStatus | null {
  return members.find((member) => member.id === id) ?? null;
}
