/** Decrees, writes and journals for the tests of storage. */
import {
  ballotZero,
  type Ballot,
  type Batch,
  type Decree,
  type Value,
  type Write,
} from "../../consensus/index.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import type { KibitzerError } from "../../src/kibitzer-error.ts";
import { Bodies } from "../../src/storage/bodies.ts";
import { Journal, type Recovered } from "../../src/storage/journal.ts";
import type { Clock, FileSystem } from "../../src/world.ts";

export const identity = {
  republic: "00112233445566aa",
  id: "a",
  cookie: "8899aabbccddeeff",
} as const;

export function batchOf(body: Uint8Array, sequence: number): Batch {
  const checksum = crc32(body);
  return { kind: "batch", publisher: 3, sequence, count: 1, size: body.length, checksum };
}

export function decreeOf(slot: number, value: Value): Decree {
  const hash = (slot * 7919).toString(16).padStart(16, "0");
  return { slot, time: slot * 10, when: 1_700_000_000_000 + slot, value, hash };
}

/** Bytes that tell their slot, in pieces of eight between zeros. */
export function bodyOf(slot: number, size: number, salt = 1): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) =>
    (at >>> 3) % 2 === 0 ? ((at * 31 + slot * 17 + salt) % 255) + 1 : 0,
  );
}

export const ballot: Ballot = { government: 1, round: 2, id: "a" };

/** Builds writes that follow one another, as the core would. */
export class Writer {
  readonly bodies: Bodies = new Bodies();
  /** Every decree by slot, as it was written last. */
  readonly log: FramedDecree[] = [];
  number: number;

  constructor(recovered: { readonly writeLast: number } = { writeLast: 0 }) {
    this.number = recovered.writeLast;
  }

  /** A write of batches of these sizes from `slotFirst` (default: behind the log) on. */
  write(sizes: readonly number[], change: Partial<Write> = {}): Write {
    const slotFirst = change.slotFirst ?? this.log.length + 1;
    this.log.length = slotFirst - 1;
    const decrees = sizes.map((size, position) => {
      const slot = slotFirst + position;
      const body = bodyOf(slot, size, this.number);
      const value = batchOf(body, slot);
      this.bodies.set(value, body);
      const decree = decreeOf(slot, value);
      this.log.push({ decree, body });
      return decree;
    });
    return this.writeOf(decrees, change, slotFirst);
  }

  /** A write of values that are no batches. */
  values(values: readonly Exclude<Value, Batch>[]): Write {
    const slotFirst = this.log.length + 1;
    const decrees = values.map((value, position) => decreeOf(slotFirst + position, value));
    for (const decree of decrees) this.log.push({ decree, body: null });
    return this.writeOf(decrees, {}, slotFirst);
  }

  writeOf(decrees: readonly Decree[], change: Partial<Write>, slotFirst: number): Write {
    this.number += 1;
    return {
      number: this.number,
      promised: null,
      accepted: ballot,
      decided: 0,
      heard: null,
      lostUpTo: 0,
      ...change,
      slotFirst,
      decrees,
    };
  }
}

export interface Opened {
  readonly journal: Journal;
  readonly recovered: Recovered;
  readonly persisted: number[];
  readonly failures: KibitzerError[];
  /** What was told of the disk's room. */
  readonly rooms: boolean[];
  /** Resolves once the write is reported, or the journal has failed. */
  readonly reached: (write: number) => Promise<void>;
}

export async function openJournal(
  files: FileSystem,
  options: {
    readonly expected?: boolean;
    readonly first?: number;
    readonly max?: number;
    readonly backlog?: number;
    readonly clock?: Clock;
  } = {},
): Promise<Opened> {
  const persisted: number[] = [];
  const failures: KibitzerError[] = [];
  const rooms: boolean[] = [];
  const waiting: { readonly write: number; readonly resolve: () => void }[] = [];
  const wake = (): void => {
    for (const { write, resolve } of waiting) {
      if (failures.length > 0 || (persisted.at(-1) ?? 0) >= write) resolve();
    }
  };
  const { journal, recovered } = await Journal.open({
    files,
    directory: "/data",
    identity,
    expected: options.expected ?? false,
    onPersisted: (write) => {
      persisted.push(write);
      wake();
    },
    onFailed: (error) => {
      failures.push(error);
      wake();
    },
    onRoom: (hasRoom) => rooms.push(hasRoom),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    segmentBytesFirst: options.first ?? 64 * 512,
    segmentBytesMax: options.max ?? 128 * 512,
    ...(options.backlog === undefined ? {} : { backlogBytesMax: options.backlog }),
  });
  const reached = async (write: number): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ write, resolve });
      wake();
    });
  return { journal, recovered, persisted, failures, rooms, reached };
}

export async function readAll(journal: Journal): Promise<readonly FramedDecree[]> {
  const found: FramedDecree[] = [];
  for await (const framed of journal.scan(1, journal.length)) found.push(plain(framed));
  return found;
}

/** With a body of its own, so that views compare equal to what was written. */
export function plain({ decree, body }: FramedDecree): FramedDecree {
  return { decree, body: body === null ? null : Uint8Array.from(body) };
}

export const noRecovery: Recovered = {
  promised: ballotZero,
  accepted: ballotZero,
  decided: 0,
  heard: [],
  writeLast: 0,
  length: 0,
  torn: false,
  findings: [],
};
