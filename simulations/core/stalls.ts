/**
 * What is slow, not broken: a disk that hangs, a process that is paused, in a calm and under load.
 * A leader that is sick for long gives way, one that is not stays, and nobody takes turns (L4, L6).
 */
import { ballotZero, compareBallots, type Ballot } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { CoreCluster } from "./core-cluster.ts";
import { clockwork, type CoreNode } from "./core-node.ts";
import { demand } from "./violation.ts";

export interface StallParts {
  readonly cluster: CoreCluster;
  readonly prng: Prng;
  readonly proceed: (duration: number) => void;
}

const loadEvery = 20;
/** Times what is noticed: for a moment, about as long, far too long. */
const lengths = [
  [0.05, 0.5],
  [0.5, 1.5],
  [1.5, 4],
] as const;
/** Clocks run up to a tenth too fast or too slow, and syncs and messages take their time. */
const inaccuracy = 1.25;
const noticedWithin = 3 * clockwork.pingTicks;

/** Counts the ballots that are led. */
export class Leaders {
  #last: Ballot = ballotZero;
  changes = 0;

  see(node: CoreNode): void {
    if (!node.isUp || node.legislator.role !== "leading") return;
    const { ballot } = node.legislator.view();
    // Whoever was paused leads its old one until it hears of the next.
    if (compareBallots(ballot, this.#last) <= 0) return;
    // Who leads on in the next government, in which a silent member is replaced, is no other.
    const leadsOn = ballot.id === this.#last.id && ballot.government > this.#last.government;
    this.#last = ballot;
    if (!leadsOn) this.changes += 1;
  }
}

/** Who is sick with what, and for how long. */
interface Stall {
  readonly kind: "disk" | "process";
  readonly isLeader: boolean;
  readonly sick: CoreNode;
  readonly length: number;
  /** How long it may last without being noticed. */
  readonly limit: number;
}

/** One node of a calm republic is sick for a while, and well again. */
export function endureStall(parts: StallParts, leaders: Leaders): void {
  const { cluster } = parts;
  const stall = drawStall(parts);
  const { kind, isLeader, sick, length } = stall;
  const told = (): string => `${length.toFixed(0)} ms of a hanging ${kind} of ${sick.id}`;
  cluster.note(told);
  cluster.count(`stalled ${kind} of a ${isLeader ? "leader" : "follower"}`);
  const { changes } = leaders;
  if (kind === "disk") cluster.stall(sick, length);
  else cluster.pause(sick, length);
  underLoad(parts, length);
  const meanwhile = leaders.changes - changes;
  // It comes back, and nobody who leads is disturbed.
  underLoad(parts, 4 * clockwork.silenceTicks);
  const found = leaders.changes - changes;
  demand(found <= mostChanges(stall), "L4", () => `${told()} cost ${found} changes of leader`);
  const mustGo = isLeader && isNoticed(stall);
  demand(!mustGo || meanwhile === 1, "L6", () => `${told()} left it the leader`);
}

function drawStall({ cluster, prng }: StallParts): Stall {
  const leader = leaderOf(cluster);
  const seats = leader.legislator.republic.government?.parliament ?? [];
  const others = seats.filter((id) => id !== leader.id);
  const isLeader = prng.chance(0.6);
  const kind = prng.pick(["disk", "process"] as const);
  const limit = kind === "disk" ? clockwork.stallTicks : clockwork.silenceTicks;
  const [least, most] = prng.pick(lengths);
  const length = prng.between(least, most) * limit;
  return {
    kind,
    isLeader,
    sick: isLeader ? leader : cluster.node(prng.pick(others)),
    length,
    limit,
  };
}

function mostChanges({ isLeader, length, limit }: Stall): number {
  return isLeader && length * inaccuracy > limit - noticedWithin ? 1 : 0;
}

/** Whether it was so long that another one leads before it is over. */
function isNoticed({ length, limit }: Stall): boolean {
  return length > limit * inaccuracy + noticedWithin + clockwork.silenceTicks;
}

/** Time passes, in which whoever leads is given something to decide now and then. */
function underLoad({ cluster, prng, proceed }: StallParts, duration: number): void {
  const until = cluster.now + duration;
  while (cluster.now < until) {
    const awake = cluster.up.filter(({ pausedUntil }) => pausedUntil <= cluster.now);
    const leader = awake.find(({ legislator }) => legislator.role === "leading");
    const value = { kind: "registration", nonce: prng.hex16() } as const;
    if (leader !== undefined) cluster.step(leader, { kind: "enqueue", value });
    proceed(Math.min(loadEvery, until - cluster.now));
  }
}

function leaderOf(cluster: CoreCluster): CoreNode {
  const leader = cluster.up.find(({ legislator }) => legislator.role === "leading");
  demand(leader !== undefined, "L2", () => "nobody leads in a calm");
  return leader;
}
