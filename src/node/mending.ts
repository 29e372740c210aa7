/**
 * What an engine does about damage: repairs its journal before the core starts, mends what readers
 * find later, and remembers whom to ask. Decides nothing of the log.
 */
import type { Citizen } from "../../consensus/index.ts";
import { gateOf } from "../access/gate.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { Configuration } from "../configuration.ts";
import { PeerDiscovery } from "../discovery/peer-discovery.ts";
import { ReadMender } from "../repair/read-mender.ts";
import { repairJournal } from "../repair/repairing.ts";
import { sourceOf, strangersAt } from "../repair/peer-sources.ts";
import type { Vestibule } from "../health/vestibule.ts";
import { damagedSlot, textOf } from "../storage/damage.ts";
import type { DataDirectory } from "../storage/directory.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import type { Journal } from "../storage/journal.ts";
import type { OpenedJournal } from "../storage/opened-journal.ts";
import type { Engine } from "./engine.ts";
import { helloOf, urlOf } from "./introduction.ts";

const askMs = 3_000;
/** A disk without room keeps the members that it knew; it is told again when they change. */
const roomCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/** A journal whose damaged slots are filled, or nobody's to give. */
export interface RepairedJournal extends OpenedJournal {
  /** Fills what was found damaged since. @throws {KibitzerError} as `repairJournal`. */
  readonly repair: () => Promise<void>;
}

interface Opening {
  readonly configuration: Configuration;
  readonly directory: DataDirectory;
  readonly events: Parameters<DataDirectory["openJournal"]>[0];
  /** Leaves the endpoints to a repair, which answers others there. */
  readonly vestibule?: Pick<Vestibule, "close" | "openSoon">;
  /** Its engine mends what is damaged from the moment that there is one. */
  readonly late: { readonly engine: unknown };
}

/**
 * Opens the journal of a node in a republic and fills what is damaged in it; null outside of one.
 * @throws {KibitzerError} as `openJournal` and `repairJournal`.
 */
export async function openRepaired({
  configuration,
  directory,
  events,
  late,
  vestibule,
}: Opening): Promise<RepairedJournal | null> {
  const { republic } = directory.record;
  if (republic === null) return null;
  const { logger, world, signal } = configuration;
  const opened = await directory.openJournal({
    ...events,
    // A disk may go on rotting while the journal is read back; a repair does it with the rest.
    mend: async (range) => {
      if (late.engine !== null) await events.mend?.(range);
      else if (isRepairing) throw damagedSlot(directory.path, range.first);
      else await repair();
    },
  });
  for (const finding of [...directory.findings, ...opened.recovered.findings]) {
    const event = finding.mayBeTorn === true ? "torn" : "damaged";
    if (event === "damaged" && events.meter !== undefined) events.meter.damages += 1;
    logger.warn({ event, ...finding }, textOf(finding));
  }
  const { record } = directory;
  let { recovered } = opened;
  let isRepairing = false;
  const repair = async (): Promise<void> => {
    isRepairing = true;
    if (opened.journal.damaged.length > 0 || recovered.missing > 0) await vestibule?.close();
    recovered = await repairJournal({
      world,
      logger,
      id: record.id,
      path: directory.path,
      journal: opened.journal,
      recovered,
      snapshots: new SnapshotFiles(world.files, directory.path),
      republic: republic.identity,
      listen: record.listen,
      known: [
        ...(record.contacts ?? []),
        ...record.peers,
        // A start does not wait for names to be looked up.
        ...strangersAt(new PeerDiscovery(configuration.moved ?? [], world).fixed),
      ],
      hello: () => helloOf(record, urlOf(record, []), []),
      guard: (callee) => gateOf(configuration, callee, callee),
      signal,
    }).finally(() => {
      isRepairing = false;
      if (late.engine === null) vestibule?.openSoon();
    });
  };
  try {
    await repair();
    return { journal: opened.journal, recovered, repair };
  } catch (error) {
    await opened.journal.close();
    throw error;
  }
}

/** Mends what is read while the node runs, from the members that it knows then. */
export function menderOf(
  engine: Pick<Engine, "logger" | "directory" | "contacts" | "peers" | "over">,
  journal: () => Journal | null,
): ReadMender {
  const { directory, peers } = engine;
  return new ReadMender({
    path: directory.path,
    logger: engine.logger,
    journal,
    sources: () =>
      engine
        .contacts()
        .filter(({ id }) => id !== directory.record.id)
        .map(({ id }) =>
          sourceOf(id, async (request) => {
            const { signal } = engine.over;
            return await peers.call(id, request, { timeoutMs: askMs, signal });
          }),
        ),
  });
}

/** Whoever asked for slots that nobody can mend now asks again, here or elsewhere. */
export function unreadable(engine: Pick<Engine, "logger" | "over" | "fail">, error: unknown): void {
  if (engine.over.signal.aborted) return;
  const known = asKibitzerError(error);
  if (known.code !== "KBZ_DAMAGED") engine.fail(known);
  else engine.logger.error({ event: "damaged", err: known }, known.message);
}

/** Keeps on the disk who the members are. */
export async function rememberPeers(
  engine: Pick<Engine, "directory" | "logger" | "over" | "fail">,
  members: readonly Citizen[],
): Promise<void> {
  try {
    await engine.directory.rememberPeers(members);
  } catch (error) {
    if (engine.over.signal.aborted) return;
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (!roomCodes.has(code)) engine.fail(asKibitzerError(error));
    else engine.logger.warn({ event: "unremembered", err: error }, "members are not written down");
  }
}
