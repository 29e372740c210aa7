/**
 * Leadership that changes in the calm, under load: the leader is killed, stopped, told to hand
 * over, or cut off for a while, or all nodes are stopped. Whoever waits is answered within a few
 * election time-outs, wherever its answer got lost (L1, L5, L6).
 */
import type { Cluster, SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { Prng } from "../prng.ts";
import { millisecond, second, type Micros, type Simulator } from "../simulator.ts";
import type { Supervisor } from "../supervisor.ts";
import type { Strike, Swarm } from "../swarm/swarm.ts";
import type { Clients } from "../workload.ts";
import type { Submission } from "./durability.ts";
import type { Governments } from "./governments.ts";

export interface FailoverParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly swarm: Pick<Swarm, "timing" | "clocks" | "liveness">;
  readonly cluster: Pick<Cluster, "crash" | "closeUnderLoad" | "network">;
  readonly clients: Pick<Clients, "publish">;
  readonly governments: Pick<Governments, "latest">;
  readonly supervisor: Pick<Supervisor, "hold" | "release">;
}

/** After which the others go on without the leader. */
const sparing: ReadonlySet<Strike> = new Set(["kill", "stop", "fill", "stall", "pause"]);

type Core = readonly SimulatedNode[];

/** L1: within how many election time-outs a republic is led again. */
const silencesMax = 4;
/** The longest pause of a publisher that was refused, and the way there and back. */
const pauseMicros = 1500 * millisecond;
const statusMax = 5 * second;

/** @param core Nodes that are well, have a majority of the parliament, and wait for nothing. */
export async function checkFailover(parts: FailoverParts, core: Core): Promise<void> {
  const { simulator, prng, swarm, clients } = parts;
  const drawn = swarm.liveness.strike;
  const leader = drawn === null ? null : await leaderOf(parts, core);
  if (drawn === null || leader === null || core.length < 2) return;
  const isSpared = !sparing.has(drawn);
  const strike = isSpared || canSpare(parts, core, leader) ? drawn : "isolate";
  const silence = Math.ceil((swarm.timing.silenceMs * millisecond) / (1 - swarm.clocks.drift));
  const open: Submission[] = [];
  const publish = (): void => {
    for (const node of core) open.push(...[clients.publish(node) ?? []].flat());
  };
  // What is under way in the very moment is what may get lost.
  for (let round = 0; round < 3; round += 1) {
    publish();
    await simulator.run(simulator.now + prng.integer(0, 2 * millisecond));
  }
  simulator.trace.note(`strike: ${strike} ${leader.id}`);
  const end = simulator.now + inflict(parts, core, { strike, leader, silence });
  while (simulator.now < end) {
    publish();
    await simulator.run(Math.min(end, simulator.now + Math.ceil(silence / 4)));
  }
  publish();
  const bound = silencesMax * silence + pauseMicros;
  const isAnswered = (): boolean => open.every(({ outcome }) => outcome !== "waiting");
  if (!(await simulator.run(simulator.now + bound, isAnswered))) throw late(strike, bound, open);
}

function late(strike: Strike, bound: Micros, open: readonly Submission[]): Violation {
  const waiting = open.filter(({ outcome }) => outcome === "waiting");
  const who = [...new Set(waiting.map(({ session }) => session))].join(" ");
  const after = `${bound / millisecond} ms after "${strike}" of the leader`;
  return new Violation("L5", `${after} ${waiting.length} calls still wait, at ${who}`);
}

async function leaderOf({ simulator }: FailoverParts, core: Core): Promise<SimulatedNode | null> {
  const kibitzer = core[0]?.kibitzer ?? null;
  if (kibitzer === null) return null;
  const { government } = await simulator.complete(kibitzer.status(), statusMax);
  return core.find(({ id }) => id === government.leader) ?? null;
}

/** Whether the others of the core are a majority of the parliament. */
function canSpare({ governments }: FailoverParts, core: Core, leader: SimulatedNode): boolean {
  const seats = governments.latest?.parliament ?? [];
  const left = core.filter((node) => node !== leader && seats.includes(node.id)).length;
  return left > seats.length / 2;
}

interface Blow {
  readonly strike: Strike;
  readonly leader: SimulatedNode;
  readonly silence: Micros;
}

/** @returns How long it lasts, and what is bounded begins then. */
function inflict(parts: FailoverParts, core: Core, { strike, leader, silence }: Blow): Micros {
  const { simulator, cluster, supervisor, prng } = parts;
  switch (strike) {
    case "kill":
    case "stop":
      // It comes back when the others have long gone on without it.
      supervisor.hold(leader);
      simulator.after((silencesMax + 1) * silence, () => supervisor.release(leader));
      if (strike === "kill") cluster.crash(leader, null);
      else cluster.closeUnderLoad(leader, "stop");
      return 0;
    case "transfer":
      handOver(parts, leader);
      return 0;
    case "stopAll":
      // X13: as with the machines' power plan; whoever has a leader loses it on the way.
      for (const node of core) {
        const how = prng.pick(["stop", "close"] as const);
        simulator.after(prng.integer(0, 20 * millisecond), () => cluster.closeUnderLoad(node, how));
      }
      return 20 * millisecond;
    case "fill":
    case "stall":
    case "pause":
      return sicken(parts, { strike, leader, silence });
    case "isolate": {
      const others = core.filter((node) => node !== leader);
      for (const { id } of others) {
        cluster.network.cut(id, leader.id, "hold");
        cluster.network.cut(leader.id, id, "hold");
      }
      simulator.after(2 * silence, () => {
        for (const { id } of others) cluster.network.heal(id, leader.id);
      });
      return 2 * silence;
    }
  }
}

/** K15, K19, X3: the leader is sick for a while, and well again by itself. */
function sicken({ simulator, swarm }: FailoverParts, blow: Blow): Micros {
  const { strike, leader, silence } = blow;
  const { disk, life } = leader;
  const stall = swarm.timing.stallMs * millisecond + silence;
  if (strike === "pause") {
    simulator.trace.fault("X3", `pause ${leader.id} ${2 * silence}`);
    life?.pause(2 * silence);
    return 2 * silence;
  }
  if (strike === "fill") {
    disk.capacity = disk.bytesUsed();
    simulator.after(stall, () => (disk.capacity = Number.MAX_SAFE_INTEGER));
    return stall;
  }
  const { faults } = disk;
  simulator.trace.fault("K19", `disk ${leader.id} hangs ${stall}`);
  disk.faults = { ...faults, stallChance: 1, stallMicros: { min: stall, max: stall } };
  simulator.after(stall, () => (disk.faults = faults));
  return 2 * stall;
}

function handOver({ simulator }: FailoverParts, { kibitzer }: SimulatedNode): void {
  kibitzer?.transfer().catch((error: unknown) => {
    // Nobody may have caught up.
    if (!(error instanceof KibitzerError)) simulator.fail(error);
  });
}
