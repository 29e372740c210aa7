/**
 * The snapshots of a data directory: which there are, and their life from a temporary name to
 * removal. Says nothing of what they are good for.
 */
import type { RepublicState, Slot } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { temporarySuffix } from "../storage/sealed-file.ts";
import { snapshotName, snapshotSlot } from "../storage/snapshot-name.ts";
import type { FileSystem } from "../world.ts";
import { partOf, readSnapshot, verifySnapshot, type SnapshotSource } from "./snapshot-reader.ts";
import type { SnapshotPiece } from "./snapshot-piece.ts";
import type { ReadSnapshot } from "./snapshot-scan.ts";

export class SnapshotFiles {
  readonly files: FileSystem;
  readonly directory: string;
  /** Names that nothing relies on yet, but somebody is at work with: not to be removed. */
  readonly #inUse = new Set<string>();

  /** @param data The data directory. */
  constructor(files: FileSystem, data: string) {
    this.files = files;
    this.directory = `${data}/snapshots`;
  }

  /** Keeps the snapshot after `slot`, half made or whole, until it is released. */
  use(slot: Slot): void {
    this.#inUse.add(snapshotName(slot)).add(snapshotName(slot) + temporarySuffix);
  }

  release(slot: Slot): void {
    this.#inUse.delete(snapshotName(slot));
    this.#inUse.delete(snapshotName(slot) + temporarySuffix);
  }

  path(slot: Slot): string {
    return `${this.directory}/${snapshotName(slot)}`;
  }

  temporary(slot: Slot): string {
    return this.path(slot) + temporarySuffix;
  }

  source(slot: Slot, republic: string): SnapshotSource {
    return { files: this.files, path: this.path(slot), republic, slot };
  }

  /** The slots of the snapshots there are, in order. */
  async list(): Promise<readonly Slot[]> {
    if (!(await this.files.exists(this.directory))) return [];
    const names = await this.files.list(this.directory);
    return names
      .flatMap((name) => snapshotSlot(name) ?? [])
      .toSorted((left, right) => left - right);
  }

  /** Null when there is none after `slot` that is whole, as far as it is read. */
  async state(slot: Slot, republic: string): Promise<RepublicState | null> {
    return (
      (await this.#tried(async () => await readSnapshot(this.source(slot, republic))))?.state ??
      null
    );
  }

  /** The same, of a snapshot that is whole to its end. */
  async wholeState(slot: Slot, republic: string): Promise<RepublicState | null> {
    const source = this.source(slot, republic);
    return (await this.#tried(async () => await verifySnapshot(source)))?.state ?? null;
  }

  /**
   * Reads through what stands under the temporary name; gives it its own, durably, when it is
   * whole. Null, and it is removed, when it is not.
   */
  async adopt(slot: Slot, republic: string): Promise<ReadSnapshot | null> {
    const source = { ...this.source(slot, republic), path: this.temporary(slot) };
    const read = await this.#tried(async () => await verifySnapshot(source));
    if (read === null) {
      await this.files.remove(source.path);
      return null;
    }
    await this.files.rename(source.path, this.path(slot));
    await this.files.syncDirectory(this.directory);
    return read;
  }

  /** Removes what stands under the temporary name. */
  async discard(slot: Slot): Promise<void> {
    const path = this.temporary(slot);
    if (await this.files.exists(path)) await this.files.remove(path);
  }

  /** Bytes of the file after `slot`, as they are; null when it is not there. */
  async piece(slot: Slot, offset: number, bytesMax: number): Promise<SnapshotPiece | null> {
    const path = this.path(slot);
    if (!(await this.files.exists(path))) return null;
    const file = await this.files.open(path, "read");
    try {
      const size = await file.size();
      const bytes = new Uint8Array(Math.max(0, Math.min(bytesMax, size - offset)));
      await file.read(bytes, offset);
      return { size, bytes };
    } finally {
      await file.close();
    }
  }

  /** The pieces of the part `name`; null when the snapshot has none of that name. */
  async part(
    slot: Slot,
    republic: string,
    name: string,
  ): Promise<AsyncIterable<Uint8Array> | null> {
    const source = this.source(slot, republic);
    const { opening } = await readSnapshot(source);
    const at = opening.parts.indexOf(name);
    return at === -1 ? null : partOf(source, at);
  }

  /** The names of the parts in the snapshot after `slot`. @throws {KibitzerError} */
  async partsOf(slot: Slot, republic: string): Promise<readonly string[]> {
    return (await readSnapshot(this.source(slot, republic))).opening.parts;
  }

  /** Removes all snapshots but those of `kept`, and whatever is half made and not in use. */
  async tidy(kept: readonly Slot[]): Promise<void> {
    if (!(await this.files.exists(this.directory))) return;
    const names = new Set(kept.map(snapshotName));
    for (const name of await this.files.list(this.directory)) {
      if (!names.has(name) && !this.#inUse.has(name))
        await this.files.remove(`${this.directory}/${name}`);
    }
  }

  async #tried(read: () => Promise<ReadSnapshot>): Promise<ReadSnapshot | null> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof KibitzerError && error.code === "KBZ_DAMAGED") return null;
      throw error;
    }
  }
}
