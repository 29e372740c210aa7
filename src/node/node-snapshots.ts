/** The snapshots of a running node: made, offered, downloaded and installed. Decides nothing. */
import type { Applied, Outcome } from "../../consensus/index.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { Engine } from "./engine.ts";
import { SnapshotDownload } from "../snapshots/snapshot-download.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import { Snapshots } from "../snapshots/snapshots.ts";
import type { Journal } from "../storage/journal.ts";
import type { Recovered } from "../storage/opened-journal.ts";

export class NodeSnapshots implements AsyncDisposable {
  readonly snapshots: Snapshots;
  readonly #download: SnapshotDownload;

  constructor(engine: Engine) {
    const { world, directory, snapshot: policy, retain: retention } = engine.configuration;
    const { logger, peers } = engine;
    const files = new SnapshotFiles(world.files, directory);
    const republic = (): string => engine.identity?.identity ?? "";
    this.snapshots = new Snapshots({
      files,
      clock: world.clock,
      logger,
      policy,
      retention,
      meter: engine.meter.storage,
      republic,
      refoundedAt: () => engine.state.legislator.republic.refounded.at(-1)?.slot ?? 0,
      state: () => engine.state.legislator.republic.state(),
      failed: (error) => engine.fail(error),
    });
    this.#download = new SnapshotDownload({
      files,
      peers,
      logger,
      republic,
      downloaded: (state) => {
        engine.play({ kind: "install", state }, ({ installed }) => {
          if (installed === null) files.release(state.slot);
          else this.snapshots.installed(state);
        });
      },
      failed: (error) => engine.fail(asKibitzerError(error)),
    });
  }

  async attach(journal: Journal, recovered: Recovered): Promise<void> {
    await this.snapshots.attach(journal, recovered.tailBytes);
  }

  note(applied: readonly Applied[]): void {
    this.snapshots.note(applied);
  }

  download(download: Outcome["download"]): void {
    if (download !== null) this.#download.start(download);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#download.close();
    await this.snapshots.close();
  }
}
