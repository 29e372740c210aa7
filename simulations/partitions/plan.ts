/**
 * Which runs the table is made of: the named topologies and every graph, each with every leader and
 * every kind of lag. One of each class of graphs that differ only in names runs much longer.
 */
import type { NodeId } from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import {
  countOf,
  drawDirected,
  graphOf,
  laggard,
  numbered,
  reaches,
  topologies,
  type Graph,
} from "./graph.ts";
import { lags, type Case, type Lag } from "./partition-run.ts";

export interface Wanted {
  readonly named: boolean;
  /** Every undirected graph on so many nodes, and the directed ones on three. */
  readonly sizes: readonly number[];
  /** How many directed graphs on five nodes, drawn by the seed. */
  readonly sample: number;
  /** Only this one, in place of all that. */
  readonly graph: string | null;
  readonly leader: NodeId | null;
  readonly lag: Lag | null;
  readonly seed: number;
  /** ET under the cut, for one graph of each class. */
  readonly timeouts: number;
  /** And for all the others; 0 leaves them out. */
  readonly timeoutsOthers: number;
}

/** @throws {RangeError} when there is no such graph. */
export function planned(wanted: Wanted): readonly Case[] {
  const seen = new Set<string>();
  return graphsOf(wanted).flatMap(({ graph, leaders }) => {
    return leaders.flatMap((leader) => casesOf(wanted, { graph, leader, seen }));
  });
}

interface Candidate {
  readonly graph: Graph;
  readonly leaders: readonly NodeId[];
}

function graphsOf(wanted: Wanted): readonly Candidate[] {
  if (wanted.graph !== null) {
    const graph = graphOf(wanted.graph);
    const leaders = topologies.find(({ name }) => name === graph.name)?.leaders ?? graph.nodes;
    return [{ graph, leaders: wanted.leader === null ? leaders : [wanted.leader] }];
  }
  const all: Graph[] = [];
  for (const size of wanted.sizes) {
    for (let at = 0; at < countOf(size, false); at += 1) all.push(numbered(size, at, false));
    if (size !== 3) continue;
    for (let at = 0; at < countOf(size, true); at += 1) all.push(numbered(size, at, true));
  }
  all.push(...sampled(wanted.sample, wanted.seed));
  const numberedOnes = all.map((graph) => ({ graph, leaders: graph.nodes }));
  const named = topologies.map((graph) => ({ graph, leaders: graph.leaders }));
  return wanted.named ? [...named, ...numberedOnes] : numberedOnes;
}

function sampled(count: number, seed: number): readonly Graph[] {
  const prng = new Prng(`directed ${seed}`);
  return Array.from({ length: count }, () => drawDirected(5, prng));
}

function casesOf(
  { lag, seed, timeouts, timeoutsOthers }: Wanted,
  { graph, leader, seen }: { graph: Graph; leader: NodeId; seen: Set<string> },
): readonly Case[] {
  const isNamed = topologies.some(({ name }) => name === graph.name);
  const wantedLags = lags.filter((each) => lag === null || each === lag);
  return wantedLags.flatMap((each) => {
    const form = canonical(graph, leader, each === "none" ? leader : laggard(graph, leader));
    const isFirst = isNamed || !seen.has(`${each} ${form}`);
    seen.add(`${each} ${form}`);
    const length = isFirst ? timeouts : timeoutsOthers;
    return length === 0 ? [] : [{ graph: graph.name, leader, lag: each, seed, timeouts: length }];
  });
}

/** Equal for two graphs when renaming the nodes makes one of the other, marked nodes included. */
export function canonical(graph: Graph, leader: NodeId, lagging: NodeId): string {
  const { nodes } = graph;
  const rows = nodes.map((from) => nodes.map((to) => (reaches(graph, from, to) ? "1" : "0")));
  const [leads, lags] = [nodes.indexOf(leader), nodes.indexOf(lagging)];
  let least: string | null = null;
  for (const order of permutations(nodes.length)) {
    const links = order.map((from) => order.map((to) => rows[from]?.[to]).join("")).join(" ");
    const form = `${links} ${order.indexOf(leads)} ${order.indexOf(lags)}`;
    if (least === null || form < least) least = form;
  }
  return least ?? "";
}

const permutationsOf = new Map<number, readonly (readonly number[])[]>();

function permutations(size: number): readonly (readonly number[])[] {
  const known = permutationsOf.get(size);
  if (known !== undefined) return known;
  const made = orders(Array.from({ length: size }, (_, at) => at));
  permutationsOf.set(size, made);
  return made;
}

function orders(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) => {
    return orders(items.filter((item) => item !== first)).map((rest) => [first, ...rest]);
  });
}
