/**
 * Whether a data directory can be what a start asks of it: looked at without its lock, so that it
 * may be in use, and changed by nothing here.
 */
import { constants, existsSync, statSync } from "node:fs";
import { access } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { KibitzerError } from "../kibitzer-error.ts";
import { readRecord, type NodeRecord } from "../storage/directory.ts";
import { nodeFiles } from "../storage/node-files.ts";
import type { NodeOptions } from "../settings/node-settings.ts";
import { exitCodes } from "./exit-codes.ts";
import { CommandError } from "./command-error.ts";
import {
  faultBy,
  listeningFaults,
  waysIn,
  type Fault,
  type Key,
  type Named,
} from "./start-checks.ts";

export async function directoryFaults(options: NodeOptions): Promise<readonly Fault[]> {
  if (options.data === undefined) {
    const tell =
      'Wanted a directory for the node\'s data. Found none: give --data DIR, or "data" in a ' +
      "configuration file.";
    return [{ keys: ["data"], tell }];
  }
  const directory = resolve(options.data);
  const there = nearestThere(directory);
  if (!statSync(there).isDirectory()) {
    const tell = `Wanted a directory for a node's data. Found the file ${there}: name another.`;
    return [{ keys: ["data"], tell }];
  }
  try {
    await access(there, constants.R_OK | constants.W_OK | constants.X_OK);
    const record = await readRecord(nodeFiles(), directory);
    return record === null ? firstStartFaults(directory, options) : restartFaults(record, options);
  } catch (cause) {
    if (cause instanceof KibitzerError) return faultBy(cause, "data");
    const why = cause instanceof Error ? cause.message : String(cause);
    const tell = `Wanted a directory to read and write. Found ${directory}: ${why}.`;
    return [{ keys: ["data"], tell, cause }];
  }
}

/** Where the directory is, or what it would be made in. */
export function nearestThere(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestThere(dirname(path));
}

function firstStartFaults(directory: string, options: NodeOptions): readonly Fault[] {
  const missing: string[] = [];
  if (options.id === undefined) missing.push("--id ID");
  if (options.listen === undefined) missing.push("--listen URL");
  if (waysIn(options).length === 0) {
    missing.push("--bootstrap NAME or --join URL (or --await-invitation)");
  }
  if (missing.length === 0) return [];
  const keys: readonly Key[] = ["data", "id", "listen", "bootstrap", "join", "awaitInvitation"];
  const tell = `There is no node in ${directory} yet; its first start needs ${missing.join(", ")}.`;
  return [{ keys, tell }];
}

function restartFaults(record: NodeRecord, options: NodeOptions): readonly Fault[] {
  const { id, republic, listen, peers } = record;
  const directory = options.data ?? "";
  const faults: Fault[] = [];
  if (options.id !== undefined && options.id !== id) {
    const other =
      republic === null
        ? "remove the directory, which is in no republic yet"
        : "name another directory";
    const tell = (named: Named): string =>
      `Wanted "${id}", the node that lives in ${directory} (${named("data")}). Found ` +
      `"${options.id}": leave it out, or ${other}.`;
    faults.push({ keys: ["id", "data"], tell });
  }
  if (options.listen === undefined) faults.push(...listeningFaults({ ...options, listen }));
  // Members are remembered from its own admission on; a start that was interrupted goes on.
  if (republic !== null && peers.length > 0) faults.push(...republicFaults(republic.name, options));
  if (republic === null && waysIn(options).length === 0) {
    const tell =
      `The node in ${directory} belongs to no republic yet: add --bootstrap NAME, --join URL or ` +
      "--await-invitation.";
    faults.push({ keys: ["data", "bootstrap", "join", "awaitInvitation"], tell });
  }
  return faults;
}

/** What is asked of a node that is in the republic `name` already. */
export function republicFaults(name: string, options: NodeOptions): readonly Fault[] {
  const { data, republic, bootstrap, join, moved, ifNew, founders } = options;
  const faults: Fault[] = [];
  const conflict = (keys: readonly Key[], message: string): void => {
    const cause = new CommandError(exitCodes.conflict, message);
    faults.push({ keys, tell: message, cause });
  };
  if (republic !== undefined && republic !== name) {
    const text = `Wanted the republic "${republic}", but ${data} belongs to "${name}".`;
    conflict(["republic", "data"], text);
  }
  // With --moved it names whom to tell, and asks for no republic.
  const isJoining = join !== undefined && moved !== true;
  const isAsked = bootstrap !== undefined || isJoining;
  if (isAsked && ifNew !== true && founders === undefined) {
    const key = bootstrap === undefined ? "join" : "bootstrap";
    const text =
      `${data} belongs to the republic "${name}" already. Start it without this, or with ` +
      "--if-new where the same command line serves every start.";
    conflict([key, "data", "ifNew"], text);
  }
  return faults;
}
