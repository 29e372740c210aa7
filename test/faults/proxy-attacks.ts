/**
 * Attacks on the network by the faulty proxy, which stands between all: nodes and nodes, clients
 * and nodes. What is in a frame is changed as a network would, and never as a liar would.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import type { Attack } from "./attack.ts";
import { eventually } from "../processes/kit.ts";
import type { Trouble, TroubleKind } from "./flow.ts";
import type { Meaning } from "./frame-meaning.ts";
import { clients, type Scene } from "./scene.ts";

const entriesMeanwhile = 30;
const layout = { isProxied: true } as const;

/** The same trouble everywhere, while entries are published. */
function everywhere(
  name: string,
  fault: string,
  story: string,
  trouble: Trouble & Record<string, unknown>,
): Attack {
  return {
    name,
    faults: [fault],
    story,
    layout,
    async strike(scene) {
      scene.proxy.setAmong([...scene.survivors, clients], trouble);
      await scene.load.more(entriesMeanwhile);
      heal(scene);
    },
  };
}

/** Messages that a cluster at work sends all the time. */
const dailyKinds: readonly Meaning[] = [
  "ping",
  "pong",
  "accept",
  "accepted",
  "decide",
  "confirm",
  "confirmed",
];
const electionKinds: readonly Meaning[] = ["prepare", "promised", "synchronize"];
/** Longer than an election takes. */
const lossMs = 900;

/** From now on all messages of this kind are lost between nodes; resolves when one was. */
async function lose(scene: Scene, kind: Meaning): Promise<void> {
  const before = scene.proxy.count(`lost ${kind}`);
  scene.proxy.setAmong(scene.survivors, { kinds: [kind] });
  const isLost = (): true | null => (scene.proxy.count(`lost ${kind}`) > before ? true : null);
  await eventually(`a lost ${kind}`, async () => isLost());
}

/** Ends all trouble; says how often each kind of it happened. */
function heal(scene: Scene): void {
  for (const [kind, count] of scene.proxy.counts) {
    scene.fired(kind, count - (scene.firedCounts.get(kind) ?? 0));
  }
  scene.proxy.heal();
}

function happened(scene: Scene, kind: TroubleKind): void {
  assert(scene.proxy.count(kind) > 0, `the proxy did ${kind}`);
}

export const proxyAttacks: readonly Attack[] = [
  everywhere("drop", "N1", "One frame in fifteen is lost, everywhere.", { drop: 0.07 }),
  everywhere("delay", "N2", "Each frame takes up to 120 ms.", { delayMs: [5, 120] }),
  everywhere("reorder", "N3", "A fifth of the frames are overtaken by later ones.", {
    reorder: 0.2,
    reorderMs: 60,
  }),
  everywhere("duplicate", "N4", "Three frames in ten come twice, some again seconds later.", {
    duplicate: 0.3,
    replay: 0.1,
    replayMs: 2000,
  }),
  everywhere("damage", "N17", "One bit flips in a fiftieth of the frames.", { damage: 0.02 }),
  everywhere("cut-short", "N18", "A fiftieth of the frames break off in the midst: reset.", {
    cut: 0.02,
  }),
  everywhere("narrow", "N19", "Each direction of each connection carries 20 KiB a second.", {
    bytesPerSecond: 20 * 1024,
  }),
  everywhere("everything", "N1", "Loss, delay, doubling, damage and cuts at once.", {
    drop: 0.02,
    delayMs: [0, 30],
    duplicate: 0.1,
    reorder: 0.1,
    damage: 0.005,
    cut: 0.005,
  }),
  {
    name: "reset-storm",
    faults: ["N18"],
    story: "All connections are reset at once, ten times.",
    layout,
    async strike(scene) {
      for (let reset = 0; reset < 10; reset += 1) {
        scene.proxy.resetAll();
        await scene.pause(scene.chance.between(20, 300));
      }
      heal(scene);
    },
  },
  {
    name: "silent-leader",
    faults: ["N5", "N18"],
    story: "The leader's connections stay, new ones are accepted, and nothing comes from it.",
    layout,
    async strike(scene) {
      const leader = await scene.leader();
      for (const to of [...scene.survivors, clients]) {
        scene.proxy.set(leader, to, { silence: true });
      }
      await scene.load.more(entriesMeanwhile);
      happened(scene, "silence");
      heal(scene);
    },
  },
  {
    name: "deaf-leader",
    faults: ["N5"],
    story: "Of what nodes send, nothing comes to the leader, for as long as it takes.",
    layout,
    async strike(scene) {
      const leader = await scene.leader();
      for (const from of await scene.followers()) scene.proxy.set(from, leader, { silence: true });
      await scene.load.more(entriesMeanwhile);
      happened(scene, "silence");
      heal(scene);
    },
  },
  {
    name: "answers-lost",
    faults: ["N15"],
    story: "Requests of clients come through, the answers are lost, at one node after the other.",
    layout,
    async strike(scene) {
      for (const id of scene.survivors) {
        scene.proxy.set(id, clients, { silence: true });
        await scene.load.more(entriesMeanwhile / 2);
        scene.proxy.set(id, clients, null);
      }
      heal(scene);
    },
  },
  {
    name: "kinds-lost",
    faults: ["N14"],
    story: "All messages of one kind are lost between nodes, one kind after the other.",
    layout,
    async strike(scene) {
      for (const kind of scene.chance.shuffle(dailyKinds)) {
        await lose(scene, kind);
        await scene.pause(lossMs);
        heal(scene);
        await scene.load.more(5);
      }
    },
  },
  {
    name: "election-kinds-lost",
    faults: ["N14", "X1"],
    story: "The leader is killed, and all messages of one kind that an election needs are lost.",
    layout,
    async strike(scene) {
      for (const kind of electionKinds) {
        const leader = await scene.leader();
        const lost = lose(scene, kind);
        await scene.kill(leader);
        await lost;
        await scene.pause(lossMs);
        heal(scene);
        await scene.load.more(5);
        await scene.cluster.restart(leader);
      }
    },
  },
  {
    name: "stop-signs-lost",
    faults: ["N14", "O5"],
    story: "A follower dies and is replaced, while stop-signs of governments are lost for a time.",
    layout,
    async strike(scene) {
      const [follower] = await scene.followers();
      assert(follower !== undefined, "there is a follower");
      await scene.kill(follower);
      const lost = lose(scene, "stopSign");
      const replaced = scene.replace(follower, "d");
      await lost;
      await scene.pause(lossMs);
      heal(scene);
      await replaced;
    },
  },
  {
    name: "swizzle-clog",
    faults: ["N13"],
    story: "Links are clogged one by one, and freed in another order: all comes at once.",
    layout,
    async strike(scene) {
      const { chance, survivors, proxy } = scene;
      const links = survivors.flatMap((from) =>
        survivors.filter((to) => to !== from).map((to) => ({ from, to })),
      );
      for (const { from, to } of chance.shuffle(links)) {
        proxy.set(from, to, { clog: true });
        await scene.pause(chance.between(20, 300));
      }
      for (const { from, to } of chance.shuffle(links)) {
        proxy.set(from, to, null);
        await scene.pause(chance.between(20, 300));
      }
      heal(scene);
    },
  },
  {
    name: "garbage",
    faults: ["N17", "N18"],
    story: "Strangers send rubbish, half a frame, a giant length, or nothing, to every node.",
    layout,
    async strike(scene) {
      const { chance } = scene;
      const rubbish = [
        Buffer.from(Array.from({ length: 300 }, () => chance.integer(0, 255))),
        Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0]),
        Buffer.from([0, 0, 0, 0]),
        Buffer.from([0, 0, 0, 40, 1, 1]),
        Buffer.from("GET / HTTP/1.1\r\n\r\n"),
        Buffer.alloc(0),
      ];
      const sent = scene.survivors.flatMap((id) =>
        rubbish.map(async (bytes) => await sendTo(scene.host(id).address, bytes)),
      );
      scene.fired("strangers", (await Promise.all(sent)).length);
      await scene.load.more(entriesMeanwhile);
    },
  },
];

const strangerMs = 1000;

/** Sends it, and waits until the other side hangs up, or has kept silent for a second. */
async function sendTo(host: string, bytes: Buffer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ host, port: 7700 }, () => socket.write(bytes));
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.setTimeout(strangerMs, () => socket.destroy());
  socket.once("close", () => resolve());
  await promise;
}
