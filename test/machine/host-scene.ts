/** One host over a log that the test writes, without a node around it. */
import { BatchBuilder } from "../../src/codec/batch.ts";
import { MachineHost } from "../../src/machine/machine-host.ts";
import { MachinePart } from "../../src/machine/machine-part.ts";
import type { StateMachine } from "../../src/machine/state-machine.ts";
import { Bell } from "../../src/node/bell.ts";
import type { LoggedBatch } from "../../src/node/log-reader.ts";
import { systemClock } from "../../src/system/system-clock.ts";

/** A log of batches, each in a slot of its own, with slots between them that hold no entry. */
export class WrittenLog {
  readonly batches: LoggedBatch[] = [];
  readonly changed: Bell = new Bell();
  slot = 0;
  indexLast = 0;

  /** One batch of `texts` by a publisher, `gap` slots behind the one before. */
  append(
    texts: readonly string[],
    { publisher = 1, gap = 1, time = 10 * (this.slot + 1) } = {},
  ): void {
    const builder = new BatchBuilder();
    for (const text of texts) builder.append(text);
    const { body, count } = builder.close();
    this.slot += gap;
    const own = this.batches.filter((batch) => batch.publisher === publisher);
    const sequence = own.reduce((sum, batch) => sum + batch.count, 1);
    const index = this.indexLast + 1;
    const { slot } = this;
    const stamp = { government: 1, when: 0, time };
    this.batches.push({ index, slot, ...stamp, publisher, sequence, count, body });
    this.indexLast += count;
    this.changed.ring();
  }

  async reached({ slot = 0 }: { readonly slot?: number }, signal: AbortSignal): Promise<void> {
    await this.changed.until(() => this.slot >= slot, signal);
  }

  async read(index: number): Promise<readonly LoggedBatch[]> {
    return this.batches.filter((batch) => batch.index + batch.count > index).slice(0, 3);
  }
}

export interface HostScene {
  readonly host: MachineHost;
  readonly part: MachinePart;
  readonly marks: { readonly slot: number; readonly hash: string }[];
  /** Indexes that were skipped. */
  readonly skips: number[];
  readonly failures: unknown[];
  readonly over: AbortController;
}

export function hostOver(log: WrittenLog, machine: StateMachine, isStarted = true): HostScene {
  const marks: { slot: number; hash: string }[] = [];
  const skips: number[] = [];
  const failures: unknown[] = [];
  const over = new AbortController();
  const host = new MachineHost({
    machine,
    reader: log,
    clock: systemClock(),
    over: over.signal,
    marked: (slot, hash) => marks.push({ slot, hash }),
    caughtUp: () => undefined,
    skipped: ({ index }) => skips.push(index),
    failed: (error) => failures.push(error),
  });
  if (isStarted) void host.run();
  return { host, part: new MachinePart(host), marks, skips, failures, over };
}

export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const gathered: Uint8Array[] = [];
  for await (const piece of pieces) gathered.push(piece);
  return Buffer.concat(gathered);
}

/** The bytes cut into pieces of these sizes, over and over. */
export async function* cut(
  bytes: Uint8Array,
  sizes: readonly number[],
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let piece = 0; at < bytes.length; piece += 1) {
    const size = sizes[piece % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
