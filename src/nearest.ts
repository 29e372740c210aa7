/** "Did you mean": the known name that a mistyped one is nearest to. Pure. */

/** Of names further apart than this, one is hardly meant by the other. */
const distanceMax = 3;

/** Null when nothing is near. */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  // A short name is near to everything.
  let least = Math.min(distanceMax, Math.ceil(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** How many letters were left out, added, changed or swapped with their neighbour. */
function distanceOf(left: string, right: string): number {
  let before: readonly number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      let distance = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        distance = Math.min(distance, (before[column - 2] ?? Infinity) + 1);
      }
      current.push(distance);
    }
    before = above;
    above = current;
  }
  return above.at(-1) ?? 0;
}
