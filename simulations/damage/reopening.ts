/**
 * Opens a stopped node's directory as the node's start does, repair from its peers included, and
 * tells all that the start found: every slot, every promise. Runs no core.
 */
import { compareBallots, hashZero, type Ballot } from "../../consensus/index.ts";
import type { Callee, Caller, Hello, Listener, Transport } from "../../transport/index.ts";
import { requestCodec } from "../../src/codec/request-codec.ts";
import { responseCodec } from "../../src/codec/response-codec.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import { configure } from "../../src/configuration.ts";
import { silent } from "../../src/logger.ts";
import { helloOf, urlOf } from "../../src/node/introduction.ts";
import { openRepaired } from "../../src/node/mending.ts";
import { durableState } from "../../src/node/recovery.ts";
import { PeerSources } from "../../src/repair/peer-sources.ts";
import { ReadMender } from "../../src/repair/read-mender.ts";
import { answerRepair } from "../../src/repair/repair-answer.ts";
import type { Request, Response } from "../../src/requests.ts";
import { SnapshotFiles } from "../../src/snapshots/snapshot-files.ts";
import { Bodies } from "../../src/storage/bodies.ts";
import { DataDirectory } from "../../src/storage/directory.ts";
import type { SlotRange } from "../../src/storage/holes.ts";
import type { Journal } from "../../src/storage/journal.ts";
import type { World } from "../../src/world.ts";

/** What a start finds. */
export interface Reopened {
  readonly id: string;
  readonly promised: Ballot;
  readonly accepted: Ballot;
  readonly decided: number;
  readonly stateHash: string;
  /** With which slot the log begins. */
  readonly first: number;
  /** Hash and checksum of the bytes of each slot, from there on. */
  readonly slots: readonly string[];
  /** Whether something was not what was written. */
  readonly isMended: boolean;
}

export type WorldParts = Pick<World, "files" | "clock" | "chance">;

export interface Opened extends Intact {
  readonly directory: DataDirectory;
}

function fail(error: Error): never {
  throw error;
}

/** What a node has that answers. */
export interface Intact {
  readonly journal: Journal;
  readonly snapshots: SnapshotFiles;
}

async function answerOf({ journal, snapshots }: Intact, asked: Request): Promise<Response> {
  if (asked.method === "repair") return await answerRepair(journal, asked);
  if (asked.method !== "snapshot") throw new Error(`nobody asks for ${asked.method}`);
  const piece = await snapshots.piece(asked.slot, asked.offset, asked.bytesMax);
  if (piece === null) return { kind: "refused", reason: "notFound", leader: null };
  return { kind: "chunk", offset: asked.offset, ...piece };
}

/** The other nodes: their journals answer at once, over no network but through its codecs. */
export class Peers implements Transport<Request, Response> {
  readonly #nodes: ReadonlyMap<string, Intact>;

  constructor(nodes: ReadonlyMap<string, Intact>) {
    this.#nodes = nodes;
  }

  async listen(url: string, callee: Callee<Request, Response>): Promise<Listener> {
    callee.hello();
    return { url, [Symbol.asyncDispose]: async () => undefined };
  }

  connect(url: string): Caller<Request, Response> {
    const node = this.#nodes.get(url) ?? null;
    return {
      url,
      remote: null,
      connected: node !== null,
      queuedBytes: 0,
      call: async (request) => {
        const asked = requestCodec.decode(Buffer.concat(requestCodec.encode(request)));
        if (node === null) throw new Error(`nobody is at ${url}`);
        const answer = await answerOf(node, asked);
        return responseCodec.decode(Buffer.concat(responseCodec.encode(answer)));
      },
      tell: () => false,
      hurry: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

/** Opens a node's directory and journal; the caller closes both. */
export async function openStopped(
  world: WorldParts,
  network: World["network"],
  path: string,
): Promise<Opened & { readonly reopened: Reopened }> {
  const whole = { ...world, network };
  const configuration = configure({ directory: path, world: whole }, () => whole);
  const { files, chance } = world;
  const directory = await DataDirectory.open({ files, path, chance });
  try {
    // As of a node that runs: what a reader finds damaged is asked of the others.
    const late: { engine: unknown; journal: Journal | null } = { engine: null, journal: null };
    const { record } = directory;
    const hello = (): Hello => helloOf(record, urlOf(record, []), []);
    await using sources = new PeerSources({ world: whole, logger: silent, hello });
    const { peers, contacts } = record;
    const mender = new ReadMender({
      path,
      logger: silent,
      sources: () => sources.of([...(contacts ?? []), ...peers]),
      journal: () => late.journal,
    });
    const mend = async (range: SlotRange): Promise<void> => await mender.mend(range);
    const events = { onPersisted: () => undefined, onFailed: fail, mend };
    const opened = await openRepaired({ configuration, directory, events, late });
    if (opened === null) throw new Error(`${path} is in no republic`);
    const { journal, recovered } = opened;
    late.journal = journal;
    late.engine = journal;
    try {
      const durable = await durableState(opened, new Bodies());
      const slots: string[] = [];
      const isLost = durable.lostUpTo > 0;
      const last = isLost ? recovered.decided + durable.decrees.length : journal.length;
      const first = journal.past.slotFirst;
      for await (const { decree, body } of journal.scan(first, last)) {
        slots.push(`${decree.hash} ${body === null ? hashZero : crc32(body)}`);
      }
      const { promised, accepted, republic } = durable;
      const isMended = recovered.findings.length + directory.findings.length + mender.mended > 0;
      const reopened = {
        id: directory.record.id,
        promised,
        accepted,
        decided: recovered.decided,
        stateHash: republic.stateHash,
        first,
        slots,
        isMended,
      };
      const snapshots = new SnapshotFiles(files, path);
      return { directory, journal, snapshots, reopened };
    } catch (error) {
      await journal.close();
      throw error;
    }
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

/** Why `found` is not what stood there, or null. */
export function objection(found: Reopened, expected: Reopened): string | null {
  if (found.id !== expected.id) return `it is ${found.id}`;
  if (compareBallots(found.promised, expected.promised) !== 0) return "another promise";
  if (compareBallots(found.accepted, expected.accepted) !== 0) return "another ballot of the log";
  if (found.decided !== expected.decided) return `decided up to ${found.decided}`;
  if (found.stateHash !== expected.stateHash) return "another state";
  // A snapshot of others may stand for what they have no more either.
  if (found.first < expected.first) return `it begins with slot ${found.first}`;
  const slots = expected.slots.slice(found.first - expected.first);
  if (found.slots.length !== slots.length) return `a log of ${found.slots.length} slots`;
  const at = found.slots.findIndex((text, position) => text !== slots[position]);
  return at >= 0 ? `another slot ${found.first + at}` : null;
}
