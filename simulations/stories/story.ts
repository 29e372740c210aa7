/**
 * A story: a small cluster and what is done to it, as plain data. Its numbers stand for themselves
 * and depend on no other command, so that any command can be left out. Does nothing.
 */

export interface Story {
  /** How many nodes found the republic. */
  readonly nodes: number;
  /** Draws the latencies and the like of the run. */
  readonly chance: number;
  /** By how many per cent at most clocks run too fast or too slowly, each life at its own rate. */
  readonly drift: number;
  readonly network: NetworkMood;
  readonly commands: readonly Command[];
}

/** `calm` loses nothing; `slow` delays; `unruly` also loses, doubles and reorders. */
export type NetworkMood = "calm" | "slow" | "unruly";

/** A node, by its place among those that were started so far; taken modulo their number. */
export type Place = number;

/** Whom leadership is handed to. */
export type Successor = Place | "anybody";

export type Command =
  /** Publishes so many entries in one turn, each of so many bytes beside its name. */
  | {
      readonly kind: "publish";
      readonly node: Place;
      readonly count: number;
      readonly bytes: number;
    }
  | { readonly kind: "barrier"; readonly node: Place }
  /** Reads once, or follows, from `index` on. */
  | { readonly kind: "read" | "follow"; readonly node: Place; readonly index: number }
  | { readonly kind: "wait"; readonly ms: number }
  /** The process ends; its disk has everything that was written. */
  | { readonly kind: "kill"; readonly node: Place }
  /** The machine ends; its disk loses what was not synced, or a part of it. */
  | { readonly kind: "unplug"; readonly node: Place }
  | { readonly kind: "unplugAll" }
  /** It, or all of them, loses power in the very step that acknowledges the next entry. */
  | { readonly kind: "unplugAtAnswer"; readonly node: Place }
  | { readonly kind: "unplugAllAtAnswer" }
  /** The machine loses power so many storage calls from now. */
  | { readonly kind: "unplugIn"; readonly node: Place; readonly calls: number }
  | { readonly kind: "start"; readonly node: Place }
  /** All that are down come back, but it. */
  | { readonly kind: "startOthers"; readonly node: Place }
  /** Ends it in order: `stop` hands leadership over first. */
  | { readonly kind: "stop" | "close"; readonly node: Place }
  | { readonly kind: "pause"; readonly node: Place; readonly ms: number }
  /** Nothing passes from the one to the other, and nobody is told. */
  | { readonly kind: "cut"; readonly from: Place; readonly to: Place }
  /** Nothing passes between the two: in silence, told to both, or held back until it heals. */
  | { readonly kind: "part" | "sever" | "clog"; readonly from: Place; readonly to: Place }
  /** Nothing passes between it and all others, and nobody is told. */
  | { readonly kind: "isolate"; readonly node: Place }
  /** All links pass again, and disks are fast and have room. */
  | { readonly kind: "heal" }
  /** One node more is started, and joins. */
  | { readonly kind: "join" }
  /** `node` is asked to exile `whom`. */
  | { readonly kind: "exile"; readonly node: Place; readonly whom: Place }
  /** `node` is asked for a hand-over. */
  | { readonly kind: "transfer"; readonly node: Place; readonly to: Successor }
  /** Its wall clock is set so far forward, or back. */
  | { readonly kind: "setClock"; readonly node: Place; readonly stepMs: number }
  /** Its clocks stand still for so long, and then jump to where they should be. */
  | { readonly kind: "freezeClocks"; readonly node: Place; readonly ms: number }
  /** Each sync of its disk takes so long, until it heals. */
  | { readonly kind: "stall"; readonly node: Place; readonly ms: number }
  /** Its disk has so many bytes left, until it heals. */
  | { readonly kind: "fill"; readonly node: Place; readonly bytes: number };

export type CommandKind = Command["kind"];

/** The names that nodes get in the order in which they are started. */
export const nodeNames: readonly string[] = ["a", "b", "c", "d", "e", "f", "g"];

/** How many nodes have been started after `commands`. */
export function startedAfter(story: Pick<Story, "nodes">, commands: readonly Command[]): number {
  const joins = commands.filter(({ kind }) => kind === "join").length;
  return Math.min(story.nodes + joins, nodeNames.length);
}

/** The same story with every place below the number of nodes that there are then. */
export function resolved(story: Story): Story {
  const commands = story.commands.map((command, at) => {
    const count = startedAfter(story, story.commands.slice(0, at));
    return resolvedCommand(command, count);
  });
  return { ...story, commands };
}

function resolvedCommand(command: Command, count: number): Command {
  const place = (at: Place): Place => at % count;
  let changed = command;
  if ("node" in changed) changed = { ...changed, node: place(changed.node) };
  if ("from" in changed) changed = { ...changed, from: place(changed.from), to: place(changed.to) };
  if (changed.kind === "exile") changed = { ...changed, whom: place(changed.whom) };
  if (changed.kind === "transfer" && changed.to !== "anybody") {
    changed = { ...changed, to: place(changed.to) };
  }
  return changed;
}
