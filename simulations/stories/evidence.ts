/**
 * What is kept of a story that broke something: the disks of its nodes with their recordings, and
 * the story as a script. Writes into one new directory only.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatScript } from "./script.ts";
import type { StoryReport, Told } from "./tell.ts";

/** @returns The directory. */
export function keepEvidence(report: StoryReport): string {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-story-"));
  for (const { id, disk } of report.nodes) {
    for (const path of disk.paths()) {
      const target = join(directory, id, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, disk.peek(path) ?? new Uint8Array());
    }
  }
  writeFileSync(join(directory, "story.txt"), scriptOf(report));
  const { broken } = report;
  if (broken !== null) {
    writeFileSync(join(directory, "trace.txt"), `${broken.lines.join("\n")}\n${broken.stack}\n`);
  }
  return directory;
}

/** The story with what happened, in the form in which it can be told again. */
export function scriptOf(report: StoryReport): string {
  const { broken, story, told } = report;
  const head = broken === null ? "# Nothing broke." : `# Broke ${flat(broken.message)}`;
  const again = "# Tell it again: npm run stories -- --script story.txt";
  return `${head}\n${again}\n\n${formatScript(story, noted(told))}`;
}

/** `at 1.204 s: acknowledged at index 3`, for each command that was carried out. */
function noted(told: readonly Told[]): readonly string[] {
  return told.map(({ at, outcome }) => {
    const seconds = `at ${(at / 1_000_000).toFixed(3)} s`;
    return outcome === "" ? seconds : `${seconds}: ${outcome}`;
  });
}

function flat(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
