/**
 * Attacks of many kinds in one, drawn from the seed, one on top of the other: what no single story
 * thinks of. Whatever is drawn, a restart and a healed network must be enough afterwards.
 */
import type { Attack } from "./attack.ts";
import { cutPower } from "./power-cut.ts";
import type { Trouble } from "./flow.ts";
import { ownAddress } from "./network.ts";
import { clients, type Scene } from "./scene.ts";

const deedCount = 12;
const powerCutCount = 5;

interface Deed {
  readonly name: string;
  /** Of all draws, relative to the others. */
  readonly weight: number;
  act(scene: Scene): Promise<void>;
}

const troubles: readonly Trouble[] = [
  { drop: 0.2 },
  { duplicate: 0.3, replay: 0.2, replayMs: 1000 },
  { delayMs: [0, 200] },
  { reorder: 0.4, reorderMs: 150 },
  { damage: 0.05 },
  { cut: 0.05 },
  { clog: true },
  { silence: true },
];

function someRunning(scene: Scene): readonly string[] {
  return scene.chance.shuffle(scene.survivors.filter((id) => scene.cluster.isRunning(id)));
}

const deeds: readonly Deed[] = [
  {
    name: "trouble on a link",
    weight: 4,
    async act({ chance, survivors, proxy }) {
      const [from, to] = chance.shuffle([...survivors, clients]);
      proxy.set(from ?? "", to ?? "", chance.pick(troubles));
      await Promise.resolve();
    },
  },
  {
    name: "no trouble for a while",
    weight: 1,
    async act(scene) {
      await scene.heal();
      await scene.pause(300);
    },
  },
  {
    name: "node cut off",
    weight: 1,
    async act(scene) {
      const host = scene.host(scene.chance.pick(scene.survivors));
      await scene.network.cut({ from: ownAddress, to: host });
    },
  },
  {
    name: "connections reset",
    weight: 1,
    async act({ proxy }) {
      proxy.resetAll();
      await Promise.resolve();
    },
  },
  {
    name: "nodes killed",
    weight: 2,
    async act(scene) {
      const running = someRunning(scene);
      const struck = running.slice(0, scene.chance.integer(1, running.length));
      await Promise.all(struck.map((id) => scene.kill(id)));
    },
  },
  {
    name: "nodes started",
    weight: 4,
    async act(scene) {
      for (const id of scene.survivors) {
        if (!scene.cluster.isRunning(id)) scene.cluster.startNode(id);
      }
      await Promise.resolve();
    },
  },
  {
    name: "nodes frozen",
    weight: 2,
    async act(scene) {
      const running = someRunning(scene);
      const struck = running.slice(0, scene.chance.integer(1, 2));
      if (struck.length > 0) await scene.freeze(struck, scene.chance.between(20, 900));
    },
  },
];

const drawn = deeds.flatMap((deed) => Array.from({ length: deed.weight }, () => deed));

export const mayhemAttacks: readonly Attack[] = [
  {
    name: "mayhem",
    faults: ["N1", "N5", "N13", "N18", "X1", "X2", "X3"],
    story: "A dozen deeds in a row: trouble on links, cuts, kills, starts, freezes, as drawn.",
    layout: { isProxied: true },
    isMixed: true,
    async strike(scene) {
      for (let number = 0; number < deedCount; number += 1) {
        const deed = scene.chance.pick(drawn);
        await deed.act(scene);
        scene.fired(deed.name, 1);
        await scene.pause(scene.chance.between(0, 400));
      }
      await scene.heal();
      await scene.allRunning();
    },
  },
  {
    name: "power-cuts-apart",
    faults: ["K1", "K2", "X1"],
    story: "One or two nodes lose power, five times, while the others go on.",
    layout: { disk: "image" },
    losesRecordings: true,
    async strike(scene) {
      for (let cut = 0; cut < powerCutCount; cut += 1) {
        const struck = scene.chance.shuffle(scene.survivors).slice(0, scene.chance.integer(1, 2));
        await cutPower(scene, struck);
        await scene.pause(scene.chance.between(0, 300));
        await Promise.all(struck.map((id) => scene.cluster.restart(id)));
        await scene.load.more(10);
      }
    },
  },
];
