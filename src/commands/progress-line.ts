/**
 * One line of progress on a terminal's stderr, redrawn now and then. Reads no input and takes no
 * signals, since the standard input may be what is being published.
 */
import type { Writable } from "node:stream";

const redrawMs = 100;
const barColumns = 24;
const eraseLine = "\r\x1b[K";

export interface ProgressLine extends Disposable {
  /** Counts one more entry of so many bytes, its newline included. */
  advance(bytes: number): void;
  /** Takes the line away before other output; it comes back by itself. */
  hide(): void;
}

/** @param bytesTotal Null when nobody knows how much there is. */
export function showProgress(stream: Writable, bytesTotal: number | null): ProgressLine {
  let entries = 0;
  let bytes = 0;
  let visible = false;
  const startMs = performance.now();

  const draw = (): void => {
    const rate = Math.round((entries * 1000) / Math.max(1, performance.now() - startMs));
    stream.write(`${eraseLine}${progressText({ entries, bytes, bytesTotal, rate })}`);
    visible = true;
  };
  const hide = (): void => {
    if (visible) stream.write(eraseLine);
    visible = false;
  };
  const timer = setInterval(draw, redrawMs);
  timer.unref();
  return {
    advance(entryBytes: number): void {
      entries += 1;
      bytes += entryBytes;
    },
    hide,
    [Symbol.dispose](): void {
      clearInterval(timer);
      draw();
      stream.write("\n");
    },
  };
}

/** No progress, where there is no terminal. */
export const noProgress: ProgressLine = {
  advance: () => undefined,
  hide: () => undefined,
  [Symbol.dispose]: () => undefined,
};

export function progressText(state: {
  readonly entries: number;
  readonly bytes: number;
  readonly bytesTotal: number | null;
  readonly rate: number;
}): string {
  const { entries, bytes, bytesTotal, rate } = state;
  const counted = `${entries} accepted, ${rate}/s`;
  if (bytesTotal === null) return counted;
  // A last line without newline counts one byte too many.
  const fraction = bytesTotal === 0 ? 1 : Math.min(1, bytes / bytesTotal);
  const filled = Math.floor(fraction * barColumns);
  const bar = "█".repeat(filled) + "░".repeat(barColumns - filled);
  return `${bar} ${String(Math.floor(fraction * 100)).padStart(3)}%  ${counted}`;
}
