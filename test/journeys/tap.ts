/** The wire: what goes over it is kept for later, and anything may be said on it. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Of one connection; enough for its beginning and many requests. */
const keptBytesMax = 262_144;
const heardBytesMax = 4_194_304;
/** How long to hear what is said back, when the other side neither answers nor closes. */
const patienceMs = 100;
/** An end that is not answered by one is a hang. */
const closeMsMax = 10_000;

/** Passes connections on to a port, and keeps what those who dial say. */
export class Tap implements AsyncDisposable {
  readonly said: Uint8Array[][] = [];
  readonly port: number;
  target = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (socket: Socket) => this.#pass(socket));
  }

  static async open(): Promise<Tap> {
    const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return new Tap(server, address.port);
  }

  /** What each connection said, one after the other. */
  get streams(): readonly Uint8Array[] {
    return this.said.filter((chunks) => chunks.length > 0).map((chunks) => Buffer.concat(chunks));
  }

  #pass(socket: Socket): void {
    const onward = connect({ host: "127.0.0.1", port: this.target, noDelay: true });
    const chunks: Uint8Array[] = [];
    let kept = 0;
    this.said.push(chunks);
    socket.on("data", (chunk: Buffer) => {
      kept += chunk.length;
      if (kept <= keptBytesMax) chunks.push(Uint8Array.from(chunk));
    });
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/**
 * Says `bytes` to a port, and resolves with what came back once the connection is closed.
 * @param isEnough Whether what came back is all that there will be.
 */
export async function say(
  port: number,
  bytes: Uint8Array,
  isEnough: (heard: Uint8Array) => boolean = () => false,
): Promise<Uint8Array> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  const heard: Uint8Array[] = [];
  let length = 0;
  socket.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > heardBytesMax) socket.destroy();
    heard.push(chunk);
    if (isEnough(Buffer.concat(heard))) socket.end();
  });
  // A reset is an end, too.
  socket.on("error", () => undefined);
  socket.write(bytes);
  const patience = setTimeout(() => socket.end(), patienceMs);
  const hang = setTimeout(() => socket.destroy(new Error("hang")), closeMsMax);
  const closed = once(socket, "close").catch((error: unknown) => error);
  const reason = await closed;
  clearTimeout(patience);
  clearTimeout(hang);
  if (reason instanceof Error && reason.message === "hang") {
    throw new Error(`A connection stays open ${closeMsMax} ms after its end.`, { cause: reason });
  }
  return Buffer.concat(heard);
}

/** Runs `work` on all of `cases`, so many at a time. */
export async function each<Case>(
  cases: readonly Case[],
  atATime: number,
  work: (one: Case) => Promise<void>,
): Promise<void> {
  const rest = cases.values();
  const worker = async (): Promise<void> => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}
