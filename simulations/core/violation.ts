/** A broken invariant, named by its id in the list of invariants that this harness checks. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** As `A1`, `D1`, `L2`. */
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** @throws {Violation} when `condition` does not hold. */
export function demand(
  condition: boolean,
  invariant: string,
  message: () => string,
): asserts condition {
  if (!condition) throw new Violation(invariant, message());
}

/** An exception that nobody caught, as a violation: in production it ends the process. */
export function uncaught(where: string, error: unknown): Violation {
  if (error instanceof Violation) return error;
  const violation = new Violation("uncaught", `${where}: ${String(error)}`);
  violation.cause = error;
  return violation;
}
