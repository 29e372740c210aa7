/**
 * Which links still work: every graph on a few nodes, directed or not, by number, and the named
 * topologies of the literature. Knows nothing of time or of nodes that run.
 */
import type { NodeId } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";

/** A link that works, one way. */
export type Link = readonly [from: NodeId, to: NodeId];

export interface Graph {
  /** `5:937`, `3:d41` (directed), or the name of a topology; `--graph` takes it. */
  readonly name: string;
  /** The row of the table that it counts for. */
  readonly family: string;
  readonly nodes: readonly NodeId[];
  readonly links: readonly Link[];
}

const letters = ["a", "b", "c", "d", "e"] as const;
export const sizes = [3, 4, 5] as const;

function idsOf(size: number): readonly NodeId[] {
  if (size < 3 || size > letters.length) throw new RangeError(`graphs have 3 to 5 nodes: ${size}`);
  return letters.slice(0, size);
}

/** Every two of `ids`, once. */
function pairs(ids: readonly NodeId[]): readonly Link[] {
  return ids.flatMap((left, at) => ids.slice(at + 1).map((right): Link => [left, right]));
}

function bothWays(links: readonly Link[]): readonly Link[] {
  return links.flatMap(([left, right]): readonly Link[] => [
    [left, right],
    [right, left],
  ]);
}

export function countOf(size: number, isDirected: boolean): number {
  const links = pairs(idsOf(size)).length * (isDirected ? 2 : 1);
  return 2 ** links;
}

/** Bit n of `number` says whether link n is there. */
export function numbered(size: number, number: number, isDirected: boolean): Graph {
  const nodes = idsOf(size);
  if (!Number.isSafeInteger(number) || number < 0 || number >= countOf(size, isDirected)) {
    throw new RangeError(`no such graph on ${size} nodes: ${number}`);
  }
  const all = isDirected ? bothWays(pairs(nodes)) : pairs(nodes);
  const kept = all.filter((_, bit) => ((number >> bit) & 1) === 1);
  return {
    name: `${size}:${isDirected ? "d" : ""}${number}`,
    family: `${size} nodes, ${isDirected ? "directed" : "undirected"}`,
    nodes,
    links: isDirected ? kept : bothWays(kept),
  };
}

/** Each with its own density: of uniform ones hardly any lets somebody hear a majority. */
export function drawDirected(size: number, prng: Prng): Graph {
  const density = prng.pick([0.5, 0.7, 0.85, 0.95]);
  let number = 0;
  for (let link = 0; link < size * (size - 1); link += 1) {
    if (prng.chance(density)) number += 2 ** link;
  }
  return numbered(size, number, true);
}

/** Whether `from` reaches `to` directly; everybody reaches itself. */
export function reaches({ links }: Graph, from: NodeId, to: NodeId): boolean {
  return from === to || links.some(([left, right]) => left === from && right === to);
}

/** With how many nodes `id` has links that work both ways. */
function degree(graph: Graph, id: NodeId): number {
  const others = graph.nodes.filter((other) => other !== id);
  return others.filter((other) => reaches(graph, id, other) && reaches(graph, other, id)).length;
}

/** Who has working links, both ways, to enough nodes that with itself they are a majority. */
export function quorumConnected(graph: Graph): readonly NodeId[] {
  return graph.nodes.filter((id) => degree(graph, id) + 1 > graph.nodes.length / 2);
}

export interface Topology extends Graph {
  /** Who leads when it begins; one run each. */
  readonly leaders: readonly NodeId[];
}

function star(centre: NodeId, others: readonly NodeId[]): readonly Link[] {
  return others.map((other): Link => [centre, other]);
}

function topology(
  name: string,
  size: number,
  links: readonly Link[],
  leaders: readonly NodeId[],
): Topology {
  return { name, family: name, nodes: idsOf(size), links: bothWays(links), leaders };
}

/** What remains of a full mesh without one link. */
function without(ids: readonly NodeId[], cut: Link): readonly Link[] {
  return pairs(ids).filter(([left, right]) => left !== cut[0] || right !== cut[1]);
}

/** N7–N10. */
export const topologies: readonly Topology[] = [
  topology("quorum-loss", 5, star("a", ["b", "c", "d", "e"]), ["c"]),
  topology("constrained", 5, star("a", ["b", "c", "d"]), ["e"]),
  topology("chained-3", 3, without(idsOf(3), ["a", "c"]), ["a"]),
  topology("chained-5", 5, without(idsOf(5), ["a", "e"]), ["a"]),
  topology("howard-abraham", 5, [...pairs(["a", "b", "c"]), ["d", "b"], ["e", "c"]], letters),
];

/**
 * The graph that `name` names.
 * @throws {RangeError} when there is none.
 */
export function graphOf(name: string): Graph {
  const named = topologies.find((each) => each.name === name);
  if (named !== undefined) return named;
  const match = /^([345]):(d?)(\d{1,7})$/.exec(name);
  if (match === null) {
    const names = topologies.map((each) => each.name).join(", ");
    throw new RangeError(`no graph ${JSON.stringify(name)}; wanted 5:937, 3:d41, or ${names}`);
  }
  const [, size, directed, number] = match;
  return numbered(Number(size), Number(number), directed === "d");
}

/**
 * The follower that misses entries when one is to lag: whoever could win most easily, so that the
 * node that has to lead is behind.
 */
export function laggard(graph: Graph, leader: NodeId): NodeId {
  const followers = graph.nodes.filter((id) => id !== leader);
  const [best = leader] = followers.toSorted((left, right) => {
    return degree(graph, right) - degree(graph, left);
  });
  return best;
}
