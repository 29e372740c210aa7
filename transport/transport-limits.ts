/** Every bound of transport/, with unit and reason. At a limit there is a refusal, never growth. */

const KiB = 1024;
const MiB = 1024 * KiB;

export interface TransportLimits {
  /** Bytes of one frame after its length: header and body. */
  readonly frameBytesMax: number;
  /** Bytes of a frame before the handshake, when nothing is known of who sends it. */
  readonly helloBytesMax: number;
  /** Bytes of one WebSocket message: it is held until it is whole. */
  readonly messageBytesMax: number;
  /**
   * Bytes of one that is sent: far below what a socket gives in one piece, so that most of them are
   * read without being put together.
   */
  readonly messageBytesSent: number;
  /** Parts that such a message may come in; each takes memory of its own. */
  readonly messagePartsMax: number;
  /** Milliseconds in which a frame that has begun must end, or grow by `partialBytesMin`. */
  readonly partialMs: number;
  /** Bytes of room that a connection has for a frame that comes in parts. */
  readonly partialBytesMin: number;
  /** Bytes of room for such frames beyond that, for all connections of one listener together. */
  readonly partialBytesMax: number;
  /** Bytes that wait for a network too slow, for each connection; `tell` is then refused. */
  readonly queuedBytesMax: number;
  /** Calls in flight for each lane of a caller, and the callee's bound for each connection. */
  readonly callsInFlightMax: { readonly control: number; readonly bulk: number };
  /** Calls that wait for their turn, for each lane; one more is refused. */
  readonly callsWaitingMax: number;
  /** Bytes of calls that wait for their turn or for a connection, for each lane. */
  readonly waitingBytesMax: number;
  /** Connections of one listener that anybody may have, clients and HTTP. */
  readonly connectionsMax: number;
  /** Connections of it beyond those, that nodes have, or who has not said yet who it is. */
  readonly nodeConnectionsMax: number;
  /** Of these, connections of each member: its two lanes, and once more while those end. */
  readonly memberConnectionsMax: number;
  /** Of these, connections of all nodes that are not known as members: they may join. */
  readonly newcomerConnectionsMax: number;
  /**
   * Milliseconds from dialling to a connection, and from there to the other side's hello. What was
   * lost of it is sent again after pauses that double, so that a fresh dial is sooner there once
   * the network is whole again.
   */
  readonly dialMs: number;
  /** Milliseconds from accepting to the other side's hello; also of an HTTP request's headers. */
  readonly handshakeMs: number;
  /** Milliseconds for a whole HTTP request, its body included. */
  readonly requestMs: number;
  /**
   * Milliseconds that a reader may take nothing while more than `queuedBytesMax` waits for it, or
   * an HTTP answer.
   */
  readonly stallMs: number;
  /** Milliseconds for what is queued to leave once a connection is to end. */
  readonly lingerMs: number;
  /** Milliseconds of the first and the longest back-off before a connection is tried again. */
  readonly backOffMsMin: number;
  readonly backOffMsMax: number;
}

export const transportLimits: TransportLimits = {
  frameBytesMax: 16 * MiB,
  helloBytesMax: 4 * KiB,
  messageBytesMax: 64 * KiB,
  messageBytesSent: 16 * KiB,
  messagePartsMax: 256,
  partialMs: 30_000,
  partialBytesMin: 64 * KiB,
  partialBytesMax: 256 * MiB,
  queuedBytesMax: 64 * MiB,
  callsInFlightMax: { control: 64, bulk: 256 },
  callsWaitingMax: 4096,
  waitingBytesMax: 64 * MiB,
  connectionsMax: 1024,
  nodeConnectionsMax: 384,
  memberConnectionsMax: 4,
  newcomerConnectionsMax: 128,
  dialMs: 2000,
  handshakeMs: 5000,
  requestMs: 30_000,
  stallMs: 30_000,
  lingerMs: 500,
  backOffMsMin: 20,
  backOffMsMax: 1000,
};
