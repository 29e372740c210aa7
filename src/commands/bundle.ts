/**
 * `kibitz bundle`: one compressed JSON document with what a report of a bug needs. Entries' bytes
 * and secrets do not get into it; what cannot be had is named with the reason.
 */
import { writeFile } from "node:fs/promises";
import { arch, cpus, freemem, loadavg, platform, release, totalmem, uptime } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { KibitzerClient } from "../client.ts";
import { recordedEnvelopes } from "../recording/replay.ts";
import { nodeFiles, volumeOf } from "../storage/node-files.ts";
import { protocol, version } from "../version.ts";
import { CommandError } from "./command-error.ts";
import { errorText } from "./describe-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { HttpAsking } from "./http-asking.ts";
import { inspectDirectory } from "./inspect-directory.ts";
import { watchInterruption } from "./interruption.ts";
import { lockIfThere } from "./log-inspect.ts";
import type { Output } from "./output.ts";
import { credentialsOf } from "./security-options.ts";
import type { ClusterOptions } from "./options.ts";

export interface BundleOptions extends ClusterOptions {
  readonly data?: string;
}

/** The newest envelopes that go into a bundle; some megabytes at most. */
const envelopesMax = 5_000;
/** That an answer may take: a cluster in trouble is what bundles are for. */
const askMs = 5_000;
/** Of an answer that is none, this much says why. */
const refusalLengthMax = 500;

export async function bundle(
  path: string,
  options: BundleOptions,
  output: Output,
): Promise<number> {
  using interruption = watchInterruption();
  const { signal } = interruption;
  using http = await HttpAsking.open(options, process.env);
  const missing: string[] = [];
  const gathering = { http, signal, missing };
  const parts = {
    versions: { kibitzer: version, protocol, node: process.versions },
    system: systemFacts(),
    settings: settingsIn(process.env),
    status: await partOf("status", missing, () => statusOf(options, signal)),
    endpoints: await endpointsOf(options.endpoints, gathering),
    ...(options.data === undefined ? {} : await directoryParts(resolve(options.data), missing)),
  };
  if (signal.aborted) return exitCodes.interrupted;
  missing.sort();
  if (missing.length === partsAsked(options)) throw nothingThere(options, parts.status);
  const text = JSON.stringify(
    { format: 1, made: new Date().toISOString(), missing, ...parts },
    withoutBytes,
  );
  const compressed = await promisify(gzip)(text);
  await write(resolve(path), compressed);
  if (options.json === true) output.json({ file: path, bytes: compressed.length, missing });
  else {
    output.line(`${path}: ${compressed.length} bytes; read it with: gzip -dc ${path}`);
  }
  if (missing.length > 0) {
    const what = missing.join(", ");
    output.note(`kibitz: it is not whole: ${what} could not be had; in their place it says why`);
  }
  return exitCodes.ok;
}

interface Missing {
  readonly missing: string;
}

/** The status, two parts of each endpoint, and two of a directory. */
function partsAsked({ endpoints, data }: BundleOptions): number {
  return 1 + 2 * endpoints.length + (data === undefined ? 0 : 2);
}

function nothingThere({ endpoints, data }: BundleOptions, status: unknown): CommandError {
  const why =
    typeof status === "object" && status !== null && "missing" in status ? status.missing : "";
  const directory = data === undefined ? "" : `, and nothing of a node could be read in ${data}`;
  return new CommandError(
    exitCodes.failure,
    `No node answered at ${endpoints.join(", ")}${directory}: nothing was written. Name a node ` +
      `that runs with --endpoints, or the directory of one with --data.\n  because: ${String(why)}`,
  );
}

/** @param missing Takes the name of what cannot be had: where it would stand in the document. */
async function partOf<Part>(
  name: string,
  missing: string[],
  read: () => Promise<Part>,
): Promise<Part | Missing> {
  try {
    return await read();
  } catch (error) {
    missing.push(name);
    return { missing: errorText(error) };
  }
}

async function statusOf(options: ClusterOptions, signal: AbortSignal): Promise<unknown> {
  const timeoutMs = Math.min(askMs, options.timeout);
  await using client = await KibitzerClient.connect(options.endpoints, {
    timeoutMs,
    ...credentialsOf(options, process.env),
    signal,
  });
  const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return await client.status({ signal: within });
}

interface Gathering {
  readonly http: HttpAsking;
  readonly signal: AbortSignal;
  readonly missing: string[];
}

/** What each endpoint tells over HTTP. */
async function endpointsOf(
  urls: readonly string[],
  { http, signal, missing }: Gathering,
): Promise<readonly unknown[]> {
  const asked = urls.map(async (url, at) => {
    const name = `endpoints[${at}]`;
    const textAt = async (path: string, wanted: readonly number[]): Promise<string> => {
      if (!/^wss?:/.test(url)) throw new Error("this endpoint has no HTTP");
      const within = AbortSignal.any([signal, AbortSignal.timeout(askMs)]);
      const { status, text } = await http.get(url, path, within);
      if (wanted.includes(status)) return text;
      throw new Error(`it answered ${status}: ${text.slice(0, refusalLengthMax)}`);
    };
    // Whoever is not ready says why with 503.
    const readyz = partOf(`${name}.readyz`, missing, () => textAt("/readyz?verbose", [200, 503]));
    const metrics = partOf(`${name}.metrics`, missing, () => textAt("/metrics", [200]));
    return { url, readyz: await readyz, metrics: await metrics };
  });
  return await Promise.all(asked);
}

async function directoryParts(
  directory: string,
  missing: string[],
): Promise<Readonly<Record<string, unknown>>> {
  const files = nodeFiles();
  const inspection = await partOf("inspection", missing, async () => {
    await using _lock = await lockIfThere(directory, files);
    return await inspectDirectory(directory, files);
  });
  const recording = await partOf("recording", missing, async () => {
    return await lastEnvelopes(`${directory}/recording`);
  });
  return { directory, volume: await volumeOf(directory), inspection, recording };
}

/** Damage ends what can be read: what was whole before it is kept. */
async function lastEnvelopes(path: string): Promise<unknown> {
  let kept: unknown[] = [];
  let count = 0;
  let damage: string | null = null;
  try {
    for await (const envelope of recordedEnvelopes(path)) {
      count += 1;
      kept.push(envelope);
      if (kept.length >= 2 * envelopesMax) kept = kept.slice(-envelopesMax);
    }
  } catch (error) {
    if (count === 0) throw error;
    damage = errorText(error);
  }
  return { envelopes: count, damage, last: kept.slice(-envelopesMax) };
}

/**
 * Entries travel as bytes, and nothing else that is recorded does. Looks at what stands in its
 * place itself: a buffer has become an array of numbers by the time that JSON shows it.
 */
function withoutBytes(
  this: Readonly<Record<string, unknown>>,
  key: string,
  value: unknown,
): unknown {
  const own = this[key];
  return own instanceof Uint8Array ? `${own.length} bytes` : value;
}

const secret = /TOKEN|SECRET|PASS|KEY|CREDENTIAL|AUTH/i;

/** What the environment sets, with the names alone where the value may be a secret. */
export function settingsIn(environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const ours = Object.entries(environment).filter(([name]) => name.startsWith("KIBITZER_"));
  return Object.fromEntries(
    ours.map(([name, value = ""]) => [
      name,
      secret.test(name) ? "(not shown)" : withoutUser(value),
    ]),
  );
}

/** An endpoint may name a user and a password. */
function withoutUser(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, "//(not shown)@");
}

function systemFacts(): Readonly<Record<string, unknown>> {
  return {
    platform: platform(),
    release: release(),
    arch: arch(),
    processors: cpus().map(({ model }) => model),
    memoryBytes: totalmem(),
    memoryFreeBytes: freemem(),
    load: loadavg(),
    uptimeSeconds: uptime(),
  };
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  try {
    // For its owner alone: it tells where nodes are.
    await writeFile(path, bytes, { flag: "wx", mode: 0o600 });
  } catch (cause) {
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    throw new CommandError(
      isThere ? exitCodes.conflict : exitCodes.failure,
      isThere
        ? `Wanted to write ${path}, which is there already. Choose another name.`
        : `Cannot write ${path}: ${String(cause)}`,
      { cause },
    );
  }
}
