/** Where simulated nodes are on the network: at first, and after their folders were moved (O7). */

/** How often the folder of one node may be moved. */
export const movesMax = 2;

/** Where a process runs: its machine's name on the network, and its endpoint. */
export interface Place {
  readonly name: string;
  readonly url: string;
  /** Whether it has moved, or whom it tells so besides the members that it knows. */
  readonly moved: boolean | readonly string[];
}

export function addressOf({ id, moves }: { readonly id: string; readonly moves: number }): string {
  return moves === 0 ? `memory:${id}` : `memory:${id}/${moves}`;
}

/** Wherever a node may be, before and after it moved. */
export function endpointsOf({ id }: { readonly id: string }): readonly string[] {
  return Array.from({ length: movesMax + 1 }, (_, moves) => addressOf({ id, moves }));
}
