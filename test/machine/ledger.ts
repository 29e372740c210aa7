/** A small state machine for tests: remembers every entry, and answers with how many there were. */
import type { MachineEntry, StateMachine } from "../../src/index.ts";
import { readText } from "./read-text.ts";

export class Ledger implements StateMachine {
  lines: string[] = [];
  /** Log times as they came. */
  readonly times: number[] = [];

  apply(entry: MachineEntry): string {
    this.times.push(entry.time);
    this.lines.push(`${entry.index} ${entry.text()}`);
    return `${this.lines.length}:${entry.text()}`;
  }

  *snapshot(): Generator<Uint8Array> {
    const text = JSON.stringify(this.lines);
    for (let at = 0; at < text.length; at += 50) yield Buffer.from(text.slice(at, at + 50));
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    this.lines = JSON.parse(await readText(pieces));
  }

  query(question: Uint8Array): Uint8Array {
    return Buffer.from(`${Buffer.from(question).toString()}${this.lines.length}`);
  }
}
