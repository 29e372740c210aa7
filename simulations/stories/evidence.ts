/**
 * What is kept of a story that broke something, the story as a script among it.
 */
import { keepEvidence, type Evidence } from "../evidence.ts";
import { formatScript } from "./script.ts";
import type { StoryReport, Told } from "./tell.ts";

export function evidenceOf(report: StoryReport): Evidence {
  const { broken, nodes } = report;
  const texts = new Map([["story.txt", scriptOf(report)]]);
  if (broken !== null) texts.set("trace.txt", `${broken.lines.join("\n")}\n${broken.stack}\n`);
  return keepEvidence("kibitz-story", nodes, texts);
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
