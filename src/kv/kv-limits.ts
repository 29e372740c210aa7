/** The bounds of the key–value map, with unit and reason; relations are asserted on loading. */
import { assert, limits } from "../../consensus/index.ts";
import { machineLimits } from "../machine/machine-limits.ts";

export const kvLimits = {
  /** Bytes of a key as UTF-8; at least one. */
  keyBytesMax: 1024,
  /** Bytes of a value: a setting, not a file (512 KiB). */
  valueBytesMax: 524_288,
  /** Keys of the map; it is in memory on every node. */
  keysMax: 1_000_000,
  /** Bytes of all keys and values (256 MiB). */
  bytesMax: 268_435_456,
  /** Leases at a time. */
  leasesMax: 65_536,
  /** Keys of one lease: all go in one step when it ends. */
  leaseKeysMax: 4096,
  /** A lease's time, in milliseconds of log time: 100 ms to 30 days. */
  ttlMsMin: 100,
  ttlMsMax: 2_592_000_000,
  /** Events that can be watched from, and their bytes; older ones are compacted (4 MiB). */
  eventsKept: 16_384,
  eventsBytesMax: 4_194_304,
  /** Keys of one page of a list, events of one answer to a watch; and their bytes (1 MiB). */
  pageMax: 1000,
  pageBytesMax: 1_048_576,
} as const;

/** What one key, record or event takes at most beside its key and value. */
export const itemBytesMax = 64;

assert(
  2 * kvLimits.keyBytesMax + kvLimits.valueBytesMax + itemBytesMax < limits.entryBytesMax,
  "a largest command is an entry",
);
assert(
  kvLimits.pageBytesMax + kvLimits.keyBytesMax + kvLimits.valueBytesMax + itemBytesMax <
    machineLimits.answerBytesMax,
  "a page with one item too many is an answer",
);
assert(
  kvLimits.keyBytesMax + kvLimits.valueBytesMax < kvLimits.eventsBytesMax,
  "a largest event can be watched",
);
