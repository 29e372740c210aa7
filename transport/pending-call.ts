/** A call that has not been settled: its promise, its deadline and its signal. */
import type { CallOptions } from "./caller.ts";
import type { Timing, TransportTimer } from "./timing.ts";
import type { TransportError } from "./transport-error.ts";

/** How far a call has come; decides what is known of its effect when it fails. */
export type CallStage =
  /** Waits for its turn or for a connection: nothing of it has left. */
  | {
      readonly kind: "waiting";
      readonly body: readonly Uint8Array[];
      readonly version: number;
      readonly anew: CallBody["anew"];
    }
  /** Given to a connection, at its so many-th flush. */
  | { readonly kind: "sent"; readonly id: number; readonly flushes: number }
  | { readonly kind: "settled" };

/** A request as bytes of one version of the protocol, and how it becomes those of another. */
export interface CallBody {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  readonly version: number;
  anew(version: number): readonly Uint8Array[];
}

export class PendingCall<Response> {
  readonly promise: Promise<Response>;
  readonly bytes: number;
  stage: CallStage;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: unknown) => void;
  readonly #timer: TransportTimer;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;

  constructor(
    body: CallBody,
    options: CallOptions,
    timing: Timing,
    giveUp: (call: PendingCall<Response>, why: "timeout" | "abort") => void,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.bytes = body.bytes;
    const { pieces, version } = body;
    const anew = (other: number): readonly Uint8Array[] => body.anew(other);
    this.stage = { kind: "waiting", body: pieces, version, anew };
    this.#timer = timing.after(options.timeoutMs, () => giveUp(this, "timeout"));
    this.#signal = options.signal;
    this.#onAbort = () => giveUp(this, "abort");
    this.#signal?.addEventListener("abort", this.#onAbort);
  }

  get abortReason(): unknown {
    return this.#signal?.reason;
  }

  resolve(response: Response): void {
    this.#release();
    this.#resolve(response);
  }

  reject(error: TransportError): void {
    this.#release();
    this.#reject(error);
  }

  #release(): void {
    this.stage = { kind: "settled" };
    this.#timer.cancel();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
