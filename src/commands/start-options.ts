/** What `kibitz start` was asked for, as options of the library. Opens nothing. */
import type { KibitzerOptions, TimingOptions } from "../configuration.ts";
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

export function usage(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}
