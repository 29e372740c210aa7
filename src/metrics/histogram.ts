/**
 * Counts durations into buckets, as plain numbers: what is measured costs a few additions, and is
 * given a form only when somebody asks. Knows nothing of Prometheus.
 */

/** Upper bounds in seconds: from a write to memory to a disk that hangs. */
const durationBounds: readonly number[] = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
];

export class Histogram {
  readonly bounds: readonly number[];
  /** How many fell under each bound and above the one before; the last: above all of them. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[] = durationBounds) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param ms Milliseconds, with fractions. */
  observe(ms: number): void {
    const seconds = ms / 1000;
    this.#sum += seconds;
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] ?? Infinity)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** Seconds in all. */
  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** How many were at most each bound. */
  cumulated(): readonly number[] {
    let sum = 0;
    return this.bounds.map((_, at) => (sum += this.#counts[at] ?? 0));
  }
}

/** Counts by a name out of a small, closed set. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  entries(): IterableIterator<[string, number]> {
    return this.#counts.entries();
  }
}
