/**
 * The worst day: a majority is lost for good. One survivor, stopped, goes on alone with everything
 * in its log, as the founder of a republic under a new identity. Decides nothing by itself: without
 * the operator's word it only says what it would do.
 */
import {
  assert,
  compareLogs,
  emptyRepublic,
  hashDecree,
  Republic,
  type Ballot,
  type Citizen,
  type Heard,
  type LogRank,
  type RepublicIdentity,
  type RepublicState,
} from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import { damaged } from "../storage/damage.ts";
import { DataDirectory } from "../storage/directory.ts";
import type { Journal } from "../storage/journal.ts";
import type { Recovered } from "../storage/opened-journal.ts";
import { nodeWorld } from "../system/node-world.ts";
import type { World } from "../world.ts";
import { refound, type LogBeginning, type LogEnd, type RefoundingPlan } from "./refound.ts";

export interface RecoverOptions {
  /** The survivor's data directory; its node must not run. */
  readonly directory: string;
  /** False, the default: looks only, and reports what would be done. */
  readonly forceNewGovernment?: boolean;
  /** Bytes of the journal's files. */
  readonly storage?: RefoundingPlan["storage"];
  /** Default this computer's. */
  readonly world?: Pick<World, "files" | "chance" | "clock">;
}

export interface RecoveryReport {
  readonly id: string;
  /** What the directory belonged to. */
  readonly before: RepublicIdentity;
  /** What it belongs to now; null when nothing was changed. */
  readonly republic: RepublicIdentity | null;
  /** Of several survivors the one with the highest (accepted, length) has the most. */
  readonly accepted: Ballot;
  readonly length: number;
  /** The last slot that the node knew to be decided, and the last entry up to there. */
  readonly decided: { readonly slot: number; readonly index: number };
  /** After that: kept, since each may have been acknowledged. */
  readonly undecided: { readonly slots: number; readonly entries: number };
  /** The last entry that is kept. */
  readonly index: number;
  /** The first entry that is kept: those before were removed from the log, as told to. */
  readonly indexFirst: number;
  readonly government: { readonly number: number; readonly parliament: readonly string[] };
  /** Whether the node had a vote; one without follows the others, and may be far behind. */
  readonly hadSeat: boolean;
  /** Members of whom this node knew that they held more of the log than it does. */
  readonly ahead: readonly (LogRank & { readonly id: string })[];
  /** Where the old files are; null when nothing was changed. */
  readonly aside: string | null;
}

/**
 * @throws {KibitzerError} `KBZ_IN_USE`, `KBZ_NOT_FOUND`, `KBZ_DAMAGED` (amnesia included),
 *   `KBZ_VERSION`; `KBZ_JOURNAL_FAILED` when the disk refuses: then the old files are as before.
 */
export async function recover(options: RecoverOptions): Promise<RecoveryReport> {
  const world = options.world ?? nodeWorld();
  const { files, chance, clock } = world;
  const path = options.directory;
  await using directory = await DataDirectory.open({ files, path, chance });
  const { republic: before } = directory.record;
  if (before === null || !directory.record.hasJournal) throw nothingThere(path);
  const { journal, recovered } = await directory.openJournal({
    onPersisted: () => undefined,
    onFailed: () => undefined,
    ...options.storage,
  });
  const snapshots = new SnapshotFiles(files, path);
  await using source = await Source.open(journal, recovered.length, { snapshots, before });
  const survivor = await look(path, source, recovered);
  const report = reportOf(directory, survivor, before);
  if (options.forceNewGovernment !== true) return report;
  const identity = chance.hex16();
  const founder = founderOf(directory, survivor.republic, chance.hex16());
  const plan = { files, directory, cause: "recovered", identity, founder } as const;
  const { storage = {} } = options;
  const { aside, republic } = await refound(
    { ...plan, when: clock.wall(), storage },
    {
      beginning: await source.beginning(),
      decrees: source.toItsEnd(),
      end: () => survivor.end,
    },
  );
  return { ...report, republic, aside };
}

interface SourceSnapshots {
  readonly snapshots: SnapshotFiles;
  /** The republic that they are of. */
  readonly before: RepublicIdentity;
}

/**
 * A journal that is read from its first slot on, or, where that was removed, from the oldest of its
 * snapshots; and closed once.
 */
class Source implements AsyncDisposable {
  /** What the decrees follow. */
  readonly state: RepublicState;
  readonly #journal: Journal;
  readonly #length: number;
  readonly #from: SourceSnapshots;
  #isOpen = true;

  private constructor(
    journal: Journal,
    length: number,
    from: SourceSnapshots & { readonly state: RepublicState },
  ) {
    this.#journal = journal;
    this.#length = length;
    this.#from = from;
    this.state = from.state;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED` when no snapshot of a log that was cut can be read. */
  static async open(journal: Journal, length: number, from: SourceSnapshots): Promise<Source> {
    try {
      return new Source(journal, length, { ...from, state: await oldestState(journal, from) });
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  decrees(): ReturnType<Journal["scan"]> {
    return this.#journal.scan(this.state.slot + 1, this.#length);
  }

  /** Null for a log from slot 1 on. */
  async beginning(): Promise<LogBeginning | null> {
    const { state } = this;
    if (state.slot === 0) return null;
    const { snapshots, before } = this.#from;
    const parts: LogBeginning["parts"][number][] = [];
    for (const name of await snapshots.partsOf(state.slot, before.identity)) {
      const pieces = await snapshots.part(state.slot, before.identity, name);
      assert(pieces !== null, "a snapshot has the parts that it names");
      parts.push({ name, pieces });
    }
    return { state, parts };
  }

  /** The log; after it nothing is open any more, since another takes its place. */
  async *toItsEnd(): ReturnType<Journal["scan"]> {
    yield* this.decrees();
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#journal.close();
  }
}

interface Survivor {
  readonly indexFirst: number;
  readonly republic: Republic;
  readonly recovered: Recovered;
  readonly indexDecided: number;
  readonly end: LogEnd;
}

/** The state that the log goes on from: the empty one, as long as nothing of it was removed. */
async function oldestState(
  { past }: Journal,
  { snapshots, before }: SourceSnapshots,
): Promise<RepublicState> {
  if (past.slotFirst === 1) return emptyRepublic();
  for (const slot of past.snapshots) {
    const state = await snapshots.wholeState(slot, before.identity);
    if (state !== null && slot + 1 >= past.slotFirst) return state;
  }
  const slots = past.snapshots.join(" and ");
  const finding = `no snapshot is whole that the log goes on from: those after slot ${slots}`;
  throw damaged(snapshots.directory, 0, finding);
}

/** Folds the log, and holds its hashes against each other. */
async function look(path: string, source: Source, recovered: Recovered): Promise<Survivor> {
  const { decided, promised, accepted } = recovered;
  const republic = new Republic(source.state);
  let indexDecided = republic.index;
  for await (const { decree } of source.decrees()) {
    if (hashDecree(republic.hash, decree) !== decree.hash) {
      throw damaged(`${path}/journal`, 0, `slot ${decree.slot} does not continue the one before`);
    }
    republic.apply(decree);
    if (decree.slot === decided) indexDecided = republic.index;
  }
  if (republic.government === null) throw nothingThere(path);
  const { slot, hash, time, government, identity } = republic;
  const governments = [government.number, promised.government, accepted.government];
  const name = identity?.name ?? "";
  const end = { slot, hash, time, governmentNext: Math.max(...governments) + 1, name };
  return { indexFirst: source.state.index + 1, republic, recovered, indexDecided, end };
}

function reportOf(
  { record }: DataDirectory,
  { republic, recovered, indexFirst, indexDecided }: Survivor,
  before: RepublicIdentity,
): RecoveryReport {
  const { id, cookie } = record;
  const { accepted, length, decided, heard } = recovered;
  const { number, parliament } = republic.government ?? { number: 0, parliament: [] };
  const isMember = republic.member(id)?.cookie === cookie;
  return {
    id,
    before,
    republic: null,
    accepted,
    length,
    decided: { slot: decided, index: indexDecided },
    undecided: { slots: length - decided, entries: republic.index - indexDecided },
    index: republic.index,
    indexFirst,
    government: { number, parliament: [...parliament] },
    hadSeat: isMember && republic.seats(id),
    ahead: aheadOf(recovered, republic, heard),
    aside: null,
  };
}

/** Of those that are still members: what is written down of another incarnation says nothing. */
function aheadOf(
  own: LogRank,
  republic: Republic,
  heard: readonly Heard[],
): RecoveryReport["ahead"] {
  const members = heard.filter(({ id, cookie }) => republic.member(id)?.cookie === cookie);
  return members
    .filter((other) => compareLogs(other, own) > 0)
    .map(({ id, accepted, length }) => ({ id, accepted, length }));
}

/** Where it was reached before, and with what was told of it. */
function founderOf({ record }: DataDirectory, republic: Republic, cookie: string): Citizen {
  const { id, advertise, listen } = record;
  const known = republic.member(id);
  const own = known?.cookie === record.cookie ? known : null;
  const url = own?.url ?? advertise ?? listen[0] ?? "";
  return { id, cookie, url, properties: own?.properties ?? {} };
}

function nothingThere(path: string): KibitzerError {
  return new KibitzerError(
    "KBZ_NOT_FOUND",
    `Wanted the data directory of a member, but ${path} holds no part of any republic's log. ` +
      "Name the directory of a node that took part.",
    { retryable: false, outcome: "none" },
  );
}
