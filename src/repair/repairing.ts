/**
 * The repair of a journal at a node's start, before its core runs: damaged slots are filled from
 * other members, whose own repair it helps at the same time. Ends when the log is whole as far as
 * anybody has it; waits for members that may have more; stops when nobody can.
 */
import { Republic, type Citizen, type NodeId, type Slot } from "../../consensus/index.ts";
import type { Callee, Hello, Listener } from "../../transport/index.ts";
import { closeAll } from "../close-all.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { Request, Response } from "../requests.ts";
import { damagedSlot } from "../storage/damage.ts";
import type { SlotRange } from "../storage/holes.ts";
import type { SnapshotFiles } from "../snapshots/snapshot-files.ts";
import type { Journal } from "../storage/journal.ts";
import type { Recovered } from "../storage/opened-journal.ts";
import type { World } from "../world.ts";
import { HoleFiller, type Source, type Unfilled } from "./hole-filler.ts";
import { PeerSources } from "./peer-sources.ts";
import { RefusalLog } from "../node/refusal-log.ts";
import { RepairCallee } from "./repair-callee.ts";
import { Replacing } from "./replacing.ts";
import { verdictOn, type Verdict } from "./verdict.ts";

export interface RepairParts {
  readonly world: World;
  readonly logger: Logger;
  readonly id: NodeId;
  readonly path: string;
  readonly journal: Journal;
  /** What the journal gave back, as far as it was whole. */
  readonly recovered: Recovered;
  readonly snapshots: SnapshotFiles;
  /** The identity of the republic. */
  readonly republic: string;
  /** Where this node listens: others may need what is whole here. */
  readonly listen: readonly string[];
  /** Members that the directory remembers. */
  readonly known: readonly Citizen[];
  hello(): Hello;
  /** Who listens meanwhile lets in whom the node lets in. */
  guard(callee: RepairCallee): Callee<Request, Response>;
  /** Gives up. */
  readonly signal: AbortSignal;
}

const askAgainMs = 250;
/** Whoever stops since a slot is gone goes on answering those who look for other slots. */
const lastWordsMs = 3_000;

/**
 * Fills the damaged slots of a journal, and replaces by a snapshot of others what they have no more
 * either, or a snapshot that is damaged here; what nobody has, and was never chosen, stays damaged.
 * @returns What the journal gives back now.
 * @throws {KibitzerError} `KBZ_DAMAGED` when a slot is gone for good, `KBZ_ABORTED` by its signal.
 */
export async function repairJournal(parts: RepairParts): Promise<Recovered> {
  const { world, journal, recovered } = parts;
  if (journal.damaged.length === 0 && recovered.missing === 0) return recovered;
  const refusals = new RefusalLog({ logger: parts.logger, clock: world.clock });
  const callee = new RepairCallee(parts, refusals);
  const guarded = parts.guard(callee);
  const listeners: Listener[] = [];
  const sources = new PeerSources(parts);
  try {
    for (const url of parts.listen) listeners.push(await world.network.listen(url, guarded));
    return await new Repair(parts, callee, sources).run();
  } finally {
    await closeAll([...listeners, sources]);
    refusals.tellRest();
  }
}

class Repair {
  readonly #parts: RepairParts;
  readonly #callee: RepairCallee;
  readonly #sources: PeerSources;
  readonly #replacing: Replacing;
  #recovered: Recovered;
  #told = "";

  constructor(parts: RepairParts, callee: RepairCallee, sources: PeerSources) {
    this.#parts = parts;
    this.#callee = callee;
    this.#sources = sources;
    this.#replacing = new Replacing(parts);
    this.#recovered = parts.recovered;
  }

  async run(): Promise<Recovered> {
    const { journal, logger, signal, world } = this.#parts;
    const slots = countSlots(journal);
    logger.warn({ event: "damaged", slots }, `${slots} slots of the journal are damaged`);
    for (;;) {
      const verdicts = await this.#roundOrMore();
      if (verdicts === null) continue;
      const gone = verdicts.find(({ kind }) => kind === "gone");
      if (gone !== undefined) {
        this.#callee.waitsFor = `no member holds an intact copy of slot ${gone.slot}`;
        await pause(world.clock, lastWordsMs, signal);
        throw damagedSlot(this.#parts.path, gone.slot);
      }
      const waiting = verdicts.find((verdict) => verdict.kind === "wait");
      if (waiting === undefined) break;
      this.#tell(waiting);
      await pause(world.clock, askAgainMs, signal);
      if (signal.aborted) throw givenUp(this.#callee.waitsFor, signal.reason);
    }
    const left = countSlots(journal);
    logger.warn({ event: "repaired", slots: slots - left, left }, `${slots - left} slots repaired`);
    return this.#recovered;
  }

  /** As `#round`; null when damage was found on the way that is to be repaired with the rest. */
  async #roundOrMore(): Promise<readonly Verdict[] | null> {
    const { journal } = this.#parts;
    const before = journal.damaged;
    try {
      return await this.#round();
    } catch (error) {
      const isDamage = error instanceof KibitzerError && error.code === "KBZ_DAMAGED";
      if (isDamage && journal.damaged.some((range) => !isIn(range, before))) return null;
      throw error;
    }
  }

  /** Asks everybody once; tells what to think of each slot that could not be filled. */
  async #round(): Promise<readonly Verdict[]> {
    const { journal } = this.#parts;
    const sources = this.#sources.of(this.#members());
    const { republic, missing } = this.#recovered;
    if (missing > 0) return await this.#replaceUpTo(missing, sources);
    const filler = new HoleFiller(journal, sources, republic);
    const unfilled = await filler.fill(journal.damaged);
    const parliament = await this.#parliament(unfilled);
    const verdicts = unfilled.map((each) => verdictOn(each, journal.decided, parliament));
    const last = verdicts.findLast(({ kind }) => kind === "replace");
    return last === undefined ? verdicts : await this.#replaceUpTo(last.slot, sources);
  }

  /** Has a state of others stand for the log up to `slot`, and looks at the rest then. */
  async #replaceUpTo(slot: Slot, sources: readonly Source[]): Promise<readonly Verdict[]> {
    const replaced = await this.#replacing.upTo(slot, sources, this.#recovered);
    if (replaced === null) {
      return [{ kind: "wait", slot, members: sources.map(({ id }) => id) }];
    }
    this.#recovered = replaced;
    return await this.#round();
  }

  /** Whom to ask: those that the directory remembers, and those that the intact log names. */
  #members(): readonly Citizen[] {
    const { known, id } = this.#parts;
    const all = new Map<NodeId, Citizen>();
    for (const citizen of [...this.#recovered.republic.members, ...known]) {
      all.set(citizen.id, citizen);
    }
    all.delete(id);
    return [...all.values()];
  }

  /** Who governs the undecided slots; null while decided ones are missing. */
  async #parliament(unfilled: readonly Unfilled[]): Promise<readonly NodeId[] | null> {
    const { journal } = this.#parts;
    const isWhole = unfilled.every(({ slot }) => slot > journal.decided);
    if (unfilled.length === 0 || !isWhole) return null;
    const republic = new Republic(this.#recovered.republic);
    for await (const { decree } of journal.scan(republic.slot + 1, journal.decided)) {
      republic.apply(decree);
    }
    return republic.government?.parliament ?? null;
  }

  #tell(waiting: Verdict & { readonly kind: "wait" }): void {
    const { slot, members } = waiting;
    const text = `it waits for ${members.join(", ")}, which may hold slot ${slot}`;
    this.#callee.waitsFor = text;
    if (text === this.#told) return;
    this.#told = text;
    this.#parts.logger.warn({ event: "repairing", slot, members }, `repairing: ${text}`);
  }
}

function countSlots({ damaged }: Journal): number {
  return damaged.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

function givenUp(waitsFor: string, cause: unknown): KibitzerError {
  return new KibitzerError("KBZ_ABORTED", `The repair of the journal was given up: ${waitsFor}.`, {
    retryable: true,
    outcome: "none",
    cause,
  });
}

/** Whether one of `ranges` holds all of `range`. */
function isIn(range: SlotRange, ranges: readonly SlotRange[]): boolean {
  return ranges.some(({ first, last }) => first <= range.first && range.last <= last);
}
