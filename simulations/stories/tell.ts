/**
 * Tells one story: founds the cluster, carries out each command with all checkers looking on, then
 * heals everything and demands that it converges. Its result depends on the story only.
 */
import { checkClosing, checkProgress, type ProgressParts } from "../checkers/progress.ts";
import { checkReplay } from "../checkers/replay.ts";
import type { SimulatedNode } from "../cluster.ts";
import { Violation } from "../core/violation.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { second } from "../simulator.ts";
import { carryOut, operatorMicros, type Telling } from "./commands.ts";
import { Stage } from "./stage.ts";
import { resolved, type Command, type Story } from "./story.ts";

/** One command as it happened. */
export interface Told {
  readonly command: Command;
  /** Virtual microseconds since the cluster was whole. */
  readonly at: number;
  readonly outcome: string;
}

/** What it is like when a story breaks something. */
export interface Broken {
  readonly invariant: string;
  readonly message: string;
  readonly stack: string;
  /** Whether it broke before all faults ended. */
  readonly isEarly: boolean;
  /** The last things that happened, below the commands. */
  readonly lines: readonly string[];
}

export interface StoryReport {
  /** With its places resolved. */
  readonly story: Story;
  /** As far as it came. */
  readonly told: readonly Told[];
  readonly broken: Broken | null;
  readonly steps: number;
  /** Virtual seconds. */
  readonly seconds: number;
  readonly submitted: number;
  readonly acknowledged: number;
  readonly barriers: number;
  /** Inputs that were replayed from recordings. */
  readonly replayed: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly trace: string;
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

const settleMax = 60 * second;

/** Never throws: what breaks is in the report. */
export async function tell(story: Story, options: TellingOptions = {}): Promise<StoryReport> {
  const { objections = [], isCutShort = false, linesKept = 2000 } = options;
  const whole = resolved(story);
  const stage = new Stage(whole, linesKept);
  const tellings: { readonly command: Command; readonly at: number; readonly telling: Telling }[] =
    [];
  const told = (): readonly Told[] =>
    tellings.map(({ command, at, telling }) => ({ command, at, outcome: telling() }));
  let [broken, replayed]: [Broken | null, number] = [null, 0];
  // A rejection that nobody looks at is a bug: in production it would end the process.
  const onRejection = (error: unknown): void => stage.simulator.fail(error);
  process.on("unhandledRejection", onRejection);
  try {
    await stage.found(whole.network);
    const begun = stage.simulator.now;
    for (const command of whole.commands) {
      const at = stage.simulator.now - begun;
      tellings.push({ command, at, telling: await carryOut(stage, whole, command) });
      await stage.simulator.rest();
      checkSoFar(stage);
      for (const object of objections) object(told(), stage);
    }
    if (!isCutShort) replayed = await converge(stage);
  } catch (error) {
    broken = describe(error, stage);
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  return { story: whole, told: told(), broken, replayed, ...countsOf(stage) };
}

type Counts = Omit<StoryReport, "story" | "told" | "broken" | "replayed">;

function countsOf({ simulator, durability, clients, started }: Stage): Counts {
  return {
    steps: simulator.steps,
    seconds: simulator.now / second,
    submitted: durability.submitted,
    acknowledged: durability.acknowledged,
    barriers: clients.barriers,
    faults: simulator.trace.faults(),
    trace: simulator.trace.hash(),
    nodes: started,
  };
}

/** What can be said at any time, once nodes have shown all that was acknowledged. */
function checkSoFar({ agreement, durability }: Stage): void {
  if (agreement.indexLast < durability.indexAcknowledged) return;
  agreement.checkWhole();
  durability.check(agreement);
}

/** Heals everything; then the cluster must be whole, of one mind, and able to close. */
async function converge(stage: Stage): Promise<number> {
  const { simulator, cluster, clients, agreement, durability } = stage;
  stage.calm();
  await settleExiles(stage);
  const parts: ProgressParts = {
    simulator,
    clients,
    agreement,
    durability,
    cluster: {
      nodes: stage.expected,
      ready: () => stage.expected.filter(({ kibitzer }) => kibitzer !== null),
      close: async (node, how) => await cluster.close(node, how),
    },
  };
  await checkProgress(parts);
  await expectExiledToStop(stage);
  await checkClosing(parts);
  return await checkReplay({ simulator, agreement, cluster: { nodes: stage.started } });
}

/** An exile that was begun may yet be carried out: it is asked for until it is, or cannot be. */
async function settleExiles(stage: Stage): Promise<void> {
  const { simulator, doubts, gone } = stage;
  const until = simulator.now + settleMax;
  for (const [whom, count] of doubts) {
    if (count === 0) continue;
    while (!gone.has(whom)) {
      if (simulator.now > until) throw new Violation("L2", `the exile of ${whom.id} never ends`);
      const ready = stage.expected.filter(({ kibitzer }) => kibitzer !== null);
      const asked = ready.find((node) => node !== whom) ?? ready[0];
      const answer = asked === undefined ? "nobody" : await askForExile(stage, asked, whom);
      const isGone = answer === "KBZ_NOT_FOUND" && wasMember(stage, whom);
      if (answer === "done" || isGone) gone.add(whom);
      // The last one with a seat stays.
      if (answer === "KBZ_NO_QUORUM" && stage.expected.length === 1) break;
      await simulator.run(simulator.now + second / 10);
    }
  }
}

/** Who is no member may be one soon: it is still on its way. */
function wasMember(stage: Stage, node: SimulatedNode): boolean {
  return stage.isAdmitted(node) || stage.cluster.stoppedByExile.has(node.id);
}

async function askForExile(
  { simulator, cluster }: Stage,
  { kibitzer, life }: SimulatedNode,
  whom: SimulatedNode,
): Promise<string> {
  if (kibitzer === null || life === null) return "nobody";
  cluster.exiled.add(whom.id);
  const controller = new AbortController();
  const timer = simulator.after(operatorMicros, () => controller.abort());
  const answer: { text: string | null } = { text: null };
  kibitzer.exile(whom.id, { signal: controller.signal }).then(
    () => (answer.text = "done"),
    (error: unknown) => (answer.text = error instanceof KibitzerError ? error.code : String(error)),
  );
  await simulator.run(
    simulator.now + 2 * operatorMicros,
    () => answer.text !== null || !life.alive,
  );
  timer.cancel();
  return answer.text ?? "nobody";
}

/** Whoever was exiled learns of it, and stops by itself (M4). */
async function expectExiledToStop({ simulator, gone }: Stage): Promise<void> {
  const stopped = (): boolean => [...gone].every(({ life }) => life === null);
  if (await simulator.run(simulator.now + settleMax, stopped)) return;
  const left = [...gone].filter(({ life }) => life !== null).map(({ id }) => id);
  throw new Violation("M4", `exiled, but still there: ${left.join(" ")}`);
}

function describe(error: unknown, { simulator, isCalm }: Stage): Broken {
  const invariant = error instanceof Violation ? error.invariant : "harness";
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.stack : "";
  const lines = simulator.trace.lines();
  return { invariant, message, stack: `${stack}\n${cause ?? ""}`, isEarly: !isCalm, lines };
}
