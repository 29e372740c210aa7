/**
 * What a frame carries, by name, read with the codec of the nodes themselves, so that messages of
 * one kind can be lost and all others pass. Changes nothing.
 */
import type { Message } from "../../consensus/index.ts";
import { decreesOf } from "../../src/codec/message-codec.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import type { Request } from "../../src/requests.ts";
import { frameHeaderBytes, frameKinds } from "../../transport/framing.ts";

/** A stop-sign is no message of its own: it stands among the decrees of others. */
export type Meaning = Message["kind"] | Exclude<Request["method"], "receive"> | "stopSign";

const kindOffset = 5;

/** Of a request; none for an answer, and for what was damaged. */
export function meaningsOf(frame: Buffer): readonly Meaning[] {
  const kind = frame[kindOffset];
  if (kind !== frameKinds.call && kind !== frameKinds.tell) return [];
  const request = requestOf(frame.subarray(frameHeaderBytes));
  if (request === null) return [];
  if (request.method !== "receive") return [request.method];
  const { message } = request;
  const isEnd = decreesOf(message).some(({ value }) => value.kind === "succession");
  return isEnd ? [message.kind, "stopSign"] : [message.kind];
}

function requestOf(body: Uint8Array): Request | null {
  try {
    return requestCodec.decode(body);
  } catch {
    return null;
  }
}
