/** Request bodies within bounds, each and all together. Knows nothing of what is in them. */
import type { IncomingMessage } from "node:http";
import { KibitzerError } from "../kibitzer-error.ts";
import { badRequest } from "./problem.ts";

/** Room for the bodies of all requests together. */
export class BodyRoom {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes room for one body, which it gives back when it is disposed. */
  enter(): BodyPlace {
    let taken = 0;
    return {
      take: (bytes) => {
        if (this.#bytes + bytes > this.#bytesMax) throw noRoom(this.#bytesMax);
        this.#bytes += bytes;
        taken += bytes;
      },
      [Symbol.dispose]: () => {
        this.#bytes -= taken;
        taken = 0;
      },
    };
  }
}

export interface BodyPlace extends Disposable {
  /** @throws {KibitzerError} `KBZ_BUSY` when all bodies together are too much. */
  take(bytes: number): void;
}

/**
 * The body as it comes.
 * @throws {HttpProblem} 413 when it is longer than `bytesMax`, 415 when it is encoded.
 * @throws {KibitzerError} `KBZ_BUSY`.
 */
export async function* readBody(
  incoming: IncomingMessage,
  bytesMax: number,
  place: BodyPlace,
): AsyncGenerator<Uint8Array, void, void> {
  const { "content-length": length, "content-encoding": encoding = "identity" } = incoming.headers;
  if (encoding !== "identity") {
    throw badRequest(`Wanted the bytes as they are, got Content-Encoding ${encoding}.`, {
      status: 415,
    });
  }
  if (Number(length ?? 0) > bytesMax) throw tooLarge(bytesMax);
  let bytes = 0;
  for await (const chunk of incoming) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("a body comes as bytes");
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    place.take(chunk.length);
    yield chunk;
  }
}

export async function readWhole(
  incoming: IncomingMessage,
  bytesMax: number,
  place: BodyPlace,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBody(incoming, bytesMax, place)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): Error {
  return badRequest(`Wanted at most ${bytesMax} bytes, got more. Split it.`, {
    code: "KBZ_TOO_LARGE",
  });
}

function noRoom(bytesMax: number): KibitzerError {
  const message =
    `This node holds ${bytesMax} bytes of requests already, and takes no more. ` +
    "Send it again later, or to another node.";
  return new KibitzerError("KBZ_BUSY", message, { retryable: true, outcome: "none" });
}
