/**
 * Full disks (D11): what a node without room may still take, and that a republic whose disks are
 * full refuses for good, reads on, keeps a leader, and goes on by itself once there is room.
 */
import type { Batch, LegislatorInput, Outcome, Registration } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { CoreCluster } from "./core-cluster.ts";
import { clockwork, type CoreNode } from "./core-node.ts";
import type { Invariants } from "./invariants.ts";
import { demand } from "./violation.ts";

/** What the nodes without room were given by clients before, each in its present life. */
export class Rooms {
  readonly #taken = new WeakMap<CoreNode, { readonly life: number; readonly keys: Set<string> }>();

  /** A node without room takes nothing from clients, and fetches nothing. */
  check(node: CoreNode, outcome: Outcome, input: LegislatorInput): void {
    if (input.kind === "enqueue" && outcome.reply?.kind === "enqueued") this.#onTaken(node, input);
    if (node.hasRoom || input.kind !== "receive" || input.message.kind !== "learn") return;
    const learned = outcome.persist?.decrees.length ?? 0;
    demand(learned === 0, "D11", () => `${node.id}, without room, learns ${learned} slots`);
  }

  #onTaken(node: CoreNode, { value }: LegislatorInput & { readonly kind: "enqueue" }): void {
    const key = keyOf(value);
    const found = this.#taken.get(node);
    const taken =
      found?.life === node.starts ? found : { life: node.starts, keys: new Set<string>() };
    this.#taken.set(node, taken);
    const isKnown = taken.keys.has(key) || isWritten(node, key);
    demand(node.hasRoom || isKnown, "D11", () => `${node.id}, without room, takes ${key}`);
    taken.keys.add(key);
  }
}

function keyOf(value: Batch | Registration): string {
  return value.kind === "registration"
    ? `registration ${value.nonce}`
    : `batch ${value.publisher}:${value.sequence}`;
}

function isWritten({ disk }: CoreNode, key: string): boolean {
  return disk.written.log.some(({ value }) => {
    return (value.kind === "batch" || value.kind === "registration") && keyOf(value) === key;
  });
}

export interface RoomParts {
  readonly cluster: CoreCluster;
  readonly invariants: Invariants;
  readonly prng: Prng;
  readonly proceed: (duration: number) => void;
  readonly askBarrier: (node: CoreNode) => void;
}

/** Whoever leads has room, since others have some. */
export function leaderHasRoom({ cluster }: RoomParts): void {
  const leader = leaderOf(cluster);
  demand(leader.hasSpace, "D11", () => `${leader.id} leads without room, though others have some`);
}

/** The disks of a majority are full for a while. */
export function endureFullDisks(parts: RoomParts): void {
  const { cluster, invariants, prng, proceed, askBarrier } = parts;
  const { chosen } = invariants;
  const seats = prng.shuffle(chosen.republic.government?.parliament ?? []);
  const most = Math.floor(seats.length / 2) + 1;
  const full = seats.slice(0, prng.integer(most, seats.length)).map((id) => cluster.node(id));
  cluster.count("full majority");
  cluster.note(() => `full: ${full.map(({ id }) => id).join(" ")}`);
  for (const node of full) cluster.setRoom(node, false);
  // Long enough for everybody to know, and for another one to lead.
  proceed(4 * clockwork.silenceTicks);
  const leader = leaderOf(cluster);
  const nonce = prng.hex16();
  const publish = (): Outcome["reply"] => {
    const value = { kind: "registration", nonce } as const;
    return cluster.step(leader, { kind: "enqueue", value })?.reply ?? null;
  };
  const refused = publish();
  demand(refused?.kind === "refused" && refused.reason === "full", "D11", () => {
    return `${leader.id} answers ${refused?.kind ?? "nothing"}, with ${full.length} full disks`;
  });
  const answered = cluster.counts.get("barrier answered") ?? 0;
  askBarrier(leader);
  proceed(2 * clockwork.pingTicks);
  const isRead = (cluster.counts.get("barrier answered") ?? 0) > answered;
  demand(isRead, "D11", () => `no barrier is answered while ${full.length} disks are full`);
  for (const node of full) cluster.setRoom(node, true);
  const { length } = chosen;
  proceed(2 * clockwork.pingTicks);
  publish();
  proceed(clockwork.pingTicks);
  demand(chosen.length > length, "D11", () => `nothing is decided, though there is room again`);
}

function leaderOf(cluster: CoreCluster): CoreNode {
  const leader = cluster.up.find(({ legislator }) => legislator.role === "leading");
  demand(leader !== undefined, "D11", () => "nobody leads while disks are full");
  return leader;
}
