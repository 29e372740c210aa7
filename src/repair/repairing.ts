/**
 * The repair of a journal at a node's start, before its core runs: damaged slots are filled from
 * other members, whose own repair it helps at the same time. Ends when the log is whole as far as
 * anybody has it; waits for members that may have more; stops when nobody can.
 */
import {
  emptyRepublic,
  Republic,
  type Citizen,
  type NodeId,
  type RepublicState,
} from "../../consensus/index.ts";
import type { Hello, Listener } from "../../transport/index.ts";
import { closeAll } from "../close-all.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import { pause } from "../pause.ts";
import { damagedSlot } from "../storage/damage.ts";
import type { Journal } from "../storage/journal.ts";
import type { World } from "../world.ts";
import { HoleFiller, type Unfilled } from "./hole-filler.ts";
import { PeerSources } from "./peer-sources.ts";
import { RepairCallee } from "./repair-callee.ts";
import { verdictOn, type Verdict } from "./verdict.ts";

export interface RepairParts {
  readonly world: World;
  readonly logger: Logger;
  readonly id: NodeId;
  readonly path: string;
  readonly journal: Journal;
  /** Where this node listens: others may need what is whole here. */
  readonly listen: readonly string[];
  /** Members that the directory remembers. */
  readonly known: readonly Citizen[];
  hello(): Hello;
  /** Gives up. */
  readonly signal: AbortSignal;
}

const askAgainMs = 250;
/** Whoever stops since a slot is gone goes on answering those who look for other slots. */
const lastWordsMs = 3_000;

/**
 * Fills the damaged slots of a journal; what nobody has, and was never chosen, stays damaged.
 * @throws {KibitzerError} `KBZ_DAMAGED` when a slot is gone for good, `KBZ_ABORTED` by its signal.
 */
export async function repairJournal(parts: RepairParts): Promise<void> {
  const { world, journal } = parts;
  if (journal.damaged.length === 0) return;
  const callee = new RepairCallee(journal, () => parts.hello());
  const listeners: Listener[] = [];
  const sources = new PeerSources(parts);
  try {
    for (const url of parts.listen) listeners.push(await world.network.listen(url, callee));
    await new Repair(parts, callee, sources).run();
  } finally {
    await closeAll([...listeners, sources]);
  }
}

class Repair {
  readonly #parts: RepairParts;
  readonly #callee: RepairCallee;
  readonly #sources: PeerSources;
  #told = "";

  constructor(parts: RepairParts, callee: RepairCallee, sources: PeerSources) {
    this.#parts = parts;
    this.#callee = callee;
    this.#sources = sources;
  }

  async run(): Promise<void> {
    const { journal, logger, signal, world } = this.#parts;
    const slots = countSlots(journal);
    logger.warn({ event: "damaged", slots }, `${slots} slots of the journal are damaged`);
    for (;;) {
      const verdicts = await this.#round();
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
  }

  /** Asks everybody once; tells what to think of each slot that could not be filled. */
  async #round(): Promise<readonly Verdict[]> {
    const { journal } = this.#parts;
    const members = await this.#members();
    const filler = new HoleFiller(journal, this.#sources.of(members));
    const unfilled = await filler.fill(journal.damaged);
    const parliament = await this.#parliament(unfilled);
    return unfilled.map((each) => verdictOn(each, journal.decided, parliament));
  }

  /** Whom to ask: those that the directory remembers, and those that the intact log names. */
  async #members(): Promise<readonly Citizen[]> {
    const { journal, known, id } = this.#parts;
    const first = journal.damaged[0]?.first ?? journal.length + 1;
    const { members } = await foldUpTo(journal, Math.min(journal.decided, first - 1));
    const all = new Map<NodeId, Citizen>();
    for (const citizen of [...members, ...known]) all.set(citizen.id, citizen);
    all.delete(id);
    return [...all.values()];
  }

  /** Who governs the undecided slots; null while decided ones are missing. */
  async #parliament(unfilled: readonly Unfilled[]): Promise<readonly NodeId[] | null> {
    const { journal } = this.#parts;
    const isWhole = unfilled.every(({ slot }) => slot > journal.decided);
    if (unfilled.length === 0 || !isWhole) return null;
    const { government } = await foldUpTo(journal, journal.decided);
    return government?.parliament ?? null;
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

async function foldUpTo(journal: Journal, slot: number): Promise<RepublicState> {
  const republic = new Republic(emptyRepublic());
  for await (const { decree } of journal.scan(1, slot)) republic.apply(decree);
  return republic.state();
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
