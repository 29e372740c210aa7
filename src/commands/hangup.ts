/**
 * SIGHUP, by which an operator asks for files to be read again. Without a listener it ends a
 * process: so there is one from early on, and what is asked during a start is done after it.
 */

export interface Hangup extends Disposable {
  /** Has `listener` called at each from now on, and now if one has come already. */
  handle(listener: () => void): void;
}

/** Listens until disposed. */
export function watchHangup(): Hangup {
  let hasCome = false;
  let handler = (): void => {
    hasCome = true;
  };
  const arrived = (): void => handler();
  process.on("SIGHUP", arrived);
  return {
    handle(listener): void {
      handler = listener;
      if (hasCome) listener();
    },
    [Symbol.dispose](): void {
      process.off("SIGHUP", arrived);
    },
  };
}
