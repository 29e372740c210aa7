/** Whether what a node shows to others, and asks of them, can be read and is what it should be. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { Security, type SecurityOptions } from "../access/security.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { silent } from "../logger.ts";
import type { NodeOptions } from "../settings/node-settings.ts";
import { faultBy, type Fault, type Key } from "./start-checks.ts";

const fileKeys = ["tlsCert", "tlsKey", "tlsCa", "tlsClientCa", "tokenFile", "tokens"] as const;

export async function credentialFaults(
  options: NodeOptions,
  environment: NodeJS.ProcessEnv,
): Promise<readonly Fault[]> {
  const unreadable = await Promise.all(
    fileKeys.map(async (key) => await unreadableFault(key, options[key])),
  );
  const faults = unreadable.flat();
  const wrong = new Set(faults.flatMap(({ keys }) => keys));
  for (const { keys, parts } of partsOf(options, environment)) {
    if (keys.some((key) => wrong.has(key))) continue;
    faults.push(...faultBy(await refusalOf(parts), ...keys));
  }
  return faults;
}

async function unreadableFault(key: Key, path: string | undefined): Promise<readonly Fault[]> {
  if (path === undefined) return [];
  const cause = await access(path, constants.R_OK).then(
    async () => ((await stat(path)).isDirectory() ? new Error("it is a directory") : null),
    (error: unknown) => error,
  );
  if (!(cause instanceof Error)) return [];
  const tell =
    `Wanted a file that can be read. Found ${path}: ${cause.message}. Check the path and who may ` +
    "read it.";
  return [{ keys: [key], tell, ...("syscall" in cause ? { cause } : {}) }];
}

interface Part {
  readonly keys: readonly Key[];
  readonly parts: SecurityOptions;
}

/** What belongs together, so that each error is told where it is. */
function partsOf(options: NodeOptions, { KIBITZER_TOKEN: told = "" }: NodeJS.ProcessEnv): Part[] {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, tlsClientCa: clientCa } = options;
  const { tokenFile, tokens } = options;
  const hasPair = cert !== undefined && key !== undefined;
  return [
    ...(hasPair ? [{ keys: pair, parts: { tls: { cert, key } } }] : []),
    ...(ca === undefined ? [] : [{ keys: ["tlsCa"] as const, parts: { tls: { ca } } }]),
    ...(clientCa === undefined
      ? []
      : [{ keys: ["tlsClientCa"] as const, parts: { tls: { clientCa } } }]),
    ...(tokenFile === undefined
      ? []
      : [{ keys: ["tokenFile"] as const, parts: { token: { file: tokenFile } } }]),
    ...(tokens === undefined ? [] : [{ keys: ["tokens"] as const, parts: { tokens } }]),
    ...(tokenFile !== undefined || told === "" ? [] : [{ keys: [], parts: { token: told } }]),
  ];
}

const pair: readonly Key[] = ["tlsCert", "tlsKey"];

async function refusalOf(parts: SecurityOptions): Promise<KibitzerError | null> {
  try {
    using _security = await Security.open(parts, silent);
    return null;
  } catch (error) {
    if (error instanceof KibitzerError) return error;
    throw error;
  }
}
