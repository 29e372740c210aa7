/**
 * Replays a recording from its earliest checkpoint to its last whole frame, and holds every outcome
 * against the recorded one. Only reads; touches no node.
 */
import { assert, hashZero, type Hash, type Slot } from "../../consensus/index.ts";
import { DecodeError } from "../codec/bytes.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ConsensusState, type Step } from "../consensus-state.ts";
import { readPlayed } from "./envelope-codec.ts";
import { envelopeOf, type Envelope, type Played } from "./envelope.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { damagedRecording } from "../storage/damage.ts";
import { nodeFiles } from "../storage/node-files.ts";
import { version } from "../version.ts";
import type { FileSystem } from "../world.ts";
import { frameHeaderBytes } from "./frame.ts";
import { decodeStep, stepsIn, type RecordedStep } from "./recorded-step.ts";
import { RecordingReader, type RecordedFrame } from "./recording-reader.ts";

export interface ReplayOptions {
  /** Stops after so many envelopes. */
  readonly until?: number;
  /** Called now and then with how many envelopes were replayed. */
  onProgress?(envelopes: number): void;
  /**
   * Called after each envelope, checkpoints included, with what came of it; for whoever wants to
   * know more than whether.
   */
  readonly onStep?: (played: Played, step: Step, state: ConsensusState) => void;
  /** Default: the machine's own. */
  readonly files?: FileSystem;
}

export interface ReplayResult {
  /** How many inputs were played; checkpoints do not count. */
  readonly envelopes: number;
  /** The hash of the replicated state after them, at `slot`. */
  readonly hash: Hash;
  readonly slot: Slot;
  /** False when the recording was cut, or is still being written, before `until` was reached. */
  readonly complete: boolean;
}

const progressSteps = 4096;
const inputCharactersMax = 240;

/**
 * @param path The directory of a recording, one of its files, or the data directory of a node.
 * @throws {KibitzerError} `KBZ_DIVERGED` with step, input and both digests; `KBZ_DAMAGED` with file
 *   and offset; `KBZ_NOT_FOUND`, `KBZ_VERSION`.
 */
export async function replayRecording(
  path: string,
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const { until = Number.POSITIVE_INFINITY, files = nodeFiles() } = options;
  const reader = new RecordingReader(files, await recordingPath(files, path));
  let state: ConsensusState | null = null;
  let envelopes = 0;
  let complete = true;
  const result = (): ReplayResult => {
    const { slot, value } = state?.hash ?? { slot: 0, value: hashZero };
    return { envelopes, hash: value, slot, complete };
  };
  if (until <= 0) return result();
  for await (const run of reader.runs()) {
    for (const recorded of recordedIn(run)) {
      if (recorded.step.played.target === "checkpoint") {
        state = begin(state, recorded, options);
        continue;
      }
      if (state === null)
        throw damagedRecording(recorded.file, recorded.offset, "an input before any checkpoint");
      envelopes += 1;
      checkStep(state, { ...recorded, number: envelopes }, options);
      if (envelopes >= until) return result();
      if (envelopes % progressSteps === 0) options.onProgress?.(envelopes);
    }
  }
  complete = reader.complete;
  return result();
}

/**
 * The recorded envelopes in order, checkpoints included.
 * @throws {KibitzerError} as `replayRecording`.
 */
export async function* recordedEnvelopes(
  path: string,
  files: FileSystem = nodeFiles(),
): AsyncGenerator<Envelope, void, void> {
  const reader = new RecordingReader(files, await recordingPath(files, path));
  for await (const run of reader.runs()) {
    for (const { step } of recordedIn(run)) yield envelopeOf(step.played);
  }
}

/**
 * The state after `envelopes`, of which the first is a checkpoint.
 * @throws {KibitzerError} `KBZ_ARGUMENT` when it is not, or when one cannot be played.
 */
export async function replayEnvelopes(
  envelopes: Iterable<Envelope> | AsyncIterable<Envelope>,
): Promise<ConsensusState> {
  let state: ConsensusState | null = null;
  let number = 0;
  for await (const envelope of envelopes) {
    number += 1;
    if (state === null && envelope.method !== "checkpoint") break;
    try {
      if (state !== null) state.play(envelope);
      else if (envelope.method === "checkpoint") state = ConsensusState.fromCheckpoint(envelope);
    } catch (error) {
      throw unplayable(`Envelope ${number} (${envelope.method}) cannot be played`, error);
    }
  }
  if (state !== null) return state;
  throw unplayable("Expected envelopes that begin with a checkpoint");
}

function unplayable(finding: string, cause?: unknown): KibitzerError {
  return new KibitzerError(
    "KBZ_ARGUMENT",
    `${finding}. Give the envelopes as they were recorded, from the start of a recording.`,
    { retryable: false, outcome: "none", cause },
  );
}

async function recordingPath(files: FileSystem, path: string): Promise<string> {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const within = `${plain}/recording`;
  return (await files.exists(within)) ? within : plain;
}

/** A step, or a checkpoint, and where it stands. */
interface Recorded {
  readonly step: RecordedStep;
  /** The version of this package that recorded it, if that is on record. */
  readonly software: string | undefined;
  readonly file: string;
  readonly offset: number;
}

function* recordedIn(frames: Iterable<RecordedFrame>): Generator<Recorded, void, void> {
  for (const { kind, body, opening, file, offset: frameAt } of frames) {
    const { software } = opening;
    let offset = frameAt;
    try {
      if (kind === "checkpoint") {
        const step = { played: readPlayed(new ByteReader(body)), digest: null };
        yield { step, software, file, offset };
        continue;
      }
      for (const { at, bytes } of stepsIn(body)) {
        offset = frameAt + frameHeaderBytes + at;
        yield { step: decodeStep(bytes), software, file, offset };
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const finding = `a frame holds no envelope: ${error.message}`;
      throw damagedRecording(file, offset, finding, error);
    }
  }
}

function begin(
  before: ConsensusState | null,
  recorded: Recorded,
  { onStep }: Pick<ReplayOptions, "onStep">,
): ConsensusState {
  const { played } = recorded.step;
  const state = checkpointed(before, recorded, envelopeOf(played));
  onStep?.(played, { outcome: null, digest: null }, state);
  return state;
}

function checkpointed(
  state: ConsensusState | null,
  { file, offset }: Recorded,
  envelope: Envelope,
): ConsensusState {
  try {
    if (state === null && envelope.method === "checkpoint") {
      return ConsensusState.fromCheckpoint(envelope);
    }
    state?.play(envelope);
  } catch (error) {
    // The frame's checksum holds: this was written so, by another version or by hand.
    throw damagedRecording(file, offset, `a checkpoint of an impossible state`, error);
  }
  if (state === null) throw damagedRecording(file, offset, "expected a checkpoint");
  return state;
}

interface Place extends Recorded {
  readonly number: number;
}

function checkStep(
  state: ConsensusState,
  place: Place,
  { onStep }: Pick<ReplayOptions, "onStep">,
): void {
  const recorded = place.step.digest;
  let replayed: Step | null = null;
  let fault: Error | null = null;
  try {
    replayed = state.replay(place.step.played);
  } catch (error) {
    // A broken invariant, or a state of another version in which something is missing.
    assert(error instanceof Error, "what is thrown is an error");
    fault = error;
  }
  const digest = replayed?.digest ?? null;
  if (digest === recorded) {
    // Where an invariant broke, as it is on record, nothing came of it.
    if (replayed !== null) onStep?.(place.step.played, replayed, state);
    return;
  }
  const found = fault === null ? `${digest}` : `a failure (${fault.name}: ${fault.message})`;
  throw diverged(place, recorded ?? "a failure", found, fault);
}

function diverged(
  { file, offset, step, software, number }: Place,
  recorded: string,
  replayed: string,
  cause: unknown,
): KibitzerError {
  const { method, body } = envelopeOf(step.played);
  const input = JSON.stringify(body).slice(0, inputCharactersMax);
  return new KibitzerError(
    "KBZ_DIVERGED",
    `Step ${number} (${method}, ${file} at byte ${offset}) has another outcome than ` +
      `recorded: recorded ${recorded}, replayed ${replayed}. Its input: ${input}. ` +
      whatToDo(software),
    { retryable: false, outcome: "none", cause },
  );
}

function whatToDo(software: string | undefined): string {
  if (software === version) return `Version ${version} recorded it too: report it with the files.`;
  const recorder = software === undefined ? "the version that recorded it" : `version ${software}`;
  return `This is version ${version}: replay with ${recorder}; report it if that diverges too.`;
}
