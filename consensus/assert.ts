/**
 * Checks of our own invariants. They stay on in production: a stopped node is unavailable, a wrong
 * node loses data. Never used for bytes from outside, which are refused with a typed error.
 */

/** A broken invariant: our own bug. Nobody catches it but the node, which then stops. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/**
 * @throws {InvariantViolation} when `condition` does not hold; `invariant` says what should have.
 */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new InvariantViolation(invariant);
}

/** Marks the branch that the compiler has proved empty. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${JSON.stringify(value)}`);
}
