/**
 * The running parts of one node, and how an outcome of the core is carried out: journal, peers,
 * reader, service, publisher. Decides nothing; stops everything when one part fails for good.
 */
import {
  assert,
  Islander,
  Legislator,
  type Citizen,
  type LegislatorView,
  type Outcome,
  type RepublicIdentity,
  type SlotDispatch,
} from "../../consensus/index.ts";
import type { Hello, Listener } from "../../transport/index.ts";
import type { Status } from "../api.ts";
import { Bell } from "./bell.ts";
import { boundLogger } from "./bound-logger.ts";
import { closeAll } from "../close-all.ts";
import type { Configuration } from "../configuration.ts";
import { ConsensusState } from "../consensus-state.ts";
import { checkListeners, makeMachineDesk, makeService, type EngineParts } from "./engine-parts.ts";
import { haltError } from "./halt-error.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import { closedError } from "./errors.ts";
import { helloOf, logRefounded, urlOf } from "./introduction.ts";
import { Invitations } from "./inviting.ts";
import { vestibuleOf, type Vestibule } from "../health/vestibule.ts";
import { HttpDoor } from "../http/door.ts";
import { gateOf, type Gate } from "../access/gate.ts";
import { journalEvents } from "./journal-events.ts";
import { Leadership } from "./leadership.ts";
import { LogReader } from "./log-reader.ts";
import { makePublishing } from "./node-publishing.ts";
import { NodeSnapshots } from "./node-snapshots.ts";
import type { Logger } from "../logger.ts";
import type { MachineDesk } from "../machine/machine-desk.ts";
import { Meter } from "../metrics/meter.ts";
import { MeteredCallee } from "../metrics/metered-callee.ts";
import { Metrics } from "../metrics/metrics.ts";
import { Peers } from "./peers.ts";
import type { Publishing } from "../publishing/publishing.ts";
import type { Envelope } from "../recording/envelope.ts";
import type { EnvelopeRecorder } from "../recording/envelope-recorder.ts";
import { openRecorder, readPlayed } from "../recording/played.ts";
import { menderOf, openRepaired, rememberPeers, unreadable } from "./mending.ts";
import { durableState } from "./recovery.ts";
import type { NodeReport } from "../requests.ts";
import { RunLoop, type LegislatorRequest } from "./run-loop.ts";
import type { RunningNode } from "./running-node.ts";
import type { Service } from "./service.ts";
import { askStatus } from "./status-asking.ts";
import { reportOf } from "./status.ts";
import { Bodies } from "../storage/bodies.ts";
import { DataDirectory } from "../storage/directory.ts";
import type { Journal } from "../storage/journal.ts";
import type { OpenedJournal } from "../storage/opened-journal.ts";
import { SlotSender } from "./slot-sender.ts";
import { degraded, membership, tell } from "../diagnostics/channels.ts";
import { citizensOf } from "./citizens.ts";
import { Whereabouts } from "./whereabouts.ts";
import type { ReadMender } from "../repair/read-mender.ts";

export class Engine implements RunningNode {
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly directory: DataDirectory;
  readonly reader: LogReader;
  readonly bodies: Bodies;
  readonly service: Service;
  readonly peers: Peers;
  readonly publishing: Publishing;
  readonly machine: MachineDesk;
  readonly snapshots: NodeSnapshots;
  readonly mender: ReadMender;
  readonly invitations: Invitations = new Invitations(this);
  readonly whereabouts: Whereabouts = new Whereabouts(this);
  readonly http: HttpDoor = new HttpDoor(this);
  readonly meter: Meter;
  readonly metrics: Metrics = new Metrics(this);
  readonly callee: MeteredCallee;
  readonly gate: Gate;
  /** Whether it is about to stop: it is to be given nothing more to do. */
  isDraining = false;
  /** Aborted when the node stops, for whatever reason. */
  readonly over: AbortController = new AbortController();
  /** Called when the node has failed for good; once. */
  readonly #failed: (error: KibitzerError) => void;
  readonly #state: ConsensusState;
  readonly #loop: RunLoop;
  readonly #recorder: EnvelopeRecorder | null;
  readonly #listeners: Listener[] = [];
  readonly #slotSender: SlotSender;
  /** Rings when role, government or membership may have changed, and when all is over. */
  readonly changed: Bell = new Bell();
  #journal: Journal | null = null;
  #founding: Promise<void> = Promise.resolve();
  readonly #leadership: Leadership;
  readonly #vestibule: Vestibule;
  #failure: KibitzerError | null = null;

  private constructor(parts: EngineParts) {
    const { configuration, directory, state, recorder, failed } = parts;
    this.configuration = configuration;
    this.directory = directory;
    this.reader = parts.reader;
    this.bodies = parts.bodies;
    this.meter = parts.meter;
    this.#vestibule = parts.vestibule;
    this.#state = state;
    this.#recorder = recorder;
    this.#failed = failed;
    const { clock, chance, network } = configuration.world;
    this.logger = configuration.logger;
    this.peers = new Peers({
      id: directory.record.id,
      meter: this.meter,
      network,
      clock,
      hello: () => this.hello(),
      fraction: () => chance.fraction(),
      down: (id) => this.play({ kind: "sent", to: id }),
      unreachable: (id, error) =>
        this.logger.warn({ event: "unreachable", id, err: error }, "cannot be called"),
    });
    const refoundedAt = (): number => state.legislator.republic.refounded.at(-1)?.slot ?? 0;
    this.#slotSender = new SlotSender(this.peers, clock, this.over.signal, refoundedAt);
    this.mender = menderOf(this, () => this.#journal);
    this.#loop = new RunLoop({
      state,
      recorder,
      clock,
      chance,
      carryOut: (outcome) => this.#carryOut(outcome),
      failed: (error) => this.fail(error),
    });
    this.snapshots = new NodeSnapshots(this);
    this.machine = makeMachineDesk(this);
    this.service = makeService(this);
    this.callee = new MeteredCallee(this.service, this.meter);
    this.gate = gateOf(configuration, this.callee, this.http);
    this.#leadership = new Leadership(this, () => this.#slotSender.flush());
    this.publishing = makePublishing(this, (input) => this.#loop.playIslander(input));
  }

  /**
   * Locks and reads the directory, and rebuilds the node; nothing is sent or served yet.
   * @param failed Called once when the node has failed for good.
   */
  static async open(given: Configuration, failed: (error: KibitzerError) => void): Promise<Engine> {
    const { world, timing, identity } = given;
    const { files, chance } = world;
    const place = { files, path: given.directory, chance, ...identity };
    const directory = await DataDirectory.open(place);
    const logger = boundLogger(given.logger, () => directory.record);
    const configuration = { ...given, logger };
    const vestibule = vestibuleOf(configuration, directory.record);
    try {
      checkListeners(configuration, directory);
      vestibule.openSoon();
      const reader = new LogReader(configuration.world.clock);
      const bodies = new Bodies();
      const meter = new Meter();
      const late: { engine: Engine | null } = { engine: null };
      const events = journalEvents(configuration, meter.storage, () => late.engine);
      const opened = await openRepaired({ configuration, directory, events, late, vestibule });
      const durable = await durableState(opened, bodies);
      const { id, cookie, starts } = directory.record;
      const legislator = new Legislator({ id, cookie, starts, ...timing }, durable);
      const state = new ConsensusState(legislator, new Islander());
      const recorder = await openRecorder(configuration, directory.record, { state, bodies });
      const parts = { configuration, directory, reader, bodies, meter, vestibule, state, recorder };
      const engine = new Engine({ ...parts, failed });
      late.engine = engine;
      if (opened !== null) await engine.#attach(opened);
      return engine;
    } catch (error) {
      await closeAll([vestibule, directory]);
      throw error;
    }
  }

  /** The republic once its first decree is decided here: that may name what it was before. */
  get republic(): RepublicIdentity | null {
    return this.#state.legislator.republic.identity === null ? null : this.identity;
  }
  /** The republic that the directory belongs to, or null. */
  get identity(): RepublicIdentity | null {
    return this.directory.record.republic;
  }
  get state(): ConsensusState {
    return this.#state;
  }
  /** What this node played so far, as recorded; empty when recording is off. */
  played(): AsyncIterable<Envelope> {
    return readPlayed(this.configuration, this.#recorder);
  }

  /** Why it has stopped, or null. */
  get failure(): KibitzerError | null {
    return this.#failure;
  }
  /** Milliseconds by which the timer of its core is late; 0 if it is not. */
  get overdueMs(): number {
    return this.#loop.overdueMs;
  }

  /** Null outside of a republic. */
  get journal(): Journal | null {
    return this.#journal;
  }

  view(): LegislatorView {
    return this.#state.legislator.view();
  }

  play(request: LegislatorRequest, answered?: (outcome: Outcome) => void): void {
    this.#loop.play(request, answered);
  }

  /** Listens at every endpoint, reaches for the peers, and begins to keep time. */
  async start(): Promise<readonly string[]> {
    if (this.#failure !== null) throw this.#failure;
    await this.#vestibule.close();
    const { network } = this.configuration.world;
    for (const url of this.directory.record.listen) {
      this.#listeners.push(await network.listen(url, this.gate));
    }
    logRefounded(this.logger, this.#state.legislator.republic.refounded);
    this.#meetPeers();
    this.#loop.start();
    this.#goOnJoining();
    return this.#listeners.map(({ url }) => url);
  }

  /**
   * Makes the directory part of a republic, and its journal; one caller after the other.
   * @param contacts Who admitted this node; null when it founds the republic.
   */
  async belongTo(republic: RepublicIdentity, contacts: readonly Citizen[] | null): Promise<void> {
    const founding = this.#founding.then(async () => await this.#belongTo(republic, contacts));
    this.#founding = founding.catch(() => undefined);
    await founding;
  }

  async #belongTo(republic: RepublicIdentity, contacts: readonly Citizen[] | null): Promise<void> {
    if (this.over.signal.aborted) throw closedError();
    const before = this.directory.record.contacts;
    await this.directory.belongTo(republic, contacts);
    await this.#openJournal();
    if (this.directory.record.contacts === before) return;
    this.#meetPeers();
    this.#goOnJoining();
  }

  /** Also in a later life of a node that was stopped on the way. */
  #goOnJoining(): void {
    const { republic, contacts } = this.directory.record;
    if (republic === null || contacts === null) return;
    if (!this.isMember) this.play({ kind: "join", republic, contacts });
    this.play({ kind: "naturalize" });
  }

  async #openJournal(): Promise<void> {
    if (this.#journal !== null) return;
    const events = journalEvents(this.configuration, this.meter.storage, () => this);
    await this.#attach(await this.directory.openJournal(events));
  }

  /** Whether the log shows this node, not an earlier one under its id, as a member. */
  get isMember(): boolean {
    const { id, cookie } = this.directory.record;
    return this.#state.legislator.republic.member(id)?.cookie === cookie;
  }

  /** This node as others are told of it. */
  citizen(properties: Citizen["properties"]): Citizen {
    const { id, cookie } = this.directory.record;
    return { id, cookie, url: this.url, properties };
  }

  /** The advertised endpoint. */
  get url(): string {
    return urlOf(this.directory.record, this.#listeners);
  }

  /** Every member that is known, this node included. */
  contacts(): readonly Citizen[] {
    return citizensOf(this.#state.legislator.republic.members);
  }

  hello(): Hello {
    return helloOf(this.directory.record, this.url, this.#state.legislator.republic.refounded);
  }

  report(): NodeReport {
    return reportOf(this.directory.record, this.view(), this.machine.applied);
  }

  /** The cluster as this node sees it. */
  async status(signal: AbortSignal): Promise<Status> {
    const { legislator } = this.#state;
    return await askStatus({ legislator, own: this.report(), peers: this.peers }, signal);
  }

  /** The node has failed for good: attests nothing more, and says why (contracts C4, C9, C10). */
  fail(error: KibitzerError): void {
    if (this.#failure !== null || this.over.signal.aborted) return;
    this.#failure = error;
    this.logger.fatal({ event: "stopped", code: error.code, err: error }, error.message);
    tell(degraded, () => ({ node: this.directory.record.id, reason: "failed", error }));
    this.#loop.stop();
    this.#failed(error);
  }

  /** Ends everything within a bound; what is under way in the journal is finished. */
  async close(): Promise<void> {
    this.#loop.stop();
    this.#slotSender.flush();
    this.over.abort();
    this.publishing.close(this.#failure ?? undefined);
    this.service.release();
    this.changed.ring();
    await this.#founding;
    await this.http.end();
    // Whatever fails to close, the rest is closed, and the lock is given back last.
    try {
      await closeAll([
        this.#vestibule,
        ...this.#listeners,
        this.peers,
        this.snapshots,
        this.#journal,
        this.#recorder,
      ]);
    } finally {
      await this.directory[Symbol.asyncDispose]();
    }
  }

  async #attach({ journal, recovered }: OpenedJournal): Promise<void> {
    this.#journal = journal;
    this.reader.attach(journal);
    await this.snapshots.attach(journal, recovered);
    // Nobody was there to be told, while it was opened and repaired.
    if (!journal.hasRoom) this.play({ kind: "room", hasRoom: false });
    if (journal.failure !== null) this.fail(journal.failure);
  }

  #carryOut(outcome: Outcome): void {
    const { persist, send, sendSlots, download, installed, applied, barriers, halt } = outcome;
    if (persist !== null) {
      assert(this.#journal !== null, "a node that writes has a journal");
      this.#journal.append(persist, this.bodies);
    }
    // What it skips is gone from here on, also for whoever is sent slots by this very step.
    if (installed !== null) this.reader.restart(installed);
    for (const dispatch of sendSlots) void this.#sendSlots(dispatch);
    if (send.length > 0) this.#slotSender.tellAll(send, this.bodies);
    if (applied.length > 0 || installed !== null) this.#tell(applied, installed !== null);
    this.snapshots.download(download);
    if (barriers.length > 0) this.service.takeBarriers(barriers);
    this.#leadership.look();
    if (this.changed.isAwaited) this.changed.ring();
    if (halt !== null) this.fail(haltError(halt, this.directory));
  }

  #tell(applied: Outcome["applied"], isInstalled: boolean): void {
    this.reader.take(applied);
    this.service.take(applied);
    this.snapshots.note(applied);
    const kinds = applied.map(({ effect }) => effect.kind);
    const isNews = kinds.includes("membership") || kinds.includes("government");
    if (!isNews && !isInstalled) return;
    this.#meetPeers();
    tell(membership, () => ({ node: this.directory.record.id, members: this.contacts() }));
    this.changed.ring();
  }

  async #sendSlots(dispatch: SlotDispatch): Promise<void> {
    assert(this.#journal !== null, "who knows what is decided has a journal");
    try {
      await this.#slotSender.send(this.#journal, dispatch);
    } catch (error) {
      unreadable(this, error);
    }
  }

  #meetPeers(): void {
    // Before its own admission the log names earlier members; those that admitted it are later
    // ones.
    const contacts = this.isMember ? [] : (this.directory.record.contacts ?? []);
    this.peers.set([...this.contacts(), ...contacts]);
    if (this.isMember) void rememberPeers(this, this.contacts());
    this.whereabouts.check();
  }
}
