/** What `npm run explore` was asked for; wrong usage is an error that says what was wanted. */
import { parseArgs } from "node:util";
import { whole } from "../command-line.ts";
import type { Strategy } from "./explore.ts";
import { countMax, roundsMax, scopeDefault, valuesMax, type Scope } from "./kibitzer/scope.ts";

export const usage: string = `npm run explore -- [--model NAME] [options]

Walks through the states of a model, each one once, and checks every one.

  --model NAME      kibitzer (default): the shipped consensus core, three nodes, one republic
                    paxos, abd, two-phase-commit: models with published counts, which are checked
  --strategy NAME   bfs (default): a broken state is found on a shortest way; or dfs
  --states N        stop at so many distinct states (kibitzer 100000, others no bound)
  --depth N         go no further than so many actions from the start
  --json            one JSON value: what was found
  --help            this text

How far kibitzer goes, from a republic at rest (only with --model kibitzer):

  --ballots N       how often each node may stand up (default ${scopeDefault.ballots})
  --values N        values that are published (default ${scopeDefault.values})
  --retries N       values submitted again, at any leader (default ${scopeDefault.retries})
  --crashes N       losses of power (default ${scopeDefault.crashes})
  --duplicates N    messages delivered twice (default ${scopeDefault.duplicates})
  --rounds N        rounds of pings, one more a crash (default ${scopeDefault.rounds})
  --deviations N    how often the order may differ from the plain one, in which all arrives at
                    once and events wait until it has (default: any order); few reach far
  --atomic          what is written is durable at once: fewer actions for an election, so deeper

  --managers N      resource managers of two-phase-commit (default 5), and only with that model

Exits with 1 when something is broken or a published count is missed, with 2 on wrong usage.`;

const modelNames = ["kibitzer", "paxos", "abd", "two-phase-commit"] as const;

type Counts = Omit<Scope, "isAtomic">;

export interface Arguments {
  readonly model: (typeof modelNames)[number];
  readonly strategy: Strategy;
  /** Null for no bound, or the model's own. */
  readonly states: number | null;
  readonly depth: number | null;
  readonly scope: Scope;
  readonly managers: number;
  readonly isJson: boolean;
}

/**
 * Null when help is asked for.
 * @throws {Error} when an argument is invalid.
 */
export function parse(args: readonly string[]): Arguments | null {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: text,
      strategy: text,
      states: text,
      depth: text,
      ballots: text,
      values: text,
      retries: text,
      crashes: text,
      duplicates: text,
      rounds: text,
      deviations: text,
      managers: text,
      atomic: { type: "boolean" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const model = oneOf("model", values.model ?? "kibitzer", modelNames);
  for (const option of Object.keys(values)) belongs(option, model);
  return {
    model,
    strategy: oneOf("strategy", values.strategy ?? "bfs", ["bfs", "dfs"]),
    states: optional("states", values.states, [1, 2 ** 31 - 2]),
    depth: optional("depth", values.depth, [0, 2 ** 31 - 2]),
    scope: { ...scopeOf(values), isAtomic: values.atomic === true },
    managers: optional("managers", values.managers, [1, 9]) ?? 5,
    isJson: values.json,
  };
}

const scopeOptions = new Set([...Object.keys(scopeDefault), "atomic"]);

/** What a model has no use for is not passed over: its run would not be what was asked for. */
function belongs(option: string, model: Arguments["model"]): void {
  const owner = option === "managers" ? "two-phase-commit" : "kibitzer";
  if (option !== "managers" && !scopeOptions.has(option)) return;
  if (model !== owner) throw new Error(`--${option} goes with --model ${owner}, not with ${model}`);
}

function scopeOf(values: Readonly<Partial<Record<keyof Counts, string | undefined>>>): Counts {
  const { ballots, retries, crashes, duplicates, rounds, deviations } = values;
  return {
    ballots: optional("ballots", ballots, [0, countMax]) ?? scopeDefault.ballots,
    values: optional("values", values.values, [0, valuesMax]) ?? scopeDefault.values,
    retries: optional("retries", retries, [0, countMax]) ?? scopeDefault.retries,
    crashes: optional("crashes", crashes, [0, countMax - roundsMax]) ?? scopeDefault.crashes,
    duplicates: optional("duplicates", duplicates, [0, countMax]) ?? scopeDefault.duplicates,
    rounds: optional("rounds", rounds, [0, roundsMax]) ?? scopeDefault.rounds,
    deviations: optional("deviations", deviations, [0, countMax]),
  };
}

function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new Error(`--${option}: wanted ${names.join(", ")}, got ${JSON.stringify(text)}`);
}

function optional(
  option: string,
  text: string | undefined,
  [least, most]: readonly [number, number],
): number | null {
  return text === undefined ? null : whole(option, text, least, most);
}
