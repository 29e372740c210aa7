/**
 * What `kibitz start` was asked for, and whether it can be meant: checked before a node is opened,
 * and against the republic that its directory belongs to. Opens nothing.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { KibitzerOptions, TimingOptions } from "../configuration.ts";
import { checkExposure } from "../access/exposure.ts";
import type { NodeOptions } from "../settings/node-settings.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

export interface StartOptions extends NodeOptions {
  readonly record: boolean;
  readonly logLevel: string;
  readonly json?: boolean;
}

/** What the library is asked for; without state machine, logger and signal, which are alive. */
export function kibitzerOptions(directory: string, options: StartOptions): KibitzerOptions {
  const { id, listen, advertise, allowHost, parliamentSize, recordingBytes, replaceAfter } =
    options;
  return {
    directory,
    ...(id === undefined ? {} : { id }),
    ...(listen === undefined ? {} : { listen: [...listen] }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(allowHost === undefined ? {} : { allowHosts: allowHost }),
    ...(parliamentSize === undefined ? {} : { parliamentSize }),
    moved: options.moved === true && (options.join ?? true),
    ...(replaceAfter === undefined ? {} : { replaceAfterMs: replaceAfter }),
    record: options.record,
    recordBodies: options.recordBodies === true,
    ...(recordingBytes === undefined ? {} : { recordingBytesMax: recordingBytes }),
    ...pastOf(options),
    timing: timingOf(options),
  };
}

function pastOf(options: StartOptions): Pick<KibitzerOptions, "retain" | "snapshot"> {
  const { retainBytes, retainAge, snapshotBytes, snapshotSlots } = options;
  return {
    retain: {
      ...(retainBytes === undefined ? {} : { bytes: retainBytes }),
      ...(retainAge === undefined ? {} : { ageMs: retainAge }),
    },
    snapshot: {
      ...(snapshotBytes === undefined ? {} : { bytes: snapshotBytes }),
      ...(snapshotSlots === undefined ? {} : { slots: snapshotSlots }),
    },
  };
}

function timingOf({ pingEvery, silenceAfter, stallAfter }: StartOptions): TimingOptions {
  return {
    ...(pingEvery === undefined ? {} : { pingMs: pingEvery }),
    ...(silenceAfter === undefined ? {} : { silenceMs: silenceAfter }),
    ...(stallAfter === undefined ? {} : { stallMs: stallAfter }),
  };
}

/**
 * Checks what can be checked before anything is opened; returns the data directory.
 * @throws {CommandError}
 */
export function checkStart(options: StartOptions): string {
  if (options.data === undefined) throw usage("Wanted --data DIR: where the node keeps its data.");
  checkTogether(options);
  const directory = resolve(options.data);
  if (isEmpty(directory)) checkFirstStart(directory, options);
  return directory;
}

/**
 * What can be told without looking at a directory.
 * @throws {CommandError}
 */
export function checkTogether(options: StartOptions): void {
  const ways = waysIn(options);
  if (ways.length > 1)
    throw usage(`Wanted one of --bootstrap and --join, found both: ${ways.join(" and ")}.`);
  const { bootstrap, founders, republic } = options;
  if (founders !== undefined && (bootstrap === undefined || options.join === undefined)) {
    throw usage(
      "--founders found a republic together: wanted --bootstrap NAME, too, and --join PEERS, by " +
        "which they find each other.",
    );
  }
  if (bootstrap !== undefined && republic !== undefined && republic !== bootstrap) {
    throw usage(`--republic ${republic} and --bootstrap ${bootstrap} name two republics.`);
  }
  checkListening(options);
}

/**
 * That others than this computer are let in only on demand.
 * @throws {KibitzerError} `KBZ_FORBIDDEN`.
 */
export function checkListening({
  listen = [],
  tokens,
  allowInsecure = false,
}: Pick<StartOptions, "listen" | "tokens" | "allowInsecure">): void {
  checkExposure(listen, { hasTokens: tokens !== undefined, allowInsecure });
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
function waysIn(options: StartOptions): readonly string[] {
  const { bootstrap, founders, join, awaitInvitation } = options;
  return [
    // Those who found together join each other.
    ...(bootstrap === undefined || founders !== undefined ? [] : ["--bootstrap"]),
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
  if (isAsked && options.ifNew !== true && options.founders === undefined) {
    throw new CommandError(
      exitCodes.conflict,
      `${options.data} belongs to the republic "${name}" already. Start it without ${asked}, or ` +
        `with --if-new where the same command line serves every start.`,
    );
  }
}
