/** Ballots as numbers, in the same order; after the founding there is one government only. */
import type { Ballot } from "../../../consensus/index.ts";
import { nodeIds } from "./live-node.ts";

const governmentExplored = 2;

/** 0 for every ballot of an earlier government, which all are below. */
export function ballotNumber({ government, round, id }: Ballot): number {
  if (government < governmentExplored) return 0;
  const node = nodeIds.indexOf(id);
  if (government > governmentExplored || node === -1) {
    throw new RangeError(`a ballot of another parliament: ${government}/${round}/${id}`);
  }
  return round * nodeIds.length + node;
}

export function ballotName(ballot: number): string {
  const round = Math.floor(ballot / nodeIds.length);
  return `${governmentExplored}.${round}.${nodeIds[ballot % nodeIds.length] ?? ""}`;
}
