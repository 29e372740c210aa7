/**
 * What settings of a node do not go together, each by itself being right. Pure: opens nothing, and
 * looks at no file.
 */
import { isSecure, parseEndpoint } from "../../transport/index.ts";
import { checkExposure } from "../access/exposure.ts";
import { checkFounders } from "../discovery/peer-source.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { checkedCitizen } from "../node/citizens.ts";
import { nodeSettings, type NodeOptions } from "../settings/node-settings.ts";
import { writeDuration } from "../settings/written-values.ts";

export type Key = keyof NodeOptions;

/** How a setting is called where it comes from: `--id`, `KIBITZER_ID`, `"id" (FILE:LINE)`. */
export type Named = (key: Key) => string;

export interface Fault {
  /** Where it is told, and then what else it depends on; empty where it is no setting's. */
  readonly keys: readonly Key[];
  /** What was wanted, what was found and what to do, where it takes no other setting's name. */
  readonly tell: string | ((named: Named) => string);
  readonly cause?: unknown;
}

export function faultsTogether(options: NodeOptions): readonly Fault[] {
  return [
    ...entryFaults(options),
    ...timingFaults(options),
    ...listeningFaults(options),
    ...certificateFaults(options),
  ];
}

/** How the node is to come into a republic. */
export function waysIn(options: NodeOptions): readonly Key[] {
  const { bootstrap, founders, join, awaitInvitation } = options;
  // Those who found together join each other.
  const isTogether = founders !== undefined && join !== undefined;
  return [
    ...(bootstrap === undefined || isTogether ? [] : (["bootstrap"] as const)),
    ...(join === undefined ? [] : (["join"] as const)),
    ...(awaitInvitation === true ? (["awaitInvitation"] as const) : []),
  ];
}

/** What a call threw, where it throws one of our errors. */
export function thrown(call: () => unknown): KibitzerError | null {
  try {
    call();
    return null;
  } catch (error) {
    if (error instanceof KibitzerError) return error;
    throw error;
  }
}

/** A fault that one of our errors tells. */
export function faultBy(error: KibitzerError | null, ...keys: readonly Key[]): readonly Fault[] {
  return error === null ? [] : [{ keys, tell: error.message, cause: error }];
}

function entryFaults(options: NodeOptions): readonly Fault[] {
  const { bootstrap, founders, join, property, republic } = options;
  const faults: Fault[] = [];
  const ways = waysIn(options);
  const [way = "join", ...others] = ways.toReversed();
  if (others.length > 0) {
    const tell = (named: Named): string =>
      `Wanted one way into a republic. Found ${ways.map(named).join(" and ")}: keep one of them, ` +
      "or add --founders where all nodes are started alike.";
    faults.push({ keys: [way, ...others, "founders"], tell });
  }
  if (founders !== undefined) {
    const isWhole = bootstrap !== undefined && join !== undefined;
    const tell = (named: Named): string =>
      `Founders found a republic together: wanted ${named("bootstrap")} with its name, too, and ` +
      `${named("join")}, by which they find each other.`;
    if (!isWhole) faults.push({ keys: ["founders", "bootstrap", "join"], tell });
    faults.push(
      ...faultBy(
        thrown(() => checkFounders(founders)),
        "founders",
      ),
    );
  }
  if (bootstrap !== undefined && republic !== undefined && republic !== bootstrap) {
    const tell = (named: Named): string =>
      `Wanted the republic that is founded, "${bootstrap}" (${named("bootstrap")}). Found ` +
      `"${republic}": leave it out, or name the same.`;
    faults.push({ keys: ["republic", "bootstrap"], tell });
  }
  if (property !== undefined) faults.push(...propertyFaults(property));
  return faults;
}

function propertyFaults(properties: Readonly<Record<string, string>>): readonly Fault[] {
  const somebody = { id: "a", cookie: "0".repeat(16), url: "ws://127.0.0.1:1" };
  const error = thrown(() => checkedCitizen({ ...somebody, properties }));
  if (error === null) return [];
  const tell = "Wanted texts of 4096 bytes at most together. Found more, or others.";
  return [{ keys: ["property"], tell, cause: error }];
}

const twice = 2;

function timingFaults(options: NodeOptions): readonly Fault[] {
  return [
    ...leastFaults(options, "silenceAfter", "pingEvery", twice),
    ...leastFaults(options, "stallAfter", "silenceAfter"),
    ...leastFaults(options, "replaceAfter", "silenceAfter"),
  ];
}

type Wait = "pingEvery" | "silenceAfter" | "stallAfter" | "replaceAfter";

/** Never is as long as anything. */
function leastFaults(options: NodeOptions, key: Wait, of: Wait, times = 1): readonly Fault[] {
  const msOf = (wait: Wait): number => {
    const { [wait]: ms = nodeSettings[wait].default } = options;
    return ms ?? Infinity;
  };
  const [ms, leastMs] = [msOf(key), times * msOf(of)];
  if (ms >= leastMs) return [];
  const usual = ms === nodeSettings[key].default ? ", the default" : "";
  const tell = (named: Named): string =>
    `Wanted ${times === twice ? "twice " : ""}${named(of)} at least, ` +
    `${writeDuration(leastMs)}. Found ${writeDuration(ms)}${usual}.`;
  return [{ keys: [key, of], tell }];
}

/** That others than this computer are let in only on demand, and under a certificate. */
export function listeningFaults(options: NodeOptions): readonly Fault[] {
  const { listen = [], tlsCert, tokens, allowInsecure = false } = options;
  const hasTokens = tokens !== undefined;
  const open = thrown(() => checkExposure(listen, { hasTokens, allowInsecure }));
  const secure = listen.find((url) => isSecure(parseEndpoint(url)));
  const tell = (named: Named): string =>
    `Wanted a certificate to listen at ${secure}. Found none: give ${named("tlsCert")} and ` +
    `${named("tlsKey")}.`;
  return [
    ...faultBy(open, "listen", "tokens", "allowInsecure"),
    ...(secure === undefined || tlsCert !== undefined
      ? []
      : [{ keys: ["listen", "tlsCert", "tlsKey"] as const, tell }]),
  ];
}

function certificateFaults({ tlsCert, tlsKey }: NodeOptions): readonly Fault[] {
  if ((tlsCert === undefined) === (tlsKey === undefined)) return [];
  const [there, missing] = tlsKey === undefined ? cases : cases.toReversed();
  const tell = (named: Named): string =>
    `Wanted a certificate and its key. Found only one of both: give ` +
    `${named(missing ?? "tlsKey")}, too.`;
  return [{ keys: [there ?? "tlsCert", missing ?? "tlsKey"], tell }];
}

const cases: readonly Key[] = ["tlsCert", "tlsKey"];
