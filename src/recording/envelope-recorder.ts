/**
 * Puts each input of a node on record: its bytes are made before it is applied, and stand in the
 * recording with the digest of its outcome, or with none when applying it threw.
 */
import type { Batch, Hash, IslanderInput, LegislatorInput } from "../../consensus/index.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import type { ConsensusState } from "../consensus-state.ts";
import {
  bodiesOf,
  encodeEnvelope,
  writeIslanderInput,
  writeLegislatorInput,
} from "./envelope-codec.ts";
import { putStepHead, stepHeadBytes } from "./recorded-step.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

export interface EnvelopeRecorderOptions extends Omit<RecorderOptions, "checkpoint"> {
  /** What the recorded inputs are applied to. */
  readonly state: ConsensusState;
  /** Where the bodies of batches are found; null or left out: they are not recorded. */
  readonly bodyOf?: ((batch: Batch) => Uint8Array | null) | null;
}

export class EnvelopeRecorder implements AsyncDisposable {
  readonly #recorder: Recorder;
  readonly #bodyOf: ((batch: Batch) => Uint8Array | null) | null;
  readonly #writer = new ByteWriter();
  /** The step under way: its head, whose digest is still to be filled in, and bodies. */
  #pending: readonly [Uint8Array, ...Uint8Array[]] | null = null;

  private constructor(recorder: Recorder, options: EnvelopeRecorderOptions) {
    this.#recorder = recorder;
    this.#bodyOf = options.bodyOf ?? null;
  }

  /** Begins a file with a checkpoint of the state as it is. */
  static async open(options: EnvelopeRecorderOptions): Promise<EnvelopeRecorder> {
    const { state } = options;
    const checkpoint = (): Uint8Array => {
      const [bytes] = encodeEnvelope(state.checkpoint());
      return bytes ?? new Uint8Array(0);
    };
    return new EnvelopeRecorder(await Recorder.open({ ...options, checkpoint }), options);
  }

  /** Takes an input that is about to be applied; `outcome` follows once it was. */
  recordIslander(input: IslanderInput): void {
    const writer = this.#begin();
    writeIslanderInput(writer, input);
    this.#pending = [writer.take()];
  }

  /** As `recordIslander`. */
  recordLegislator(input: LegislatorInput): void {
    const writer = this.#begin();
    const bodies = this.#bodyOf === null ? null : bodiesOf(input, this.#bodyOf);
    const pieces = writeLegislatorInput(writer, input, bodies);
    this.#pending = [writer.take(), ...pieces];
  }

  /** The input was applied, with an outcome of this digest. */
  outcome(digest: Hash): void {
    this.#flush(digest);
  }

  /** Waits until everything that was recorded so far is written. */
  async flushed(): Promise<void> {
    await this.#recorder.flushed();
  }

  /** Waits until everything is written, an input without an outcome included, and ends the file. */
  async close(): Promise<void> {
    this.#flush(null);
    await this.#recorder.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Begins a step whose digest is still to be filled in. */
  #begin(): ByteWriter {
    this.#flush(null);
    const writer = this.#writer;
    writer.begin();
    writer.reserve(stepHeadBytes);
    writer.at += stepHeadBytes;
    return writer;
  }

  /** Hands over the step under way, if there is one, with the digest of its outcome. */
  #flush(digest: Hash | null): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    let bytes = 0;
    for (const piece of pending) bytes += piece.length;
    putStepHead(pending[0], bytes, digest);
    this.#recorder.append(pending);
  }
}
