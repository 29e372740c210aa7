/** The recording of a node's inputs: opened with the node, read back on demand. */
import type { Configuration } from "../configuration.ts";
import type { ConsensusState } from "../consensus-state.ts";
import type { Envelope } from "./envelope.ts";
import { EnvelopeRecorder } from "./envelope-recorder.ts";
import type { Bodies } from "../storage/bodies.ts";
import type { NodeRecord } from "../storage/directory.ts";

/** Null when recording is off. */
export async function openRecorder(
  configuration: Configuration,
  { id, cookie, starts }: NodeRecord,
  { state, bodies }: { readonly state: ConsensusState; readonly bodies: Bodies },
): Promise<EnvelopeRecorder | null> {
  const { world, record, recordBodies, recordingBytesMax, logger } = configuration;
  if (!record) return null;
  return await EnvelopeRecorder.open({
    files: world.files,
    clock: world.clock,
    directory: recordingIn(configuration),
    subject: { id, cookie, starts },
    bytesMax: recordingBytesMax,
    bodyOf: recordBodies ? (batch): Uint8Array | null => bodies.get(batch) : null,
    state,
    onError: (error) => {
      const what = error.retryable ? "the recording pauses" : "the recording has ended early";
      logger.error({ event: "recording", err: error }, what);
    },
    onResumed: () => {
      logger.info({ event: "recording" }, "the recording goes on");
    },
  });
}

/** Everything that is kept of what the node played, checkpoints included. */
export async function* readPlayed(
  configuration: Configuration,
  recorder: EnvelopeRecorder | null,
): AsyncGenerator<Envelope, void, void> {
  if (recorder === null) return;
  await recorder.flushed();
  const { recordedEnvelopes } = await import("./replay.ts");
  yield* recordedEnvelopes(recordingIn(configuration), configuration.world.files);
}

function recordingIn({ directory }: Configuration): string {
  return `${directory}/recording`;
}
