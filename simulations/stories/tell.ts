/**
 * Tells one story: founds the cluster, carries out each command with all checkers looking on, then
 * heals everything and demands that it converges. Its result depends on the story only.
 */
import type { SimulatedNode } from "../cluster.ts";
import { Simulation, type Failure, type RunReport, type Stage } from "../simulation.ts";
import { Cast, swarmOf } from "./cast.ts";
import { carryOut, type Telling } from "./commands.ts";
import { resolved, type Command, type Story } from "./story.ts";

/** One command as it happened. */
export interface Told {
  readonly command: Command;
  /** Virtual microseconds since the cluster was whole. */
  readonly at: number;
  readonly outcome: string;
}

/** What it is like when a story breaks something. */
export interface Broken extends Failure {
  /** Whether it broke before all faults ended. */
  readonly isEarly: boolean;
}

export interface StoryReport extends Omit<RunReport, "seed" | "swarm" | "failure"> {
  /** With its places resolved. */
  readonly story: Story;
  /** As far as it came. */
  readonly told: readonly Told[];
  readonly broken: Broken | null;
  /** What the disks hold in the end. */
  readonly nodes: readonly SimulatedNode[];
}

/**
 * A further checker: called after each command, before the next one.
 * @throws {Violation} when it objects.
 */
export type Objection = (told: readonly Told[], stage: Stage) => void;

export interface TellingOptions {
  readonly objections?: readonly Objection[];
  /** Ends after the last command: for a story that is known to break before that. */
  readonly isCutShort?: boolean;
  /** How many of the last lines stay readable. */
  readonly linesKept?: number;
}

/** Never throws: what breaks is in the report. */
export async function tell(story: Story, options: TellingOptions = {}): Promise<StoryReport> {
  const { objections = [], isCutShort = false, linesKept = 2000 } = options;
  const whole = resolved(story);
  const tellings: { readonly command: Command; readonly at: number; readonly telling: Telling }[] =
    [];
  const told = (): readonly Told[] =>
    tellings.map(({ command, at, telling }) => ({ command, at, outcome: telling() }));
  let cast: Cast | null = null;
  let isEarly = true;
  const simulation = new Simulation(whole.chance, {
    swarm: swarmOf(whole),
    supervised: false,
    endsWithScript: isCutShort,
    acknowledged: () => cast?.answered(),
    linesKept,
  });
  const { failure, ...report } = await simulation.perform(async (stage) => {
    const { simulator } = stage;
    cast = new Cast(stage, whole.network);
    await cast.enter();
    const begun = simulator.now;
    for (const command of whole.commands) {
      const at = simulator.now - begun;
      tellings.push({ command, at, telling: await carryOut(cast, command) });
      await simulator.rest();
      checkSoFar(stage);
      for (const object of objections) object(told(), stage);
    }
    await cast.leave();
    isEarly = false;
  });
  const broken = failure === null ? null : { ...failure, isEarly };
  return { ...report, story: whole, told: told(), broken, nodes: simulation.cluster.nodes };
}

/** What can be said at any time, once nodes have shown all that was acknowledged. */
function checkSoFar({ agreement, durability }: Stage): void {
  if (agreement.indexLast < durability.indexAcknowledged) return;
  agreement.checkWhole();
  durability.check(agreement);
}
