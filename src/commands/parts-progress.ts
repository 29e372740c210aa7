/** A bar on a terminal's stderr for work of a known size; nothing anywhere else. */
import type { WriteStream } from "node:tty";

export interface PartsProgress extends Disposable {
  show(done: number, total: number): void;
  /** Takes the bar away, before other output. */
  hide(): void;
}

const barColumns = 24;
const eraseLine = "\r\x1b[K";
const redrawMs = 100;

export function showParts(
  stream: Pick<WriteStream, "write"> & { readonly isTTY?: boolean },
  what: string,
): PartsProgress {
  let drawnMs = -Infinity;
  let isVisible = false;
  const hide = (): void => {
    if (isVisible) stream.write(eraseLine);
    isVisible = false;
  };
  return {
    show(done: number, total: number): void {
      const now = performance.now();
      if (stream.isTTY !== true || now - drawnMs < redrawMs) return;
      drawnMs = now;
      isVisible = true;
      stream.write(`${eraseLine}${partsText(done, total)} ${what}`);
    },
    hide,
    [Symbol.dispose]: hide,
  };
}

function partsText(done: number, total: number): string {
  const fraction = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(fraction * barColumns);
  const bar = "█".repeat(filled) + "░".repeat(barColumns - filled);
  return `${bar} ${String(Math.floor(fraction * 100)).padStart(3)}%`;
}
