/** Turns Ctrl-C and SIGTERM into an AbortSignal; a second one into the end. Sends no signals. */

/**
 * A terminal's Ctrl-C reaches npm and its child, and npm passes it on: the child gets two for one
 * stroke. The second within this time is the same stroke.
 */
const sameStrokeMs = 250;

export type InterruptionName = "SIGINT" | "SIGTERM";

export interface Interruption extends Disposable {
  /** Aborts at the first signal; its reason is an Error. */
  readonly signal: AbortSignal;
  /** Which one came, or null. */
  readonly name: InterruptionName | null;
}

/** What a command is told when it was interrupted. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/**
 * Listens until disposed.
 * @param second Called at a second signal; by default the process exits at once.
 */
export function watchInterruption(
  second: (name: InterruptionName) => void = exitAtOnce,
): Interruption {
  const controller = new AbortController();
  let name: InterruptionName | null = null;
  let firstMs = 0;

  const arrived = (arrival: InterruptionName): void => {
    if (name === null) {
      name = arrival;
      firstMs = performance.now();
      controller.abort(new Interrupted(`interrupted by ${arrival}`));
    } else if (arrival !== "SIGINT" || performance.now() - firstMs > sameStrokeMs) {
      second(arrival);
    }
  };
  const onInterrupt = (): void => arrived("SIGINT");
  const onTerminate = (): void => arrived("SIGTERM");
  process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);

  return {
    signal: controller.signal,
    get name(): InterruptionName | null {
      return name;
    },
    [Symbol.dispose](): void {
      process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
    },
  };
}

function exitAtOnce(name: InterruptionName): void {
  process.exit(name === "SIGINT" ? 130 : 143);
}
