/**
 * The blocks of code in the documentation: where each stands, its language, and whether it is
 * marked as one that no test can run. Judges none.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "../..");

export interface CodeBlock {
  readonly page: string;
  /** The line of its first fence, from 1 on. */
  readonly line: number;
  /** "" where none is named. */
  readonly language: string;
  readonly code: string;
  /** What the mark above it says, or null. */
  readonly notRun: string | null;
}

/** What to do about a block that a test refuses. */
export const advice: string =
  "Correct it; or, where no test can run it, write <!-- not run: REASON --> and an empty line " +
  'above its fence (docs/style.md, "Documentation").';

const pattern = new RegExp(
  [
    String.raw`(?:<!-- not run: (?<reason>[^\n]+?) -->\n\n)?`,
    String.raw`^(?<indent> *)\x60{3}(?<language>[^\n]*)\n`,
    String.raw`(?<code>[^]*?)^\k<indent>\x60{3}$`,
  ].join(""),
  "gm",
);

/** The markdown files that git tracks, or would. */
function pages(): readonly string[] {
  const options = ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"];
  const names = execFileSync("git", options, { cwd: root, encoding: "utf8" }).split("\n");
  return [...new Set(names)].filter((name) => name !== "" && existsSync(join(root, name)));
}

/** All blocks of all pages, in order. */
export function codeBlocks(): readonly CodeBlock[] {
  return pages().flatMap((page) => blocksOf(page, readFileSync(join(root, page), "utf8")));
}

export function blocksOf(page: string, text: string): readonly CodeBlock[] {
  return [...text.matchAll(pattern)].map(({ index, 0: whole, groups = {} }) => {
    const { reason = null, indent = "", language = "", code = "" } = groups;
    const before = text.slice(0, index + whole.indexOf("```"));
    return {
      page,
      line: before.split("\n").length,
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      notRun: reason,
    };
  });
}

export function placeOf({ page, line }: CodeBlock): string {
  return `${page}:${line}`;
}
