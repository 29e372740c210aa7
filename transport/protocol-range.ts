/** Which versions of the protocol a side speaks, and which one two sides take. Pure. */
import type { Hello } from "./caller.ts";
import { TransportError } from "./transport-error.ts";

/** Of what frames carry: all versions from `least` to `most`, 0 … 255. */
export interface ProtocolRange {
  readonly least: number;
  readonly most: number;
}

/**
 * The version in the frames that introduce the two sides and that say goodbye, for ever: whoever
 * speaks any version reads those.
 */
export const introductionVersion = 1;

/** What is said of a side that does not say: those before ranges were told spoke this one. */
export const untoldRange: ProtocolRange = { least: 1, most: 1 };

/** One side: who it is, and what it speaks. */
export interface Introduction {
  readonly hello: Hello;
  readonly protocol: ProtocolRange;
  /** What it gives to be let in; a caller's only. */
  readonly token?: string;
}

export function isProtocolRange({ least, most }: ProtocolRange): boolean {
  return isVersion(least) && isVersion(most) && least <= most;
}

function isVersion(version: number): boolean {
  return Number.isInteger(version) && version >= 0 && version <= 255;
}

/**
 * The highest version that both sides speak; the same on both ends.
 * @throws {TransportError} `KBZ_VERSION` when there is none, naming both and who is to be upgraded.
 */
export function commonVersion(here: Introduction, there: Introduction): number {
  const version = Math.min(here.protocol.most, there.protocol.most);
  if (version >= here.protocol.least && version >= there.protocol.least) return version;
  const [older, newer] = here.protocol.most < there.protocol.most ? [here, there] : [there, here];
  throw new TransportError(
    "KBZ_VERSION",
    `Wanted a version of the protocol that both sides speak, got none: ${textOf(older)} and ` +
      `${textOf(newer)}. Upgrade the older one, by no more than one release at a time.`,
    { outcome: "none" },
  );
}

function textOf({ hello, protocol: { least, most } }: Introduction): string {
  const who = hello.node === null ? "a client" : `node ${hello.node.id}`;
  const range = least === most ? `version ${most}` : `versions ${least} to ${most}`;
  return `${who} (kibitzer ${hello.version}) speaks ${range}`;
}
