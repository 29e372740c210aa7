/**
 * What happened, in order: a running hash over everything (two runs of one seed must agree on it),
 * the last lines for a person to read, and counts by kind of fault. Never influences a run.
 */
import { Mixer } from "../consensus/hash.ts";
import type { CoverageMark } from "./coverage-marks.ts";

export class Trace {
  readonly #mixer = new Mixer();
  readonly #lines: string[] = [];
  #written = 0;
  readonly #faults = new Map<string, number>();
  readonly #marks = new Map<string, number>();
  readonly #linesKept: number;

  /** @param linesKept How many of the last lines stay readable. */
  constructor(linesKept = 4000) {
    this.#linesKept = linesKept;
  }

  /** Notes one line; `line` depends on the seed only. */
  note(line: string): void {
    this.#mixer.text(line);
    this.#lines[this.#written % this.#linesKept] = line;
    this.#written += 1;
  }

  /** Notes an injected fault under its id of the fault table, as `N1` or `K13`. */
  fault(id: string, detail: string): void {
    this.#faults.set(id, (this.#faults.get(id) ?? 0) + 1);
    this.note(`fault ${id} ${detail}`);
  }

  /** Counts a branch that was taken; no part of the trace, since nothing happens by that. */
  mark(mark: CoverageMark): void {
    this.#marks.set(mark, (this.#marks.get(mark) ?? 0) + 1);
  }

  marks(): ReadonlyMap<string, number> {
    return this.#marks;
  }

  /** Counts of injected faults, sorted by id. */
  faults(): ReadonlyMap<string, number> {
    return new Map([...this.#faults].toSorted(([left], [right]) => (left < right ? -1 : 1)));
  }

  hash(): string {
    return this.#mixer.digest();
  }

  /** The last lines, oldest first. */
  lines(): readonly string[] {
    if (this.#written <= this.#linesKept) return [...this.#lines];
    const first = this.#written % this.#linesKept;
    return [...this.#lines.slice(first), ...this.#lines.slice(0, first)];
  }
}
