/** How transport/ waits: two functions, so that a simulator can bring its own. Reads no clock. */
import { soon } from "./platform.ts";

export interface TransportTimer {
  cancel(): void;
}

export interface Timing {
  /** Calls back once, after at least `ms`. */
  after(ms: number, callback: () => void): TransportTimer;
  /** Calls back once this turn of the event loop is over and waiting input was taken in. */
  soon(callback: () => void): void;
}

/** A longer delay would overflow the timer, which then fires at once. */
const delayMsMax = 2 ** 31 - 1;

export const systemTiming: Timing = {
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, delayMsMax));
    return { cancel: () => clearTimeout(timer) };
  },
  soon,
};
