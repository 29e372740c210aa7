/**
 * For tests that show how a checker fails: makes a method of a class, or of one object, do
 * something else for a while. No simulation uses it.
 */
import { assert } from "../consensus/assert.ts";

/** Until it is disposed of, `method` of `host` is `value`. */
export function inPlaceOf<Host extends object>(
  host: Host,
  method: keyof Host,
  value: unknown,
): Disposable {
  const before = Object.getOwnPropertyDescriptor(host, method);
  assert(before !== undefined, "only what there is can be replaced");
  Object.defineProperty(host, method, { configurable: true, writable: true, value });
  return { [Symbol.dispose]: () => void Object.defineProperty(host, method, before) };
}

/** As it is before it is replaced; to be applied to an object of its kind. */
export function methodOf<Host extends object, Key extends keyof Host>(
  host: Host,
  method: Key,
): Host[Key] {
  return host[method];
}
