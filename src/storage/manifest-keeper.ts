/**
 * The manifest of a running journal: changed in memory at once, written one version after the
 * other. Whoever needs a change on the disk waits for `save`.
 */
import type { FileSystem } from "../world.ts";
import type { Extent } from "./extents.ts";
import { writeManifest, type ManifestBody } from "./manifest.ts";
import type { StorageIdentity } from "./segment.ts";

export interface KeeperOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly identity: StorageIdentity;
  readonly writeBase: number;
  /** Of the manifest that was written last. */
  readonly counter: number;
  /** Groups up to this one are synced, and where the log ends after it. */
  groupSynced(): { readonly number: number; readonly extent: Extent };
}

export class ManifestKeeper {
  readonly #options: KeeperOptions;
  #body: ManifestBody;
  /** Also of those that were removed: somebody may still be reading them. */
  readonly #sizes = new Map<number, number>();
  #counter: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(body: ManifestBody, options: KeeperOptions) {
    this.#options = options;
    this.#body = body;
    this.#noteSizes();
    this.#counter = options.counter;
  }

  get body(): ManifestBody {
    return this.#body;
  }

  change(change: Partial<ManifestBody>): void {
    this.#body = { ...this.#body, ...change };
    this.#noteSizes();
  }

  /** Bytes of a segment when it was made; null for one that is none of the journal's. */
  sizeOf(generation: number): number | null {
    return this.#sizes.get(generation) ?? null;
  }

  #noteSizes(): void {
    for (const { generation, size } of this.#body.segments) this.#sizes.set(generation, size);
  }

  /** All that was changed so far is durable when this resolves. */
  async save(): Promise<void> {
    const { files, directory, identity, writeBase } = this.#options;
    const write = async (): Promise<void> => {
      const { number: synced, extent } = this.#options.groupSynced();
      // One that was not written whole may be half there: its number is not used again.
      this.#counter += 1;
      const news = { counter: this.#counter, synced, extent, writeBase };
      await writeManifest(files, directory, { ...identity, ...this.#body, ...news });
    };
    // One that failed was told of it; it is no reason for the next one not to be told, too.
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}
