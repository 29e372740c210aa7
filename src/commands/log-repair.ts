/**
 * `kibitz log repair`: fills the damaged slots of a node that is not running from other members, as
 * its next start would. Without `--write` it only says what that start would have to repair.
 */
import { resolve } from "node:path";
import { Credentials } from "../access/credentials.ts";
import { silent } from "../logger.ts";
import { helloOf, urlOf } from "../node/introduction.ts";
import { strangersAt } from "../repair/peer-sources.ts";
import { repairJournal } from "../repair/repairing.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import { DataDirectory } from "../storage/directory.ts";
import type { Journal } from "../storage/journal.ts";
import { nodeWorld } from "../system/node-world.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import { lockIfThere } from "./log-inspect.ts";
import { isWhole, verifyDirectory } from "./log-verify.ts";
import type { CredentialFlags } from "./options.ts";
import type { Output } from "./output.ts";
import { credentialsOf } from "./security-options.ts";

export interface RepairOptions extends CredentialFlags {
  readonly endpoints?: readonly string[];
  readonly write?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly json?: boolean;
}

type Range = Journal["damaged"][number];

const timeoutMsDefault = 30_000;

export async function repair(
  path: string,
  options: RepairOptions,
  output: Output,
): Promise<number> {
  const directory = resolve(path);
  return options.write === true
    ? await write(directory, options, output)
    : await plan(directory, options, output);
}

async function plan(directory: string, options: RepairOptions, output: Output): Promise<number> {
  const { files } = nodeWorld();
  await using _lock = await lockIfThere(directory, files);
  const found = await verifyDirectory(directory, files);
  const { damage, damagedSlots } = found;
  const slots = damagedSlots ?? [];
  if (options.json === true) output.json({ directory, damage, slots, repaired: 0 });
  else {
    for (const text of damage) output.line(text);
    output.line(`damaged places: ${damage.length}; ${said(slots)}`);
  }
  return isWhole(found) ? exitCodes.ok : exitCodes.integrity;
}

async function write(directory: string, options: RepairOptions, output: Output): Promise<number> {
  using interruption = watchInterruption();
  const shown = credentialsOf(options, process.env);
  using credentials = await Credentials.open({ ...shown, logger: silent });
  const world = nodeWorld(credentials);
  const { files, chance } = world;
  await using opened = await DataDirectory.open({ files, path: directory, chance });
  const { record } = opened;
  const { journal, recovered } = await opened.openJournal({
    onPersisted: () => undefined,
    onFailed: (error) => output.note(error.message),
  });
  await using _journal = journal;
  const before = journal.damaged;
  const timeoutMs = options.timeout ?? timeoutMsDefault;
  const signal = AbortSignal.any([interruption.signal, AbortSignal.timeout(timeoutMs)]);
  const asked = strangersAt(options.endpoints ?? []);
  await repairJournal({
    world,
    logger: silent,
    id: record.id,
    path: directory,
    journal,
    recovered,
    snapshots: new SnapshotFiles(files, directory),
    republic: record.republic?.identity ?? "",
    listen: [],
    guard: (callee) => callee,
    known: [...(record.contacts ?? []), ...record.peers, ...asked],
    hello: () => helloOf(record, urlOf(record, []), []),
    signal,
  });
  const left = journal.damaged;
  const repaired = count(before) - count(left);
  if (options.json === true) output.json({ directory, slots: before, repaired, left });
  else
    output.line(`${repaired} slots repaired, ${count(left)} left to the protocol; start the node`);
  return exitCodes.ok;
}

function said(slots: readonly Range[]): string {
  if (slots.length === 0) return "every slot is there";
  const ranges = slots.map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  return `lost are the slots ${ranges.join(", ")}: --write asks the other members for them`;
}

function count(slots: readonly Range[]): number {
  return slots.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
