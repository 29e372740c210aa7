/**
 * The manifest of a running journal: changed in memory at once, written one version after the
 * other. Whoever needs a change on the disk waits for `save`.
 */
import type { FileSystem } from "../world.ts";
import { writeManifest, type ManifestBody } from "./manifest.ts";
import type { StorageIdentity } from "./segment.ts";

export interface KeeperOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly identity: StorageIdentity;
  readonly writeBase: number;
  /** Groups up to this one are synced. */
  groupSynced(): number;
}

export class ManifestKeeper {
  readonly #options: KeeperOptions;
  #body: ManifestBody;
  #writing: Promise<void> = Promise.resolve();

  constructor(body: ManifestBody, options: KeeperOptions) {
    this.#options = options;
    this.#body = body;
  }

  get body(): ManifestBody {
    return this.#body;
  }

  change(change: Partial<ManifestBody>): void {
    this.#body = { ...this.#body, ...change };
  }

  /** All that was changed so far is durable when this resolves. */
  async save(): Promise<void> {
    const { files, directory, identity, writeBase } = this.#options;
    const write = async (): Promise<void> => {
      const synced = this.#options.groupSynced();
      await writeManifest(files, directory, { ...identity, ...this.#body, synced, writeBase });
    };
    // One that failed was told of it; it is no reason for the next one not to be told, too.
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}
