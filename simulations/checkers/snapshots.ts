/**
 * Snapshots as they lie on the disks: equal bytes after equal slots (S5), the state that the log's
 * decrees make (S2), and there before anything of the log went (S3). Reads disks, never writes.
 */
import {
  emptyRepublic,
  Republic,
  type Decree,
  type RepublicState,
  type Slot,
} from "../../consensus/index.ts";
import { ByteReader } from "../../src/codec/byte-reader.ts";
import { readRepublicState } from "../../src/codec/republic-codec.ts";
import { chunkHeaderBytes, decodeOpening } from "../../src/snapshots/snapshot-codec.ts";
import { snapshotName, snapshotSlot } from "../../src/storage/snapshot-name.ts";
import { demand } from "../core/violation.ts";
import type { SimulatedDisk } from "../disk/disk.ts";

const directory = "data/snapshots/";
const republicKind = 2;

interface Shown {
  readonly node: string;
  readonly bytes: Uint8Array;
}

/** What a manifest says, as far as it matters here. */
interface Listed {
  readonly removed: number;
  readonly starts: readonly { readonly slot: Slot }[];
}

export type Machine = { readonly id: string; readonly disk: Pick<SimulatedDisk, "paths" | "peek"> };

export class SnapshotWatch {
  /** By the identity of the republic: one that was refounded goes on with a log of its own. */
  readonly #shown = new Map<string, Map<Slot, Shown>>();
  readonly #decrees = new Map<Slot, Decree>();

  /** How many different ones there were. */
  get size(): number {
    return [...this.#shown.values()].reduce((sum, shown) => sum + shown.size, 0);
  }

  /** Looks at a disk that nothing has damaged. */
  look({ id, disk }: Machine): void {
    for (const path of disk.paths()) {
      const slot = path.startsWith(directory) ? snapshotSlot(path.slice(directory.length)) : null;
      const bytes = slot === null ? null : disk.peek(path);
      if (slot !== null && bytes !== null) this.#show(id, slot, bytes);
    }
    const listed = listedOn(disk);
    if (listed === null) return;
    const { removed, starts } = listed;
    demand(removed === 0 || starts.length > 0, "S3", () => `${id} has no snapshot for what it cut`);
    for (const { slot } of starts) {
      const isThere = disk.peek(directory + snapshotName(slot)) !== null;
      demand(isThere, "S3", () => `${id} relies on a snapshot after ${slot} that is not there`);
    }
  }

  /** A node applied this, as a replay has shown. */
  applied(decree: Decree): void {
    this.#decrees.set(decree.slot, decree);
  }

  /**
   * Holds each snapshot of the republic that was there first against the fold of its log, as far as
   * recordings show that whole.
   */
  check(): void {
    const republic = new Republic(emptyRepublic());
    const [all = new Map<Slot, Shown>()] = this.#shown.values();
    for (const slot of [...all.keys()].toSorted((left, right) => left - right)) {
      while (republic.slot < slot) {
        const decree = this.#decrees.get(republic.slot + 1);
        if (decree === undefined) return;
        republic.apply(decree);
      }
      const shown = all.get(slot);
      if (shown === undefined) continue;
      const found = JSON.stringify(stateIn(shown.bytes));
      demand(found === JSON.stringify(republic.state()), "S2", () => {
        return `the snapshot of ${shown.node} after ${slot} holds ${found}`;
      });
    }
  }

  #show(node: string, slot: Slot, bytes: Uint8Array): void {
    const republic = ownerOf(bytes);
    const all = this.#shown.get(republic) ?? new Map<Slot, Shown>();
    this.#shown.set(republic, all);
    const before = all.get(slot);
    if (before === undefined) {
      all.set(slot, { node, bytes });
      return;
    }
    demand(Buffer.compare(before.bytes, bytes) === 0, "S5", () => {
      return `${node} has another snapshot after ${slot} than ${before.node}`;
    });
  }
}

/** What the list of segments on a disk says; null where there is none. */
export function listedOn(disk: Machine["disk"]): Listed | null {
  const text = Buffer.from(disk.peek("data/journal/manifest") ?? []).toString("utf8");
  const document: Partial<Listed> | null = JSON.parse(text.slice(text.indexOf("\n") + 1) || "null");
  return document === null ? null : { removed: 0, starts: [], ...document };
}

/** As the opening says, which is the first chunk. */
function ownerOf(bytes: Uint8Array): string {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(16, true);
  return decodeOpening(bytes.subarray(chunkHeaderBytes, chunkHeaderBytes + size)).republic;
}

function stateIn(bytes: Uint8Array): RepublicState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = view.getUint32(at + 16, true);
    const from = at + chunkHeaderBytes;
    if (view.getUint32(at + 4, true) === republicKind)
      pieces.push(bytes.subarray(from, from + size));
    at = from + size;
  }
  return readRepublicState(new ByteReader(Buffer.concat(pieces)));
}
