/**
 * Values as people write them, on the command line, in the environment and in files. Each parser
 * says what it wanted when it refuses. Pure.
 */
import { InvalidArgumentError } from "commander";
import { isNodeId, limits } from "../../consensus/index.ts";
import { parseEndpoint, TransportError } from "../../transport/index.ts";
import { parsePeerSource } from "../discovery/peer-source.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { isHostName } from "../http/hosts.ts";

/** What the command line adds its own words to, and a file its place. */
export function refused(wanted: string): InvalidArgumentError {
  return new InvalidArgumentError(wanted);
}

const durationUnits: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** The longest wait that a timer of the platform can count. */
const durationMsMax = 2 ** 31 - 1;

/** `250ms`, `30s`, `1.5m`, `2h` → milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  const unit = durationUnits.get(match?.[2] ?? "");
  if (match === null || unit === undefined) {
    throw new InvalidArgumentError('Wanted a duration like "250ms", "30s" or "5m".');
  }
  const durationMs = Math.round(Number(match[1]) * unit);
  if (durationMs < 1 || durationMs > durationMsMax) {
    throw new InvalidArgumentError("Wanted a duration between 1ms and 24 days.");
  }
  return durationMs;
}

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

/** A parser of sizes from `bytesMin` on. */
export function parseBytesFrom(bytesMin: number): (text: string) => number {
  return (text) => {
    const bytes = parseBytes(text);
    if (bytes >= bytesMin) return bytes;
    throw new InvalidArgumentError(`Wanted ${writeBytes(bytesMin)} at least.`);
  };
}

/** `4096`, `512MiB`, `1.5GiB` → bytes. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(|KiB|MiB|GiB|TiB)$/.exec(text.trim());
  const unit = sizeUnits.get(match?.[2] ?? "?");
  const bytes = Math.round(Number(match?.[1]) * (unit ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('Wanted a size like "4096", "512MiB" or "1.5GiB".');
  }
  return bytes;
}

/** The shortest way to write whole bytes: `64MiB`. */
export function writeBytes(bytes: number): string {
  return writeWhole(bytes, sizeUnits, "");
}

/** The shortest way to write whole milliseconds: `90s`, `10m`. */
export function writeDuration(durationMs: number): string {
  return writeWhole(durationMs, durationUnits, "ms");
}

function writeWhole(value: number, units: ReadonlyMap<string, number>, least: string): string {
  const fitting = [...units].filter(([, unit]) => value >= unit && value % unit === 0);
  const [name, unit] = fitting.at(-1) ?? [least, 1];
  return `${value / unit}${name}`;
}

const dayMs = 86_400_000;

/** As a duration, but in days, too, and for as long as wanted: `12h`, `30d` → milliseconds. */
export function parseAge(text: string): number {
  const [, count = "", name = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const unitMs = name === "d" ? dayMs : (durationUnits.get(name) ?? Number.NaN);
  const ageMs = Math.round(Number(count) * unitMs);
  if (ageMs >= 1 && Number.isSafeInteger(ageMs)) return ageMs;
  throw new InvalidArgumentError('Wanted an age like "90m", "12h" or "30d".');
}

/** The inverse of `parseAge`. */
export function writeAge(ageMs: number): string {
  const isInDays = ageMs % dayMs === 0 || ageMs > durationMsMax;
  return isInDays ? `${ageMs / dayMs}d` : writeDuration(ageMs);
}

/** A duration, or null for `never`. */
export function parseDurationOrNever(text: string): number | null {
  return text.trim() === "never" ? null : parseDuration(text);
}

/** A parser of whole numbers from `min` to `max`. */
export function parseWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      const upTo = max === Number.MAX_SAFE_INTEGER ? "on" : `to ${max}`;
      throw new InvalidArgumentError(`Wanted a whole number from ${min} ${upTo}.`);
    }
    return value;
  };
}

/** How many members have a seat at most; what an even number would add is no vote that counts. */
export function parseSeats(text: string): number {
  const seats = /^\d+$/.test(text) ? Number(text) : 0;
  if (seats % 2 === 1 && seats <= limits.parliamentSizeMax) return seats;
  throw new InvalidArgumentError(`Wanted an odd number up to ${limits.parliamentSizeMax}.`);
}

/** The name of one node. */
export function parseId(text: string): string {
  if (isNodeId(text)) return text;
  throw refused('Wanted an id like "a" or "eu-1": [a-z0-9], then up to 62 of [a-z0-9._-].');
}

/** The name of a republic. */
export function parseRepublicName(text: string): string {
  if (/^[^\p{C}]{1,64}$/u.test(text)) return text;
  throw refused("Wanted a name of 1 to 64 printable characters.");
}

/** One endpoint that others can call. */
export function parseCallable(text: string): string {
  checkPart(text, parseEndpoint);
  const endpoint = parseEndpoint(text);
  if ("port" in endpoint && endpoint.port === 0) throw refused("Wanted a port above 0.");
  return text;
}

/** Endpoints, separated by commas or by repeating the option. */
export function parseEndpoints(
  text: string,
  previous: readonly string[] | undefined,
): readonly string[] {
  return parseList(text, previous, parseEndpoint);
}

/** The same for what endpoints of peers can be looked up by, too. */
export function parsePeers(
  text: string,
  previous: readonly string[] | undefined,
): readonly string[] {
  return parseList(text, previous, parsePeerSource);
}

/** The same for ids of nodes. */
export function parseIds(text: string, previous: readonly string[] | undefined): readonly string[] {
  return parseList(text, previous, (id) => {
    if (!isNodeId(id)) throw refused(`Wanted ids of nodes, like "a"; found "${id}".`);
  });
}

function parseList(
  text: string,
  previous: readonly string[] | undefined,
  check: (part: string) => unknown,
): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  for (const part of parts) checkPart(part, check);
  return [...(previous ?? []), ...parts];
}

function checkPart(part: string, check: (part: string) => unknown): void {
  try {
    check(part);
  } catch (error) {
    if (!(error instanceof TransportError || error instanceof KibitzerError)) throw error;
    throw refused(error.message);
  }
}

/** Hosts without port, separated by commas or by repeating the option. */
export function parseHosts(
  text: string,
  previous: readonly string[] | undefined,
): readonly string[] {
  return parseList(text, previous, (host) => {
    if (!isHostName(host)) throw refused(`Wanted hosts without port, found "${host}".`);
  });
}

/** `KEY=VALUE`, repeated, into one object. */
export function parseProperty(
  text: string,
  previous: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError('Wanted KEY=VALUE, like "zone=eu-1".');
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** What the environment says of a switch. */
export function parseSwitch(text: string): boolean {
  const value = text.trim().toLowerCase();
  if (["1", "true", "yes", "on"].includes(value)) return true;
  if (["", "0", "false", "no", "off"].includes(value)) return false;
  throw new InvalidArgumentError("Wanted true or false.");
}
