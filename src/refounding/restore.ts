/**
 * A new republic out of a backup: the same entries at the same indexes, the same publishers, under
 * a new identity, with one founder. Changes nothing where a member's data is already, and nothing
 * at all before the whole backup was read and found intact.
 */
import { assert, type Citizen, type RepublicIdentity } from "../../consensus/index.ts";
import { BackupReading } from "../backup/backup-reading.ts";
import type { BackupSummary } from "../backup/backup-writing.ts";
import { checkEndpoint } from "../checked-endpoint.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { checkName } from "../node/joining.ts";
import { DataDirectory, readRecord } from "../storage/directory.ts";
import { nodeWorld } from "../system/node-world.ts";
import type { World } from "../world.ts";
import { refound, type LogEnd, type RefoundingPlan } from "./refound.ts";

export interface RestoreOptions {
  /** The bytes of a backup, as `backup()` of a node or client gave them. */
  readonly backup: AsyncIterable<Uint8Array>;
  /** Where the founder is to live: nothing of a node may be there. */
  readonly directory: string;
  /** Who founds the new republic. */
  readonly id: string;
  /** Where it listens; others are told the first, unless `advertise` says otherwise. */
  readonly listen: readonly string[];
  readonly advertise?: string;
  /** What the new republic is called; default as before. */
  readonly republic?: string;
  /** The user's own words about the founder. */
  readonly properties?: Citizen["properties"];
  /** Bytes of the journal's files. */
  readonly storage?: RefoundingPlan["storage"];
  /** Default this computer's. */
  readonly world?: Pick<World, "files" | "chance" | "clock">;
}

export interface RestoreReport {
  readonly id: string;
  readonly url: string;
  /** What was backed up, and what there is now. */
  readonly before: RepublicIdentity;
  readonly republic: RepublicIdentity;
  /** The first entry that there is: what those before came to stands in a snapshot. */
  readonly indexFirst: number;
  /** The last slot and entry of the backup: the new republic goes on after them. */
  readonly slot: number;
  readonly index: number;
}

/**
 * @throws {KibitzerError} `KBZ_BOOTSTRAPPED` when a node is there, `KBZ_IN_USE`, `KBZ_ARGUMENT`,
 *   `KBZ_ENDPOINT`; `KBZ_DAMAGED` or `KBZ_VERSION` of the backup.
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const world = options.world ?? nodeWorld();
  const { files, chance, clock } = world;
  const { directory: path, id, listen, advertise = null, storage = {} } = options;
  const url = checkedUrl(options);
  // Looked at first: opening it would make it this node's.
  const there = (await readRecord(files, path))?.republic ?? null;
  if (there !== null) throw occupied(path, there);
  const place = { files, path, chance, id, listen, advertise } as const;
  // A backup of no use leaves no node behind: another may be restored there, under another id.
  await using directory = await DataDirectory.open({ ...place, isTentative: true });
  const { cookie } = directory.record;
  const reading = new BackupReading(options.backup);
  const founder = { id, cookie, url, properties: options.properties ?? {} };
  const plan = { files, directory, cause: "restored", founder, storage } as const;
  const { republic } = await refound(
    { ...plan, identity: chance.hex16(), when: clock.wall() },
    {
      beginning: await reading.beginning(),
      decrees: reading.decrees(),
      end: () => endOf(reading, options.republic),
    },
  );
  const { slot, index, indexFirst, republic: before } = summaryOf(reading);
  return { id, url, before, republic, indexFirst, slot, index };
}

function endOf(reading: BackupReading, name: string | undefined): LogEnd {
  const { slot, hash, republic } = summaryOf(reading);
  const { time, government } = reading.fold;
  const governmentNext = (government?.number ?? 0) + 1;
  return { slot, hash, time, governmentNext, name: name ?? republic.name };
}

function summaryOf({ summary }: BackupReading): BackupSummary {
  assert(summary !== null, "a backup was read to its end");
  return summary;
}

/** What others are told: it stands in the log, so it must be an endpoint that they can call. */
function checkedUrl({ listen, advertise, republic }: RestoreOptions): string {
  if (republic !== undefined) checkName(republic);
  for (const url of listen) checkEndpoint(url);
  if (advertise !== undefined) checkEndpoint(advertise);
  const url = advertise ?? listen[0];
  if (url !== undefined && !url.endsWith(":0")) return url;
  throw new KibitzerError(
    "KBZ_ARGUMENT",
    `Wanted an endpoint that others can call, found ${url ?? "none"}. Name it with its real port.`,
    { retryable: false, outcome: "none" },
  );
}

function occupied(path: string, { name, identity }: RepublicIdentity): KibitzerError {
  return new KibitzerError(
    "KBZ_BOOTSTRAPPED",
    `There is a node of republic ${name} (${identity}) in ${path}. A backup is restored into a ` +
      "directory in which nothing is: choose another one. Nothing was changed.",
    { retryable: false, outcome: "none" },
  );
}
