/**
 * A client of a republic: publishes exactly once and reads the log through whichever endpoint
 * answers. Holds no part of the log, and loads nothing that touches a disk.
 *
 * @module kibitzer/client/client
 */
import { assert, type NodeId } from "../../consensus/index.ts";
import type { Dialler } from "../../transport/portable.ts";
import type {
  EntriesOptions,
  Entry,
  Log,
  Membership,
  Answer,
  Published,
  PublishedMany,
  MembershipChange,
  MembershipPreview,
  PromoteOptions,
  PublishOptions,
  QueryOptions,
  Seated,
  Status,
  TimeLimit,
  WaitOptions,
} from "../api.ts";
import type { BackupOptions, BackupSummary } from "../backup/backup-writing.ts";
import {
  checkedTimeout,
  checkOptions,
  optionNames,
  optionsFault,
  type OptionNames,
} from "../arguments.ts";
import { ClientAsking } from "./asking.ts";
import { backUp } from "./backup.ts";
import type { TlsOptions, TokenOption } from "../access/credential-options.ts";
import { describe, unreachable } from "./errors.ts";
import { ClientLink } from "./link.ts";
import { ClientMembership } from "./membership.ts";
import { publishingOver } from "./publishing-over.ts";
import {
  readAll,
  readEntries,
  readingNames,
  type ClientReaderOptions,
  type Reading,
  type ReadingOptions,
} from "./reader.ts";
import { WithoutMachine } from "./without-machine.ts";
import { Deadline } from "../deadline.ts";
import { exile, exileOf, transfer, transferTo } from "../membership/membership.ts";
import type { Logger } from "../logger.ts";
import { queryOf } from "../machine/query.ts";
import { previewOf } from "../membership/preview.ts";
import { add, additionOf, demote, demotionOf, promote, promotionOf } from "../membership/seats.ts";
import type { Publishing } from "../publishing/publishing.ts";
import type { Request, Response } from "../requests.ts";
import { isStatus } from "../codec/status-document.ts";
import type { Chance, Clock } from "../world.ts";

/** What a client needs of the world. */
export interface ClientWorld {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly network: Dialler<Request, Response>;
  /** Called once when the client is closed. */
  released?(): void;
}

export interface ClientOptions {
  /** For connecting, and for each `barrier`, `status` and change of members; default 30 s. */
  readonly timeoutMs?: number;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
  /** Called once when nobody has answered for a second: which endpoints did what instead. */
  waiting?(found: string): void;
  /** Goes on as the publisher of an earlier client, which is no more: see `publisher`. */
  readonly publisher?: { readonly publisher: string; readonly sequenceNext: number };
  /** What it presents at `wss://` and `tls://` endpoints, and whose certificates it believes. */
  readonly tls?: Omit<TlsOptions, "clientCa">;
  /** What it gives to be let in: a token, or the file that holds it. */
  readonly token?: TokenOption;
  /** Told when new files of certificates or a token are in use, or of no use; default silent. */
  readonly logger?: Logger;
  readonly world?: ClientWorld;
}

const timeLimitNames: OptionNames<TimeLimit> = { timeoutMs: true };
const publishNames = { ...optionNames.publish, ...timeLimitNames };

const timeoutMsDefault = 30_000;
/** How long nobody may answer before that is told. */
const patienceMs = 1000;
const questionMs = 5000;

export class KibitzerClient implements Log, Membership {
  readonly #link: ClientLink;
  readonly #asking: ClientAsking;
  readonly #publishing: Publishing;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  private constructor(parts: {
    readonly link: ClientLink;
    readonly asking: ClientAsking;
    readonly publishing: Publishing;
    readonly clock: Clock;
    readonly timeoutMs: number;
  }) {
    this.#link = parts.link;
    this.#asking = parts.asking;
    this.#publishing = parts.publishing;
    this.#clock = parts.clock;
    this.#timeoutMs = parts.timeoutMs;
  }

  /**
   * For the doors only, which offer it as `connect`, and check what they are given.
   * @param urls At least one, each once.
   */
  static async open(
    urls: readonly string[],
    options: ClientOptions,
    world: ClientWorld,
  ): Promise<KibitzerClient> {
    const { publisher } = options;
    const { timeoutMs = timeoutMsDefault } = options;
    const link = new ClientLink({ urls, ...world });
    link.closing.addEventListener("abort", () => world.released?.(), { once: true });
    try {
      const publishing = publishingOver(link, world, publisher);
      await reached(link, { ...options, urls, clock: world.clock, timeoutMs });
      const { clock, chance } = world;
      const asking = new ClientAsking({ link, urls, clock, chance });
      return new KibitzerClient({ link, asking, publishing, clock, timeoutMs });
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  /** The endpoint in use, or the one used last. */
  get endpoint(): string {
    return this.#link.url;
  }

  /** The id under which entries are published, or null before the first is. */
  get publisher(): string | null {
    return this.#publishing.publisher;
  }

  /** The number that the next entry gets in the publisher's order. */
  get sequenceNext(): number {
    return this.#publishing.sequenceNext;
  }

  /**
   * Resolves once a majority of the parliament has the entry on disk, however many endpoints that
   * takes; it waits for as long as `signal` and `timeoutMs` let it. Entries are decided in the
   * order of the calls.
   */
  publish(entry: string | Uint8Array, options?: PublishOptions & TimeLimit): Promise<Published> {
    if (options === undefined) return this.#publishing.publish(entry);
    const fault = optionsFault(options, publishNames);
    if (fault !== null) return Promise.reject(fault);
    if (options.timeoutMs === undefined) return this.#publishing.publish(entry, options);
    return this.#limited(options, (limited) => this.#publishing.publish(entry, limited));
  }

  /**
   * Publishes `entries` as neighbours: all of them or none. The result has the first's `index`, and
   * what a state machine made of each.
   * @throws {KibitzerError} as `publish` does; `KBZ_TOO_LARGE` when they do not fit into one batch.
   */
  publishMany(
    entries: readonly (string | Uint8Array)[],
    options: PublishOptions & TimeLimit = {},
  ): Promise<PublishedMany> {
    const fault = optionsFault(options, publishNames);
    if (fault !== null) return Promise.reject(fault);
    return this.#limited(options, (limited) => this.#publishing.publishMany(entries, limited));
  }

  /** What the endpoint in use has; after a change of endpoint it goes on at the next index. */
  entries(options: EntriesOptions & TimeLimit = {}): AsyncGenerator<Entry, void, void> {
    return readEntries(this.#reader(options, optionNames.entries), options);
  }

  /**
   * The same, one reading of an endpoint after the other, empty ones too: nothing new is news, and
   * comes every `heartbeatMs`.
   */
  readings(options: ReadingOptions & TimeLimit = {}): AsyncGenerator<Reading, void, void> {
    return readAll(this.#reader(options, readingNames), options);
  }

  /** Reads at the endpoint in use after this are linearizable, as long as it stays in use. */
  async barrier(
    options: WaitOptions & TimeLimit = {},
  ): Promise<{ readonly index: number; readonly slot: number }> {
    const { index, slot } = await this.#asking.ask({
      request: { method: "barrier", hops: 0 },
      wanted: "barrier",
      lane: "control",
      needsQuorum: true,
      attemptMs: questionMs,
      timeoutMs: this.#msOf(options),
      signal: options.signal,
    });
    return { index, slot };
  }

  /** What the state machine of the endpoint in use says. */
  async query(question: Uint8Array, options: QueryOptions & TimeLimit = {}): Promise<Answer> {
    const timeoutMs = this.#msOf(options, optionNames.query);
    const request = queryOf(question, options);
    const without = new WithoutMachine(this.#asking);
    const { index, answer } = await this.#asking.ask({
      request,
      wanted: "answer",
      lane: "bulk",
      needsQuorum: !request.isStale,
      attemptMs: questionMs + request.waitMs,
      timeoutMs: timeoutMs + request.waitMs,
      signal: options.signal,
      finalRefusal: (reason, url) => (reason === "noMachine" ? without.at(url) : null),
    });
    return { index, bytes: answer };
  }

  /**
   * The bytes of a backup of the log: all that was acknowledged before the call, checked as it
   * comes. What comes from several endpoints is one log. Where its beginning was removed at the
   * endpoint in use, it begins with a snapshot. The generator returns what is in it.
   */
  backup(options: BackupOptions & TimeLimit = {}): AsyncGenerator<Uint8Array, BackupSummary, void> {
    const { signal } = options;
    const timeoutMs = this.#msOf(options, optionNames.backup);
    const barrier = async (): Promise<{ readonly slot: number }> =>
      await this.barrier(signal === undefined ? { timeoutMs } : { signal, timeoutMs });
    const parts = { asking: this.#asking, clock: this.#clock, timeoutMs };
    return backUp({ ...parts, attemptMs: questionMs, barrier }, options);
  }

  /** The cluster as the endpoint in use sees it. */
  async status(options: WaitOptions & TimeLimit = {}): Promise<Status> {
    const { document } = await this.#asking.ask({
      request: { method: "status" },
      wanted: "document",
      lane: "control",
      needsQuorum: false,
      attemptMs: questionMs,
      timeoutMs: this.#msOf(options),
      signal: options.signal,
      faultOf: ({ document }) => (isStatus(document) ? null : "what is no status"),
    });
    assert(isStatus(document), "an answer with a fault is asked for again");
    return document;
  }

  async exile(id: NodeId, options: WaitOptions & TimeLimit = {}): Promise<void> {
    using membership = this.#membership(exileOf(id), options);
    await exile(membership, id);
  }

  async transfer(
    to: NodeId | null = null,
    options: WaitOptions & TimeLimit = {},
  ): Promise<{ readonly leader: NodeId }> {
    using membership = this.#membership(transferTo(to), options);
    return { leader: await transfer(membership, to) };
  }

  async add(
    url: string,
    options: WaitOptions & TimeLimit = {},
  ): Promise<Seated & { readonly id: NodeId }> {
    using membership = this.#membership(additionOf(url), options);
    return await add(membership, url);
  }

  async promote(id: NodeId, options: PromoteOptions & TimeLimit = {}): Promise<Seated> {
    using membership = this.#membership(promotionOf(id), options, optionNames.promote);
    return await promote(membership, id, options.insteadOf ?? null);
  }

  async demote(id: NodeId, options: WaitOptions & TimeLimit = {}): Promise<void> {
    using membership = this.#membership(demotionOf(id), options);
    await demote(membership, id);
  }

  async preview(
    change: MembershipChange,
    options: WaitOptions & TimeLimit = {},
  ): Promise<MembershipPreview> {
    return previewOf(await this.status(options), change);
  }

  /** Unsettled publishes reject with the truth, readings end; waits until connections are gone. */
  async close(): Promise<void> {
    this.#publishing.close();
    await this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #reader(options: TimeLimit, known: OptionNames<EntriesOptions>): ClientReaderOptions {
    const { closing } = this.#link;
    const timeoutMs = this.#msOf(options, known);
    return { asking: this.#asking, clock: this.#clock, closing, timeoutMs };
  }

  /** @param known What else there may be. */
  #msOf(options: TimeLimit, known: OptionNames<WaitOptions> = optionNames.wait): number {
    checkOptions(options, { ...known, ...timeLimitNames });
    return checkedTimeout(options.timeoutMs ?? this.#timeoutMs);
  }

  /** A publish has no time limit of its own: what is submitted is best waited for. */
  async #limited<Value>(
    options: PublishOptions & TimeLimit,
    publish: (options: PublishOptions) => Promise<Value>,
  ): Promise<Value> {
    const { timeoutMs, signal, wait } = options;
    const plain = wait === undefined ? {} : { wait };
    if (timeoutMs === undefined) {
      return await publish(signal === undefined ? plain : { ...plain, signal });
    }
    using deadline = new Deadline(this.#clock, checkedTimeout(timeoutMs), signal);
    return await publish({ ...plain, signal: deadline.signal });
  }

  #membership(
    what: string,
    options: WaitOptions & TimeLimit,
    known = optionNames.wait,
  ): ClientMembership {
    return new ClientMembership({
      what,
      link: this.#link,
      asking: this.#asking,
      clock: this.#clock,
      attemptMs: questionMs,
      timeoutMs: this.#msOf(options, known),
      signal: options.signal,
    });
  }
}

/** Waits for the first endpoint that answers. */
async function reached(
  link: ClientLink,
  wait: {
    readonly urls: readonly string[];
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
    waiting?(found: string): void;
  },
): Promise<void> {
  using deadline = new Deadline(wait.clock, wait.timeoutMs, wait.signal);
  const tell = (): void => wait.waiting?.(describe(wait.urls, link.failures));
  const impatience = wait.waiting === undefined ? null : wait.clock.after(patienceMs, tell);
  try {
    await link.reach(deadline.signal);
  } catch (error) {
    if (!deadline.isOver) throw error;
    throw unreachable(wait.urls, { ms: wait.timeoutMs, failures: link.failures });
  } finally {
    impatience?.cancel();
  }
}
