/**
 * A planted bug, as data: one slip in one file. Applies it to a source; never runs anything.
 */
import type { DrawName } from "../swarm/draws.ts";

export interface Mutant {
  /** Unique; lower case with hyphens. */
  readonly name: string;
  /** The file that it changes, from the root of the repository. */
  readonly file: string;
  /** What stands there, exactly once; any white space stands for any other. */
  readonly find: string;
  /** What stands there instead. */
  readonly replace: string;
  /** The slip, in one line. */
  readonly about: string;
  /** The invariant that the slip breaks, by its id; another may notice first. */
  readonly invariant: string;
  /** What a run must draw to come near it at all: the whole nodes' others are passed over. */
  readonly draws?: DrawName;
  /** Of one that nothing has killed yet: why it lives. */
  readonly lives?: string;
}

/**
 * The source with the mutant in it.
 * @throws {Error} when what it looks for does not stand there exactly once.
 */
export function mutate(
  source: string,
  { name, file, find, replace }: Omit<Mutant, "invariant">,
): string {
  const words = find.trim().split(/\s+/);
  const pattern = new RegExp(words.map(escaped).join(String.raw`\s+`), "g");
  const found = [...source.matchAll(pattern)];
  const [only] = found;
  if (only === undefined || found.length > 1) {
    const what = JSON.stringify(find);
    throw new Error(`mutant ${name}: ${file} has ${what} ${found.length} times, wanted once`);
  }
  const end = only.index + only[0].length;
  return source.slice(0, only.index) + replace + source.slice(end);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
