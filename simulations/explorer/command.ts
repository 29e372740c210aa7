/**
 * `npm run explore`: explores one model and says what was found. Where a count is published, of the
 * models that judge the explorer, it is checked as well.
 */
import { print, runCommand, showProgress } from "../command-line.ts";
import { parse, usage, type Arguments } from "./arguments.ts";
import { explore, type Bounds, type Exploration, type Progress } from "./explore.ts";
import { KibitzerModel } from "./kibitzer/kibitzer-model.ts";
import { abdModel } from "./models/abd.ts";
import { paxosModel } from "./models/paxos.ts";
import { TwoPhaseCommit } from "./models/two-phase-commit.ts";

interface Found {
  readonly exploration: Omit<Exploration<unknown>, "breach"> & {
    readonly breach: { readonly what: string; readonly lines: readonly string[] } | null;
  };
  /** The published number of states, when all of them were to be found; or null. */
  readonly published: number | null;
  readonly details: object;
}

const statesOfCore = 100_000;
const twoPhaseCounts: ReadonlyMap<number, number> = new Map([
  [3, 288],
  [5, 8832],
]);

function run(args: Arguments): Found {
  const { strategy } = args;
  const depth = args.depth ?? Infinity;
  const bounds: Bounds = {
    strategy,
    states: args.states ?? Infinity,
    depth,
    onProgress: showStates,
  };
  const isWhole = args.states === null && args.depth === null;
  const judge = (count: number | null): { published: number | null; details: object } => {
    return { published: isWhole ? count : null, details: {} };
  };
  switch (args.model) {
    case "kibitzer": {
      const model = new KibitzerModel(args.scope);
      const exploration = explore(model, { ...bounds, states: args.states ?? statesOfCore });
      return { exploration, published: null, details: { ...model.coverage, scope: args.scope } };
    }
    case "paxos":
      return { exploration: explore(paxosModel(), bounds), ...judge(16_668) };
    case "abd":
      return { exploration: explore(abdModel(), bounds), ...judge(544) };
    case "two-phase-commit": {
      const exploration = explore(new TwoPhaseCommit(args.managers), bounds);
      return { exploration, ...judge(twoPhaseCounts.get(args.managers) ?? null) };
    }
  }
}

function showStates({ states, depth, waiting }: Progress): void {
  showProgress(`${states} states, depth ${depth}, ${waiting} waiting`);
}

function summarize(args: Arguments, { exploration, published }: Found): string {
  const { states, depth, isExhausted, breach, transitions, seconds } = exploration;
  const { processorSeconds } = exploration;
  const rate = Math.round(states / Math.max(processorSeconds, 0.001));
  const rest = isExhausted ? "nothing left" : breach === null ? "more beyond" : "stopped there";
  const verdict = breach !== null ? "BROKEN" : isMissed(states, published) ? "MISCOUNTED" : "ok";
  const expected = published === null ? "" : `, published ${published}`;
  return (
    `${verdict} ${args.model} ${args.strategy}: ${states} states${expected}, ${transitions} ` +
    `transitions, depth ${depth}, ${rest}; ${seconds.toFixed(1)} s, ` +
    `${processorSeconds.toFixed(1)} of them on the processor, ${rate} states a processor second`
  );
}

function isMissed(states: number, published: number | null): boolean {
  return published !== null && states !== published;
}

function tell(args: Arguments, found: Found): number {
  const { exploration, published, details } = found;
  const { breach, states, ...counts } = exploration;
  showProgress("");
  if (args.isJson) {
    const { model, strategy } = args;
    print(JSON.stringify({ model, strategy, states, ...counts, published, ...details, breach }));
  } else {
    for (const line of breach?.lines ?? []) print(line);
    if (breach !== null) print(`broken: ${breach.what}`);
    if (Object.keys(details).length > 0) print(JSON.stringify(details));
    print(summarize(args, found));
  }
  return breach === null && !isMissed(states, published) ? 0 : 1;
}

await runCommand({ usage, parse, run: (args) => tell(args, run(args)) });
