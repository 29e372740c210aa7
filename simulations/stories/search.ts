/**
 * Looks for a story that breaks something, and makes it small: fast-check draws and shrinks, and
 * what it leaves is pruned until no command can be left out and no number lowered.
 */
import fc from "fast-check";
import { stories } from "./arbitrary.ts";
import type { Command, Story } from "./story.ts";
import { tell, type Broken, type Objection, type StoryReport } from "./tell.ts";

export interface SearchOptions {
  readonly seed: number;
  readonly runs: number;
  /** Of fast-check: to a story that an earlier search has found. */
  readonly path?: string;
  /** Commands of the longest story. */
  readonly lengthMax?: number;
  readonly objections?: readonly Objection[];
  /** Called after each story that was drawn, those of the shrinking left out. */
  readonly onReport?: (report: StoryReport) => void;
  /** Called after each further story, told to make the broken one small. */
  readonly onTelling?: (tellings: number) => void;
}

export interface Found {
  /** The story as it was drawn. */
  readonly drawn: Story;
  /** What became of it when it was as small as it gets. */
  readonly shrunk: StoryReport;
  /** `seed` and `path` give fast-check's smallest story again. */
  readonly seed: number;
  readonly path: string;
  /** How many commands fast-check left. */
  readonly commandsAtPath: number;
  /** How many stories were told to make it small. */
  readonly tellings: number;
}

const lengthMaxDefault = 40;
/** Stories told to shrink one by fast-check, and then to prune it. */
const shrinkingsMax = 600;
const pruningsMax = 300;

/** @returns the first story that breaks something, made small; null when none does. */
export async function search(options: SearchOptions): Promise<Found | null> {
  const { seed, runs, path, objections = [], lengthMax = lengthMaxDefault } = options;
  let wanted: Broken | null = null;
  let drawn: Story | null = null;
  let tellings = 0;
  const property = fc.asyncProperty(stories(lengthMax), async (story) => {
    // What is not told any more cannot become the smallest.
    if (tellings >= shrinkingsMax) return true;
    const report = await tell(story, { objections, isCutShort: wanted?.isEarly === true });
    if (drawn === null) {
      options.onReport?.(report);
    } else {
      tellings += 1;
      options.onTelling?.(tellings);
    }
    if (report.broken === null) return true;
    // The smallest story is to break what the first one broke.
    wanted ??= report.broken;
    drawn ??= report.story;
    return report.broken.invariant !== wanted.invariant;
  });
  const parameters = { seed, numRuns: runs, ...(path === undefined ? {} : { path }) };
  const details = await fc.check(property, parameters);
  const [smallest] = details.counterexample ?? [];
  if (smallest === undefined || drawn === null || wanted === null) return null;
  const onTelling = (further: number): void => options.onTelling?.(tellings + further);
  const pruned = await prune(smallest, { broken: wanted, objections, onTelling });
  return {
    drawn,
    shrunk: pruned.report,
    seed,
    path: details.counterexamplePath ?? "",
    commandsAtPath: smallest.commands.length,
    tellings: tellings + pruned.tellings,
  };
}

interface Goal {
  readonly broken: Broken;
  readonly objections: readonly Objection[];
  readonly onTelling: (tellings: number) => void;
}

/** Tries every simpler story, and goes on from each that still breaks the same. */
async function prune(
  story: Story,
  { broken: { invariant, isEarly: isCutShort }, objections, onTelling }: Goal,
): Promise<{ readonly report: StoryReport; readonly tellings: number }> {
  let report = await tell(story, { objections, isCutShort });
  let tellings = 1;
  for (let isSmaller = true; isSmaller && tellings < pruningsMax;) {
    isSmaller = false;
    for (const simpler of simplerStories(report.story)) {
      const attempt = await tell(simpler, { objections, isCutShort });
      tellings += 1;
      onTelling(tellings);
      if (attempt.broken?.invariant === invariant) {
        report = attempt;
        isSmaller = true;
        break;
      }
      if (tellings >= pruningsMax) break;
    }
  }
  return { report, tellings };
}

/** Stories with one thing less, the boldest first. */
function* simplerStories(story: Story): Generator<Story> {
  const { commands, nodes, network, chance, drift } = story;
  for (let size = commands.length >> 1; size >= 1; size >>= 1) {
    for (let at = commands.length - size; at >= 0; at -= 1) {
      yield { ...story, commands: commands.toSpliced(at, size) };
    }
  }
  if (network !== "calm") yield { ...story, network: "calm" };
  for (const fewer of [1, 3]) if (fewer < nodes) yield { ...story, nodes: fewer };
  if (drift > 0) yield { ...story, drift: 0 };
  if (chance > 0) yield { ...story, chance: 0 };
  for (const [at, command] of commands.entries()) {
    for (const simpler of simplerCommands(command)) {
      yield { ...story, commands: commands.with(at, simpler) };
    }
  }
}

/** The command with one number lowered. */
function* simplerCommands(command: Command): Generator<Command> {
  if (command.kind === "publish") {
    for (const count of lower(command.count, 1)) yield { ...command, count };
    for (const bytes of lower(command.bytes, 0)) yield { ...command, bytes };
  }
  if ("ms" in command) for (const ms of lower(command.ms, 0)) yield { ...command, ms };
  if ("calls" in command) {
    for (const calls of lower(command.calls, 0)) yield { ...command, calls };
  }
  if (command.kind === "setClock" && command.stepMs !== 0) yield { ...command, stepMs: 0 };
}

function lower(value: number, least: number): readonly number[] {
  const lower = [least, least + ((value - least) >> 1), value - 1];
  return [...new Set(lower)].filter((each) => each >= least && each < value);
}
