/** Messages between legislators with the bytes of the batches that they speak of. */
import { assert, type Message } from "../../consensus/index.ts";
import { decreesOf } from "../codec/message-codec.ts";
import type { ReceiveRequest } from "../requests.ts";
import type { Bodies } from "../storage/bodies.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";

export function receiveRequest(message: Message, bodies: Bodies): ReceiveRequest {
  const attached = decreesOf(message).map(({ value }) => {
    if (value.kind !== "batch") return null;
    const body = bodies.get(value);
    assert(body !== null, "the bytes of what is undecided are in memory");
    return body;
  });
  return { method: "receive", message, bodies: attached };
}

export function learnRequest(framed: readonly FramedDecree[], decided: number): ReceiveRequest {
  const decrees = framed.map(({ decree }) => decree);
  const bodies = framed.map(({ body }) => body);
  return { method: "receive", message: { kind: "learn", decrees, decided }, bodies };
}
