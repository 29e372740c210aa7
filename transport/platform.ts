/**
 * The two things of a platform that a connection needs and that Node.js and browsers have under
 * other names. Imports nothing, so that every platform can load it.
 */

/** Calls back once this turn of the event loop is over and waiting input was taken in. */
export const soon: (callback: () => void) => void =
  typeof setImmediate === "function" ? (callback) => void setImmediate(callback) : soonByMessage();

/**
 * Memory for bytes that are all written before any is read: not zeroed, where the platform can.
 */
export const unzeroed: (bytes: number) => Uint8Array<ArrayBuffer> =
  typeof Buffer === "function"
    ? (bytes) => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
    : (bytes) => new Uint8Array(bytes);

/** A message to oneself: a browser holds timers back, by 4 ms when they nest. */
function soonByMessage(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.addEventListener("message", () => waiting.shift()?.());
  port1.start();
  return (callback) => {
    waiting.push(callback);
    port2.postMessage(null);
  };
}
