/**
 * A node of a republic: wraps a Legislator and an Islander, records its inputs, calls its peers.
 * The public face; the parts and how they work together are the engine's.
 */
import type { Registry } from "prom-client";
import type { Government, NodeId, RepublicIdentity } from "../consensus/index.ts";
import type {
  EntriesOptions,
  Entry,
  Log,
  Membership,
  Answer,
  Published,
  MembershipChange,
  MembershipPreview,
  PromoteOptions,
  PublishOptions,
  QueryOptions,
  Seated,
  Status,
  WaitOptions,
} from "./api.ts";
import { checkOptions, optionNames } from "./arguments.ts";
import { writeBackup, type BackupOptions, type BackupSummary } from "./backup/backup-writing.ts";
import { checkedCitizen } from "./node/citizens.ts";
import { promotedTarget, writeAudit } from "./access/audit.ts";
import type { CertificateExpiry } from "./access/certificates.ts";
import { Security } from "./access/security.ts";
import { checkNodeOptions, configure, type KibitzerOptions } from "./configuration.ts";
import type { ConsensusState } from "./consensus-state.ts";
import { boundLogger } from "./node/bound-logger.ts";
import { Engine } from "./node/engine.ts";
import type { Envelope } from "./recording/envelope.ts";
import { asKibitzerError } from "./as-kibitzer-error.ts";
import {
  alreadyIn,
  checkJoinOptions,
  checkName,
  join,
  type FoundingOptions,
  type JoinOptions,
} from "./node/joining.ts";
import type { KibitzerError } from "./kibitzer-error.ts";
import { exile, exileOf, transfer, transferTo } from "./membership/membership.ts";
import { previewOf } from "./membership/preview.ts";
import { add, additionOf, demote, demotionOf, promote, promotionOf } from "./membership/seats.ts";
import type { InvitationOptions } from "./node/inviting.ts";
import { silent } from "./logger.ts";
import { nodeWorld } from "./system/node-world.ts";
import type { World } from "./world.ts";
import { checksOf, factsOf } from "./health/health.ts";
import { healthOf, type Health, type ProbeName } from "./health/probe.ts";
import { NodeMembership } from "./node/membership.ts";
import { closedError, noRepublicYet } from "./node/errors.ts";
import { handOver } from "./node/handing-over.ts";
import { ownBarrier } from "./node/own-barrier.ts";
import { ownEntries } from "./node/own-entries.ts";
import { ownGovernments } from "./node/own-governments.ts";
import { ownLog } from "./node/own-log.ts";
import { ownQuery } from "./node/own-query.ts";
import type { StateMachine } from "./machine/state-machine.ts";

export class Kibitzer implements Log, Membership {
  /** Resolves when the node has stopped: with its named error, or null after `close`. */
  readonly ended: Promise<KibitzerError | null>;
  readonly #engine: Engine;
  readonly #security: Security;
  #urls: readonly string[] = [];
  #closing: Promise<void> | null = null;

  private constructor(engine: Engine, security: Security, ended: Kibitzer["ended"]) {
    this.#engine = engine;
    this.#security = security;
    this.ended = ended;
  }

  /**
   * Opens a node on its data directory and listens; a node that is in a republic takes part from
   * now on.
   *
   * @throws {KibitzerError} `KBZ_IN_USE` when another process has the directory, `KBZ_ADDRESS` when
   *   an endpoint is unavailable, `KBZ_ARGUMENT` or `KBZ_ENDPOINT` when an option is wrong,
   *   `KBZ_DAMAGED` or `KBZ_VERSION` when the directory cannot be read.
   */
  static async open(options: KibitzerOptions): Promise<Kibitzer> {
    checkNodeOptions(options);
    const late: { kibitzer: Kibitzer | null } = { kibitzer: null };
    const { id, logger = silent } = options;
    const told = boundLogger(logger, () => late.kibitzer ?? { id, republic: null });
    const security = await Security.open(options, told);
    try {
      late.kibitzer = await Kibitzer.#open(options, security);
      return late.kibitzer;
    } catch (error) {
      security[Symbol.dispose]();
      throw error;
    }
  }

  static async #open(options: KibitzerOptions, security: Security): Promise<Kibitzer> {
    const world = (): World => nodeWorld(security.credentials);
    const configuration = configure(options, world, security);
    const { promise, resolve } = Promise.withResolvers<KibitzerError | null>();
    const late: { kibitzer: Kibitzer | null } = { kibitzer: null };
    const engine = await Engine.open(configuration, (error) => {
      resolve(error);
      if (late.kibitzer !== null) closeQuietly(late.kibitzer);
    }).catch((error: unknown) => {
      throw asKibitzerError(error);
    });
    engine.meter.certificates = () => security.credentials.expiries;
    const kibitzer = new Kibitzer(engine, security, promise);
    late.kibitzer = kibitzer;
    engine.over.signal.addEventListener("abort", () => resolve(null), { once: true });
    try {
      if (configuration.machine !== null) await kibitzer.attach(configuration.machine);
      kibitzer.#urls = await engine.start();
      return kibitzer;
    } catch (error) {
      await kibitzer.close();
      throw asKibitzerError(error);
    }
  }

  /** Rebuilds a node's consensus state from what it played, without any I/O (contract C1). */
  static async replay(
    envelopes: Iterable<Envelope> | AsyncIterable<Envelope>,
  ): Promise<ConsensusState> {
    const { replayEnvelopes } = await import("./recording/replay.ts");
    return await replayEnvelopes(envelopes);
  }

  get id(): string {
    return this.#engine.directory.record.id;
  }
  /** The advertised endpoint. */
  get url(): string {
    return this.#engine.url;
  }
  /** Where this node listens. */
  get urls(): readonly string[] {
    return this.#urls;
  }
  /** The republic this node is in, or null before it founded or joined one. */
  get republic(): RepublicIdentity | null {
    return this.#engine.republic;
  }
  /** The publisher id under which this node publishes now, or null before its first entry. */
  get publisher(): string | null {
    return this.#engine.publishing.publisher;
  }

  /** When the certificates that are in use now expire; empty without TLS. */
  get certificateExpiries(): readonly CertificateExpiry[] {
    return this.#security.credentials.expiries;
  }

  /**
   * Looks now whether certificates, tokens or their file have changed, which is otherwise noticed
   * by itself; what is broken is not taken, and the log says so.
   */
  async reload(): Promise<void> {
    await this.#security.reload();
  }

  /**
   * Founds a republic with this node as its whole parliament; resolves once that is on disk.
   * @throws {KibitzerError} `KBZ_BOOTSTRAPPED` when the directory belongs to a republic already.
   */
  async bootstrap(name: string, properties: Readonly<Record<string, string>> = {}): Promise<void> {
    const engine = this.#engine;
    checkName(name);
    const known = engine.identity;
    // One that was interrupted is seen through; but a republic that was joined was born elsewhere.
    const isBegun = known?.name === name && engine.directory.record.contacts === null;
    if (engine.republic !== null || (known !== null && !isBegun)) {
      throw alreadyIn(engine.republic ?? known, "bootstrap");
    }
    const { parliamentSize, world } = engine.configuration;
    const { chance } = world;
    const founder = checkedCitizen(engine.citizen(properties));
    const republic = known ?? { name, identity: chance.hex16() };
    await engine.belongTo(republic, null);
    engine.play({ kind: "bootstrap", republic, founder, parliamentSize });
    await engine.changed.until(() => engine.republic !== null, engine.over.signal);
    if (engine.republic === null) throw closedError();
  }

  /**
   * Joins the republic of the nodes at `peers`, which are asked in turn; resolves once the log
   * shows this node as a member. Asks again by itself, where the peers are then: a peer may be an
   * endpoint, `dns+ws://HOST:PORT`, `srv+ws://_SERVICE._tcp.DOMAIN` or `file:PATH`. Joining a
   * republic that this node is in already changes nothing.
   *
   * @param republic The name insisted on, or null to take the one that is found.
   * @throws {KibitzerError} `KBZ_REPUBLIC`, `KBZ_ID_TAKEN`, `KBZ_EXILED`, `KBZ_ABORTED`,
   *   `KBZ_UNREACHABLE` or `KBZ_NO_QUORUM` when `timeoutMs` is over.
   */
  async join(
    republic: string | null,
    peers: string | readonly string[],
    options: JoinOptions = {},
  ): Promise<void> {
    checkJoinOptions(options, "join");
    await join(this.#engine, { republic, sources: [peers].flat(), ...options });
  }

  /**
   * For nodes that are all started alike: the first of `founders` founds the republic once each
   * other founder says that it knows of none, and so does whoever else is found at `peers`; all
   * others join. Where a republic is there already, everyone joins it.
   */
  async foundOrJoin(
    republic: string,
    peers: string | readonly string[],
    options: FoundingOptions,
  ): Promise<void> {
    checkJoinOptions(options, "found");
    const engine = this.#engine;
    // Once founded, it is the founder's as it is everybody's.
    const isFounding = engine.identity !== null && engine.republic === null;
    const isBegun = isFounding && engine.directory.record.contacts === null;
    const asked = { republic, sources: [peers].flat(), ...options };
    if (isBegun || (await join(engine, asked)) === "mayFound") {
      await this.bootstrap(republic, options.properties);
    }
  }

  /**
   * Waits for a member of a republic that invites this node (`add`), and joins that republic;
   * resolves once the log shows this node as a member.
   * @throws {KibitzerError} `KBZ_REPUBLIC` when it is in one already.
   * @throws the signal's reason when it aborts.
   */
  async awaitInvitation(options: InvitationOptions = {}): Promise<void> {
    await this.#engine.invitations.accept(options);
  }

  /**
   * Resolves once this node has caught up with what was decided when it was asked, and serves.
   * @throws the signal's reason when it aborts; {KibitzerError} when the node stops.
   */
  async ready(options: WaitOptions = {}): Promise<void> {
    await this.barrier(options);
  }

  /**
   * Has `machine` apply the decided entries; at most one, at any time. Every node that publishes,
   * or is asked by clients, needs its own. Resolves once it goes on from the latest snapshot that
   * holds it, or begins with the first entry.
   *
   * @throws {KibitzerError} `KBZ_ARGUMENT` when there is one already, or it is none.
   */
  async attach(machine: StateMachine): Promise<void> {
    await this.#engine.machine.attach(machine);
  }

  async query(question: Uint8Array, options: QueryOptions = {}): Promise<Answer> {
    checkOptions(options, optionNames.query);
    return await ownQuery(this.#engine, question, options);
  }

  async publish(entry: string | Uint8Array, options?: PublishOptions): Promise<Published> {
    if (options !== undefined) checkOptions(options, optionNames.publish);
    const { identity, over } = this.#engine;
    if (identity === null && !over.signal.aborted) throw noRepublicYet();
    return await this.#engine.publishing.publish(entry, options);
  }

  entries(options: EntriesOptions = {}): AsyncGenerator<Entry, void, void> {
    return ownEntries(this.#engine, options);
  }

  async barrier(
    options: WaitOptions = {},
  ): Promise<{ readonly index: number; readonly slot: number }> {
    checkOptions(options, optionNames.wait);
    return await ownBarrier(this.#engine, options);
  }

  /**
   * The bytes of a backup of the log: all that was acknowledged before the call, from this node's
   * own journal, checked as it is read; where its beginning was removed, from its newest snapshot
   * on. The generator returns what the backup holds.
   */
  backup(options: BackupOptions = {}): AsyncGenerator<Uint8Array, BackupSummary, void> {
    checkOptions(options, optionNames.backup);
    return writeBackup(ownLog(this.#engine, this.#barrier(options)), options);
  }

  async status(options: WaitOptions = {}): Promise<Status> {
    checkOptions(options, optionNames.wait);
    return await this.#engine.status(options.signal ?? this.#engine.over.signal);
  }

  /** The metrics of this node and of its process, in the text format of Prometheus. */
  async metrics(): Promise<string> {
    return (await this.#engine.metrics.text()).text;
  }

  /** Puts this node's metrics into a registry of prom-client's; at most one node into each. */
  async registerMetrics(registry: Registry): Promise<void> {
    await this.#engine.metrics.registerIn(registry);
  }

  /** How this node is, as its HTTP endpoint of that name tells. */
  health(probe: ProbeName): Health {
    return healthOf(checksOf(factsOf(this.#engine), probe));
  }

  /** Each government from the one in force now on, as it comes into force here. */
  governments(options: WaitOptions = {}): AsyncGenerator<Government, void, void> {
    return ownGovernments(this.#engine, options);
  }

  /** What this node played so far, as recorded; empty when recording is off. */
  played(): AsyncIterable<Envelope> {
    return this.#engine.played();
  }

  async exile(id: NodeId, options: WaitOptions = {}): Promise<void> {
    this.#audit("exile", id);
    await exile(this.#membership(exileOf(id), options), id);
  }

  async transfer(
    to: NodeId | null = null,
    options: WaitOptions = {},
  ): Promise<{ readonly leader: NodeId }> {
    this.#audit("transfer", to);
    return { leader: await transfer(this.#membership(transferTo(to), options), to) };
  }

  /**
   * Stops gracefully: hands leadership over first, when there is anybody to take it, so that the
   * republic goes on without a pause. Ends within a bound.
   */
  async stop(): Promise<void> {
    this.#engine.isDraining = true;
    await handOver(this.#engine);
    await this.#engine.http.finish();
    await this.close();
  }

  /**
   * Stops at once: what is under way in the journal is finished, everything else ends with the
   * truth.
   */
  async close(): Promise<void> {
    this.#security[Symbol.dispose]();
    this.#closing ??= this.#engine.close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async add(url: string, options: WaitOptions = {}): Promise<Seated & { readonly id: NodeId }> {
    this.#audit("add", url);
    return await add(this.#membership(additionOf(url), options), url);
  }

  async promote(id: NodeId, options: PromoteOptions = {}): Promise<Seated> {
    const insteadOf = options.insteadOf ?? null;
    this.#audit("promote", promotedTarget(id, insteadOf));
    const membership = this.#membership(promotionOf(id), options, optionNames.promote);
    return await promote(membership, id, insteadOf);
  }

  async demote(id: NodeId, options: WaitOptions = {}): Promise<void> {
    this.#audit("demote", id);
    await demote(this.#membership(demotionOf(id), options), id);
  }

  async preview(change: MembershipChange, options: WaitOptions = {}): Promise<MembershipPreview> {
    return previewOf(await this.status(options), change);
  }

  #audit(action: string, target: string | null): void {
    const asking = { who: "the program of this node", address: "here" } as const;
    writeAudit(this.#engine.logger, { action, target, ...asking });
  }

  #membership(what: string, options: WaitOptions, known = optionNames.wait): NodeMembership {
    checkOptions(options, known);
    const { signal } = options;
    return new NodeMembership(this.#engine, { what, signal, barrier: this.#barrier(options) });
  }

  #barrier(options: WaitOptions): () => Promise<{ readonly slot: number }> {
    return async () => await ownBarrier(this.#engine, options);
  }
}

/** The node has failed already; whoever calls close is told what goes wrong with that. */
function closeQuietly(kibitzer: Kibitzer): void {
  kibitzer.close().catch(() => undefined);
}
