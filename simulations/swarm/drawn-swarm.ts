/**
 * Draws every option of a run from its seed, each kind of fault off in a good part of the runs,
 * since a fault that is always on hides what only calm shows. Draws, and nothing else.
 */
import { damageKinds } from "../disk/disk-damage.ts";
import { messageKinds } from "../message-kinds.ts";
import type { Prng } from "../prng.ts";
import { drawDisk, drawNetwork } from "./drawn-faults.ts";
import { drawMachine, drawSnapshots, snapshotSlotsNever } from "./drawn-plans.ts";
import type {
  CutShape,
  FolderFault,
  OperatorAction,
  OutsiderFault,
  Strike,
  Swarm,
  Workload,
} from "./swarm.ts";

const cutShapes: readonly CutShape[] = [
  "oneWay",
  "hold",
  "sever",
  "split",
  "isolate",
  "flap",
  "swizzle",
  "client",
];
const folderFaults: readonly FolderFault[] = [
  "empty",
  "backup",
  "foreign",
  "elsewhere",
  "twin",
  "clone",
];
const operatorActions: readonly OperatorAction[] = ["exile", "transfer", "join", "seat", "move"];
const outsiderFaults: readonly OutsiderFault[] = ["down", "cut", "deaf", "mute"];
const strikes: readonly Strike[] = [
  "kill",
  "stop",
  "transfer",
  "isolate",
  "stopAll",
  "fill",
  "stall",
  "pause",
];

/** Some runs have nothing but damage: what depends on many things being well shows only there. */
export function drawSwarm(prng: Prng): Swarm {
  const swarm = drawLoud(prng);
  if (!prng.chance(0.15)) return swarm;
  const calm = { lossChance: 0, capacity: null };
  const network = { ...swarm.network, ...calm };
  const quiet = { ...swarm, network, cuts: null, crashes: null, pauses: null, deafness: null };
  return { ...quiet, ...drawOldDisks(prng.fork("old disks"), swarm.atlas) };
}

/** X6: peers know better than an old disk only if nothing else happened for seconds. */
function drawOldDisks(
  prng: Prng,
  { victims }: Swarm["atlas"],
): Partial<Pick<Swarm, "damage" | "folders">> {
  if (victims.length === 0 || prng.chance(0.4)) return {};
  return { damage: null, folders: { meanMs: 3000, kinds: ["backup"] } };
}

function drawLoud(prng: Prng): Swarm {
  const nodes = prng.pick([1, 3, 3, 3, 3, 5]);
  const pingMs = prng.pick([20, 50, 100]);
  const parliamentSize = prng.pick([3, 5, 5]);
  const atlas = drawAtlas(prng.fork("atlas"), nodes, Math.min(nodes, parliamentSize));
  const operator = drawOperator(prng.fork("operator"));
  // Whoever is replaced leaves fewer seats for a while, in which one that strays weighs more.
  const { victims, isSafetyOnly } = atlas.atlas;
  const snapshots = drawSnapshots(prng.fork("snapshots"));
  const isSteady = victims.length === 0 && !isSafetyOnly && operator === null;
  // Nor is a snapshot of one that strays to reach anybody else.
  const mayStray = isSteady && snapshots.slots >= snapshotSlotsNever;
  return {
    nodes,
    newcomers: prng.chance(0.25) ? prng.integer(1, 2) : 0,
    parliamentSize,
    replaceAfterMs: prng.fork("replace").pick([null, 1000, 3000]),
    foundedUnderFaults: prng.chance(0.25),
    timing: { pingMs, silenceMs: pingMs * prng.integer(4, 10), stallMs: pingMs * 40 },
    segmentBytes: prng.pick([8_192, 16_384, 65_536, 262_144]),
    network: drawNetwork(prng.fork("network")),
    disk: drawDisk(prng.fork("disk")),
    ...atlas,
    operator,
    slowDisks: {
      nodes: prng.chance(0.5) ? drawSome(prng, nodes) : [],
      factor: prng.pick([3, 10, 30]),
    },
    cuts: drawCuts(prng.fork("cuts")),
    crashes: drawCrashes(prng.fork("crashes")),
    leftOverChance: prng.chance(0.3) ? 0.3 : 0,
    restarts: prng.chance(0.3) ? { meanMs: prng.integer(1000, 8000) } : null,
    pauses: prng.chance(0.3)
      ? { meanMs: prng.integer(500, 5000), lengthMs: { min: 50, max: prng.integer(100, 5000) } }
      : null,
    fullDisks: drawFullDisks(prng.fork("full disks")),
    readOnlyDisks: drawEpisodes(prng, 0.1),
    deafness: drawDeafness(prng.fork("deafness")),
    clocks: drawClocks(prng.fork("clocks")),
    liveness: {
      isWhole: prng.chance(0.5),
      outsiders: outsiderFaults.filter(() => prng.chance(0.6)),
      strike: prng.chance(0.8) ? prng.pick(strikes) : null,
    },
    mixesVersions: prng.fork("versions").chance(0.2),
    worstDay: drawWorstDay(prng.fork("worst day")),
    workload: drawWorkload(prng.fork("workload")),
    machine: drawMachine(prng.fork("machine"), mayStray ? Math.min(nodes, parliamentSize) : 1),
    snapshots,
  };
}

function drawWorstDay(prng: Prng): Swarm["worstDay"] {
  return prng.chance(0.12) ? prng.pick(["recover", "recover", "restore"]) : null;
}

function drawFullDisks(prng: Prng): Swarm["fullDisks"] {
  const episodes = drawEpisodes(prng, 0.3);
  if (episodes === null) return null;
  return { ...episodes, together: prng.pick(["one", "one", "majority", "all"] as const) };
}

function drawEpisodes(prng: Prng, chance: number): Swarm["readOnlyDisks"] {
  if (!prng.chance(chance)) return null;
  return { meanMs: prng.integer(2000, 8000), lengthMs: { min: 100, max: 3000 } };
}

/** Which copies may be damaged, and how: off in most runs, so that the others can ask for more. */
function drawAtlas(
  prng: Prng,
  nodes: number,
  seats: number,
): Pick<Swarm, "atlas" | "victimDisk" | "damage" | "folders"> {
  const positions = prng.shuffle(Array.from({ length: nodes }, (_, position) => position));
  const most = Math.floor((seats - 1) / 2);
  const victims = prng.chance(0.5) ? positions.slice(0, prng.integer(Math.min(1, most), most)) : [];
  const rare = (chance: number): number => (prng.chance(0.2) ? chance : 0);
  const kinds = damageKinds.filter(() => prng.chance(0.5));
  const folders = folderFaults.filter(() => prng.chance(0.5));
  const rhythm = { meanMs: prng.integer(2000, 8000) };
  return {
    atlas: { victims, isSafetyOnly: prng.chance(0.04) },
    victimDisk: {
      lateErrorChance: rare(0.002),
      staleReadChance: rare(0.002),
      misdirectedReadChance: rare(0.002),
      garbage: prng.chance(0.3),
    },
    damage: prng.chance(0.6) && kinds.length > 0 ? { ...rhythm, kinds } : null,
    folders: prng.chance(0.4) && folders.length > 0 ? { ...rhythm, kinds: folders } : null,
  };
}

function drawOperator(prng: Prng): Swarm["operator"] {
  const kinds = operatorActions.filter(() => prng.chance(0.7));
  if (prng.chance(0.5) || kinds.length === 0) return null;
  return { meanMs: prng.integer(1000, 6000), kinds };
}

function drawDeafness(prng: Prng): Swarm["deafness"] {
  if (prng.chance(0.8)) return null;
  const kinds = messageKinds.filter(() => prng.chance(0.4));
  if (kinds.length === 0) return null;
  return { meanMs: prng.integer(1000, 6000), lengthMs: { min: 100, max: 3000 }, kinds };
}

function drawClocks(prng: Prng): Swarm["clocks"] {
  const isSteady = prng.chance(0.5);
  return {
    wallSpreadMs: isSteady ? 0 : prng.pick([0, 1000, 86_400_000]),
    drift: isSteady ? 0 : prng.pick([0, 0.01, 0.3]),
    steps: prng.chance(0.2)
      ? { meanMs: prng.integer(500, 4000), maxMs: prng.pick([1, 1000, 86_400_000]) }
      : null,
    freezes: prng.chance(0.15)
      ? { meanMs: prng.integer(1000, 6000), lengthMs: { min: 10, max: 3000 } }
      : null,
  };
}

/** Some of the positions 0 … count - 1, though not all when there are several. */
function drawSome(prng: Prng, count: number): readonly number[] {
  const positions = Array.from({ length: count }, (_, position) => position);
  const some = positions.filter(() => prng.chance(0.6));
  return some.length === count ? some.slice(1) : some;
}

function drawCuts(prng: Prng): Swarm["cuts"] {
  if (prng.chance(0.4)) return null;
  return {
    meanMs: prng.integer(500, 5000),
    lengthMs: { min: 20, max: prng.pick([500, 3000, 8000]) },
    kinds: cutShapes.filter(() => prng.chance(0.5)),
  };
}

function drawCrashes(prng: Prng): Swarm["crashes"] {
  if (prng.chance(0.35)) return null;
  // K3 everywhere: what was not written of a sector is as it was, and a node copes with that.
  // Garbage in it may be damage that stops its node, and is for the atlas to allow.
  const power = {
    survival: prng.pick([0, 0.5, 0.9]),
    torn: prng.chance(0.4),
    garbage: false,
  };
  return {
    meanMs: prng.integer(800, 6000),
    downMs: { min: 5, max: prng.pick([50, 1000, 5000]) },
    power: prng.chance(0.7) ? power : null,
    inStorage: prng.chance(0.4),
    atAcknowledgement: prng.chance(0.5),
    together: prng.pick(["one", "minority", "all", "all", "rolling"]),
    loopChance: prng.chance(0.3) ? prng.pick([0.3, 0.8]) : 0,
  };
}

function drawWorkload(prng: Prng): Workload {
  return {
    publishesPerSecond: prng.pick([5, 20, 60]),
    remoteClients: prng.chance(0.3) ? prng.integer(1, 2) : 0,
    burstMax: prng.pick([1, 5, 50]),
    bytesMax: prng.pick([64, 64, 4000, 30_000]),
    giantChance: prng.chance(0.05) ? 0.01 : 0,
    abortChance: prng.chance(0.3) ? 0.1 : 0,
    barriersPerSecond: prng.pick([0, 2, 10]),
    readsPerSecond: prng.pick([0, 2]),
  };
}
