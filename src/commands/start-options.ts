/**
 * What `kibitz start` was asked for, and whether it can be meant: checked before a node is opened,
 * and against the republic that its directory belongs to. Opens nothing.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { isLoopback } from "./option-values.ts";

export interface StartOptions {
  readonly data?: string;
  readonly id?: string;
  readonly listen?: readonly string[];
  readonly advertise?: string;
  readonly moved?: boolean;
  readonly bootstrap?: string;
  /** Counts where the republic is founded; it remembers. */
  readonly parliamentSize?: number;
  readonly join?: readonly string[];
  readonly awaitInvitation?: boolean;
  readonly republic?: string;
  readonly ifNew?: boolean;
  readonly property?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  /** Milliseconds; null for never. */
  readonly replaceAfter?: number | null;
  readonly record: boolean;
  readonly recordBodies?: boolean;
  readonly kv?: boolean;
  readonly retainBytes?: number;
  /** Milliseconds of log time. */
  readonly retainAge?: number;
  readonly allowInsecure?: boolean;
  readonly untilStdinEnds?: boolean;
  readonly logLevel: string;
  readonly json?: boolean;
}

/**
 * Checks what can be checked before anything is opened; returns the data directory.
 * @throws {CommandError}
 */
export function checkStart(options: StartOptions): string {
  if (options.data === undefined) throw usage("Wanted --data DIR: where the node keeps its data.");
  const ways = waysIn(options);
  if (ways.length > 1)
    throw usage(`Wanted one of --bootstrap and --join, found both: ${ways.join(" and ")}.`);
  const directory = resolve(options.data);
  if (isEmpty(directory)) checkFirstStart(directory, options);
  checkListening(options);
  return directory;
}

/**
 * That others than this computer are let in only on demand.
 * @throws {CommandError}
 */
export function checkListening({
  listen = [],
  allowInsecure = false,
}: Pick<StartOptions, "listen" | "allowInsecure">): void {
  for (const endpoint of listen) {
    if (allowInsecure || isLoopback(endpoint)) continue;
    throw new CommandError(
      exitCodes.notAllowed,
      `Listening at ${endpoint} lets others than this computer read and write the log without ` +
        `encryption. Use a loopback address, or insist with --allow-insecure.`,
    );
  }
}

function checkFirstStart(directory: string, options: StartOptions): void {
  const missing: string[] = [];
  if (options.id === undefined) missing.push("--id ID");
  if (options.listen === undefined) missing.push("--listen URL");
  if (waysIn(options).length === 0) {
    missing.push("--bootstrap NAME or --join URL (or --await-invitation)");
  }
  if (missing.length === 0) return;
  throw usage(`There is no node in ${directory}; its first start needs ${missing.join(", ")}.`);
}

/** How the node is to come into a republic. */
function waysIn({ bootstrap, join, awaitInvitation }: StartOptions): readonly string[] {
  return [
    ...(bootstrap === undefined ? [] : ["--bootstrap"]),
    ...(join === undefined ? [] : ["--join"]),
    ...(awaitInvitation === true ? ["--await-invitation"] : []),
  ];
}

/** @throws {CommandError} when a file is in its place. */
function isEmpty(directory: string): boolean {
  if (!existsSync(directory)) return true;
  if (!statSync(directory).isDirectory()) {
    throw usage(`Wanted a directory for the node's data, found the file ${directory}.`);
  }
  return readdirSync(directory).length === 0;
}

export function usage(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}

/** @throws {CommandError} when the directory's republic is not the one asked for. */
export function checkRepublic(name: string, options: StartOptions): void {
  if (options.republic !== undefined && options.republic !== name) {
    throw new CommandError(
      exitCodes.conflict,
      `Wanted the republic "${options.republic}", but ${options.data} belongs to "${name}".`,
    );
  }
  const asked = options.bootstrap === undefined ? "--join" : "--bootstrap";
  // With --moved it names whom to tell, and asks for no republic.
  const isJoining = options.join !== undefined && options.moved !== true;
  const isAsked = options.bootstrap !== undefined || isJoining;
  if (isAsked && options.ifNew !== true) {
    throw new CommandError(
      exitCodes.conflict,
      `${options.data} belongs to the republic "${name}" already. Start it without ${asked}, or ` +
        `with --if-new where the same command line serves every start.`,
    );
  }
}
