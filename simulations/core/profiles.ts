/**
 * What each kind of run may go through. A seed draws its own rates inside a profile and switches a
 * good part of the faults off, since a fault that is always on hides what only calm shows.
 */
import type { Prng } from "../prng.ts";
import { calmNodes, type NodeFaults } from "./core-cluster.ts";
import { calmLinks, type LinkFaults } from "./network.ts";

export const profileNames = [
  "calm",
  "lossy",
  "crashy",
  "partitions",
  "membership",
  "churn",
  "replacements",
] as const;
export type ProfileName = (typeof profileNames)[number];

/** Chances per virtual second. */
export interface Rates {
  readonly crash: number;
  readonly crashAll: number;
  readonly pause: number;
  readonly partition: number;
  readonly hint: number;
  readonly transfer: number;
  readonly exile: number;
  /** A seat is taken away, let again, or given in place of another's. */
  readonly reseat: number;
  readonly move: number;
  readonly barrier: number;
  /** Full disks. */
  readonly fill: number;
}

export interface Profile {
  readonly name: ProfileName;
  readonly links: LinkFaults;
  readonly nodes: NodeFaults;
  readonly rates: Rates;
  /** The chance of each message that binds somebody: its sender is struck in that very moment. */
  readonly ambush: number;
  /** The chance that a crash costs undecided slots of its disk. */
  readonly damage: number;
  /** How long cuts, and crashed nodes, last on average. */
  readonly cutMean: number;
  readonly downMean: number;
  /** How often the id of an exiled node is taken by another one. */
  readonly reincarnation: number;
  /** How far clocks may be off their rate. */
  readonly drift: number;
  readonly parliamentSize: number;
  /** After how long a silent member's seat is given to another; null for never. */
  readonly replaceTicks: number | null;
  /** When, in virtual milliseconds, each further node appears. */
  readonly arrivals: readonly number[];
  readonly publishers: number;
  readonly batches: number;
  /** Batches that a publisher has in flight at most. */
  readonly window: number;
  /** The part of batches that are about as large as may be, so that a leader's window fills. */
  readonly large: number;
  /** Virtual milliseconds of the phase with faults. */
  readonly duration: number;
}

export function isProfileName(name: string): name is ProfileName {
  return profileNames.some((each) => each === name);
}

export function drawProfile(name: ProfileName, prng: Prng): Profile {
  const rough = name !== "calm";
  const parliamentSize = name === "calm" || name === "crashy" ? 3 : prng.pick([3, 5]);
  const floods = prng.chance(0.3);
  return {
    name,
    links: rough ? drawLinks(name, prng) : calmLinks,
    nodes: rough ? drawNodes(name, prng) : calmNodes,
    rates: drawRates(name, prng),
    ambush: rough ? drawAmbush(name, prng) : 0,
    damage: rough ? prng.fork("damage").pick([0, 0, 0.3, 0.9]) : 0,
    ...drawPace(name, prng),
    drift: rough ? prng.pick([0, 0.01, 0.1]) : 0,
    parliamentSize,
    replaceTicks: rough ? prng.pick([null, 300, 1000]) : null,
    arrivals: drawArrivals(name, parliamentSize, prng),
    publishers: floods ? 3 : prng.integer(1, 3),
    window: floods ? prng.integer(8, 24) : prng.integer(1, 8),
    large: floods ? 0.8 : 0.03,
    duration: prng.integer(3000, 8000),
  };
}

function drawArrivals(name: ProfileName, parliamentSize: number, prng: Prng): readonly number[] {
  const isMoreThanSeats = name === "replacements" || prng.chance(0.2);
  const nodes = isMoreThanSeats ? parliamentSize + 1 : parliamentSize;
  const arrivals = [5, 10];
  for (let node = 3; node < nodes; node += 1) arrivals.push(prng.integer(20, 3000));
  return arrivals;
}

type Pace = Pick<Profile, "cutMean" | "downMean" | "reincarnation" | "batches">;

function drawPace(name: ProfileName, prng: Prng): Pace {
  const reincarnation = name === "replacements" ? 0.95 : 0.5;
  if (name !== "churn") {
    return { cutMean: 1500, downMean: 1500, reincarnation, batches: prng.integer(5, 25) };
  }
  const [cutMean, downMean] = [prng.pick([100, 300]), prng.pick([100, 300])];
  return { cutMean, downMean, reincarnation, batches: prng.integer(20, 60) };
}

/** Half of the time, nothing. */
function sometimes(prng: Prng, max: number): number {
  return prng.chance(0.5) ? 0 : prng.between(0, max);
}

function drawAmbush(name: ProfileName, prng: Prng): number {
  const isOften = name === "churn" || name === "replacements";
  return prng.pick(isOften ? [0, 0.01, 0.05] : [0, 0, 0.005, 0.02]);
}

function drawLinks(name: ProfileName, prng: Prng): LinkFaults {
  const scale = name === "lossy" ? 1 : 0.3;
  // Leaders come and go, and what was said to one of them arrives when it leads once more.
  if (name === "churn") {
    return {
      drop: sometimes(prng, 0.1),
      duplicate: sometimes(prng, 0.3),
      replay: prng.between(0.02, 0.2),
      delayMin: 0.1,
      delayMean: prng.pick([1, 5, 20]),
      tail: sometimes(prng, 0.05),
    };
  }
  return {
    drop: sometimes(prng, 0.3 * scale),
    duplicate: sometimes(prng, 0.3 * scale),
    replay: sometimes(prng, 0.1 * scale),
    delayMin: prng.between(0.1, 3),
    delayMean: prng.between(0.5, 30 * scale),
    tail: sometimes(prng, 0.05 * scale),
  };
}

function drawNodes(name: ProfileName, prng: Prng): NodeFaults {
  if (name === "churn") return { syncMean: prng.pick([1, 5, 25]), syncStall: 0.03, lateMean: 1 };
  return {
    syncMean: prng.pick([0.2, 1, 5, 15]),
    syncStall: sometimes(prng, 0.02),
    lateMean: prng.pick([0.1, 1, 10]),
  };
}

function drawRates(name: ProfileName, prng: Prng): Rates {
  const crashy = name === "crashy" || name === "membership";
  const isCut = name === "partitions" || name === "membership";
  const rough = name !== "calm";
  if (name === "churn") return drawChurn(prng);
  if (name === "replacements") {
    return { ...drawRates("lossy", prng), crash: sometimes(prng, 3), exile: prng.between(1, 3) };
  }
  return {
    ...(crashy
      ? { crash: sometimes(prng, 3), crashAll: sometimes(prng, 0.3) }
      : { crash: 0, crashAll: 0 }),
    pause: rough ? sometimes(prng, 0.5) : 0,
    partition: isCut ? prng.between(0.2, 2) : 0,
    hint: rough ? sometimes(prng, 2) : 0,
    transfer: name === "calm" ? 0 : sometimes(prng, 0.5),
    ...drawOrders(name, prng),
    barrier: prng.between(0, 20),
    fill: rough ? sometimes(prng, 1) : 0,
  };
}

/** What operators ask for. */
function drawOrders(name: ProfileName, prng: Prng): Pick<Rates, "exile" | "reseat" | "move"> {
  return {
    exile: name === "membership" ? prng.between(0, 0.8) : 0,
    reseat: name === "membership" || name === "lossy" ? sometimes(prng, 2) : 0,
    move: name === "calm" ? 0 : sometimes(prng, 0.3),
  };
}

function drawChurn(prng: Prng): Rates {
  return {
    crash: sometimes(prng, 2),
    crashAll: sometimes(prng, 0.2),
    pause: sometimes(prng, 1),
    partition: prng.between(1, 6),
    hint: sometimes(prng, 4),
    transfer: prng.between(1, 6),
    exile: sometimes(prng, 0.3),
    reseat: sometimes(prng, 2),
    move: sometimes(prng, 0.3),
    barrier: prng.between(10, 40),
    fill: sometimes(prng, 1),
  };
}

/** One line that says all that was drawn. */
export function describeProfile(profile: Profile): string {
  return JSON.stringify(profile, (_, value: unknown) => {
    return typeof value === "number" ? Number(value.toFixed(3)) : value;
  });
}
