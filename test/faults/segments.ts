/** Which files of a journal hold the log; looks at names only. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** The paths of the oldest segment, and of the one that is being written. */
export function segmentsOf(data: string): { readonly first: string; readonly last: string } {
  const journal = join(data, "journal");
  const names = readdirSync(journal)
    .filter((name) => /^segment-\d+$/.test(name))
    .toSorted((left, right) => numberOf(left) - numberOf(right));
  const [first, last] = [names[0], names.at(-1)];
  assert(first !== undefined && last !== undefined, `there are segments in ${journal}`);
  return { first: join(journal, first), last: join(journal, last) };
}

function numberOf(name: string): number {
  return Number(name.slice("segment-".length));
}
