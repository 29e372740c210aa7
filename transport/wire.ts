/**
 * A wire carries bytes both ways, in order: what WebSocket, TCP, Unix and memory have in common.
 */
import type { PresentedCertificate } from "./caller.ts";

export interface WireEvents {
  /** Bytes can flow; once, and before anything else. */
  opened(): void;
  data(chunk: Uint8Array): void;
  /** What was queued has been taken by the network, later than `write` returned. */
  drained(): void;
  /** The wire is gone, or could not be made; once, and after it nothing else. */
  closed(error: Error | null): void;
}

export interface Wire {
  /** The other end, for people. */
  readonly address: string;
  /** What the other end of a TLS connection presented; null, or no such thing, where it did not. */
  certificate?(): PresentedCertificate | null;
  /** Begins to tell `events`, never before this call has returned; called once. */
  attach(events: WireEvents): void;
  /** Sends all of `pieces` in one go; they are not changed afterwards. */
  write(pieces: readonly Uint8Array[]): void;
  /** Bytes handed over and not yet taken by the network. */
  queuedBytes(): number;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
