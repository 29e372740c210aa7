/** All systems there are, in the order of the tables. */
import { bound } from "./bound.ts";
import { kibitzer } from "./kibitzer.ts";
import type { System, SystemName } from "./system.ts";

export const systems: readonly System[] = [kibitzer, bound];

/** @throws {Error} when there is none of this name. */
export function systemNamed(name: SystemName): System {
  const system = systems.find((each) => each.name === name);
  if (system === undefined) throw new Error(`there is no system "${name}"`);
  return system;
}
