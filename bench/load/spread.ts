/**
 * How values are spread, by three significant digits: what several processes have counted can be
 * put together, which their histograms cannot.
 */

export type Counts = readonly (readonly [value: number, times: number])[];

const digits = 3;

export class Spread {
  readonly #counts = new Map<number, number>();

  record(value: number): void {
    const key = Number(value.toPrecision(digits));
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  add(counts: Counts): void {
    for (const [value, times] of counts) {
      this.#counts.set(value, (this.#counts.get(value) ?? 0) + times);
    }
  }

  counts(): Counts {
    return [...this.#counts];
  }

  /** Not a number while nothing is counted. */
  percentile(percent: number): number {
    const sorted = this.counts().toSorted(([left], [right]) => left - right);
    const total = sorted.reduce((sum, [, times]) => sum + times, 0);
    let passed = 0;
    for (const [value, times] of sorted) {
      passed += times;
      if (passed >= (percent / 100) * total) return value;
    }
    return Number.NaN;
  }
}
