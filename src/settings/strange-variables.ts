/** Variables of the environment that look like a node's settings, and are none. */
import { nearest } from "../nearest.ts";
import { nodeSettings } from "./node-settings.ts";
import type { Problem } from "./problem.ts";
import { variableOf } from "./setting.ts";

/** What other commands have as a variable, or a node beside its settings. */
const others = ["config", "endpoints", "json", "token"];

/**
 * Those that are likely to be misspelt. Not an error: a system that runs containers may set
 * `KIBITZER_PORT` and the like by itself, for a service of that name.
 */
export function strangersIn(environment: NodeJS.ProcessEnv): readonly Problem[] {
  const prefix = variableOf("");
  const known = new Set([...Object.keys(nodeSettings), ...others].map(variableOf));
  const suffixes = [...known].map((name) => name.slice(prefix.length));
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !known.has(name))
    .flatMap((name) => {
      const near = nearest(name.slice(prefix.length), suffixes);
      if (near === null) return [];
      const message = `This is no setting of a node. Did you mean ${prefix}${near}?`;
      return [{ key: null, place: name, message }];
    });
}
