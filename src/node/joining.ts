/** How a node gets into a republic: asks at an endpoint until the log shows it as a member. */
import type { Citizen, RefusalReason, RepublicIdentity } from "../../consensus/index.ts";
import type { Caller, Hello } from "../../transport/index.ts";
import type { WaitOptions } from "../api.ts";
import { checkOptions, type OptionNames } from "../arguments.ts";
import { Deadline } from "../deadline.ts";
import type { Engine } from "./engine.ts";
import { checkedCitizen } from "./citizens.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import { PeerDiscovery, unresolvedText, type FoundPeers } from "../discovery/peer-discovery.ts";
import { checkFounders } from "../discovery/peer-source.ts";
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";
import { closedError } from "./errors.ts";
import type { Request, Response } from "../requests.ts";

export interface JoinOptions extends WaitOptions {
  /** The user's own words about this node, as `{ zone: "eu-1" }`. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Milliseconds after which joining is given up; default 30,000. */
  readonly timeoutMs?: number;
}

export interface FoundingOptions extends JoinOptions {
  /** The ids of those that may found it; the first of them does. */
  readonly founders: readonly string[];
}

const joinNames: OptionNames<JoinOptions> = { properties: true, timeoutMs: true, signal: true };
const foundingNames: OptionNames<FoundingOptions> = { ...joinNames, founders: true };

interface Asked extends JoinOptions {
  /** The name insisted on, or null. */
  readonly republic: string | null;
  readonly sources: readonly string[];
  /** Who found it if there is none yet; none: there is one. */
  readonly founders?: readonly string[];
}

const timeoutMsDefault = 30_000;
/** Between two rounds of asking: a tenth of the time that joining took so far, within these. */
const askAgainMsMin = 10;
const askAgainMsMax = 250;
/** An ordinary join takes less: until then that nobody has admitted this node yet is no news. */
const patienceMs = 2_000;
/** Between two look-ups. */
const lookAgainMs = 250;
const callMs = 3_000;
/** Where others can be asked, too. */
const callOneMs = 1_000;

/** What a node said that was asked to admit this one. */
interface Answer {
  readonly url: string;
  readonly from: Hello["node"];
  /** Null once this node is admitted. */
  readonly refusal: KibitzerError | null;
  readonly isNew: boolean;
}

interface AskedPeers extends FoundPeers {
  readonly answers: readonly Answer[];
}

/** @throws {KibitzerError} `KBZ_ARGUMENT`. */
export function checkJoinOptions(options: JoinOptions, how: "join" | "found"): void {
  checkOptions(options, how === "join" ? joinNames : foundingNames);
}

/**
 * Resolves once the log shows this node as a member; or, with founders, once it is sure that this
 * node has to found the republic itself.
 */
export async function join(engine: Engine, asked: Asked): Promise<"joined" | "mayFound"> {
  check(engine, asked);
  const { clock } = engine.configuration.world;
  const signal = asked.signal ?? engine.over.signal;
  const timeoutMs = asked.timeoutMs ?? timeoutMsDefault;
  using deadline = new Deadline(clock, timeoutMs, signal, engine.over.signal);
  // No `await using`: what it is compiled to takes other turns than V8's own, and so would a run.
  const round = new Round(engine, asked);
  try {
    const start = clock.now();
    let last = unreachable(asked.sources);
    let told = "";
    while (!engine.isMember) {
      if (engine.over.signal.aborted) throw closedError();
      if (signal.aborted) throw abandoned(signal.reason, "unknown");
      if (deadline.signal.aborted) throw last;
      const answered = await round.go(deadline.signal);
      if (answered === "mayFound") return "mayFound";
      last = answered ?? learning(engine.directory.record.id);
      const isLate = clock.now() - start >= patienceMs;
      if (isLate && last.message !== told && answered !== null) {
        told = last.message;
        engine.logger.info({ event: "joining", code: last.code }, told);
      }
      using rest = new Deadline(clock, round.pauseMs, deadline.signal);
      await engine.changed.until(() => engine.isMember, rest.signal);
    }
    return "joined";
  } finally {
    await round.close();
  }
}

/** @throws {KibitzerError} what can be told before anybody is asked. */
function check(engine: Engine, { republic, signal, founders }: Asked): void {
  if (engine.over.signal.aborted) throw closedError();
  const known = engine.republic ?? engine.identity;
  if (known !== null && republic !== null && known.name !== republic) {
    throw alreadyIn(known, "join");
  }
  if (founders !== undefined) checkFounders(founders);
  if (signal?.aborted === true) throw abandoned(signal.reason, "none");
}

/** Asks all that are found, one after the other, until one admits this node; again and again. */
class Round {
  readonly #engine: Engine;
  readonly #asked: Asked;
  readonly #discovery: PeerDiscovery;
  readonly #callers = new Map<string, Caller<Request, Response>>();
  readonly #begunAt: number;
  /** Who has admitted this node. */
  #host: string | null = null;
  /** Why a peer will not have this node, as it was told: others may. */
  readonly #refused = new Map<string, KibitzerErrorCode>();

  constructor(engine: Engine, asked: Asked) {
    this.#engine = engine;
    this.#asked = asked;
    const { world } = engine.configuration;
    this.#discovery = new PeerDiscovery(asked.sources, world);
    this.#begunAt = world.clock.now();
  }

  /** Nodes that are started together are there soon; for others it is asked less and less often. */
  get pauseMs(): number {
    if (this.#host === null && !this.#discovery.isFixed) return lookAgainMs;
    const elapsedMs = this.#engine.configuration.world.clock.now() - this.#begunAt;
    return Math.min(askAgainMsMax, Math.max(askAgainMsMin, Math.round(elapsedMs / 10)));
  }

  /** Why it was not admitted, or null. */
  async go(signal: AbortSignal): Promise<KibitzerError | "mayFound" | null> {
    const host = this.#host;
    const found =
      host === null ? await this.#discovery.find(signal) : { urls: [host], unresolved: [] };
    await this.#keep(found.urls);
    this.#host = null;
    const answers: Answer[] = [];
    for (const url of found.urls) {
      if (signal.aborted || (url === this.#engine.url && found.urls.length > 1)) continue;
      const answer = await this.#ask(url, found.urls.length === 1 ? callMs : callOneMs);
      if (answer.refusal === null) {
        this.#host = url;
        return null;
      }
      answers.push(answer);
    }
    const asked = { ...found, answers };
    if (host === null && !signal.aborted) this.#heed(asked);
    const { founders } = this.#asked;
    return founders === undefined ? this.#whyNot(asked) : this.#judge(founders, asked);
  }

  #whyNot({ urls, unresolved, answers }: AskedPeers): KibitzerError {
    const open = stillOpen(this.#others(answers)) ?? stillOpen(answers);
    if (open !== null) return open;
    return unresolved.length > 0 ? notFound({ unresolved }) : unreachable(urls);
  }

  /** What a peer refuses for good is told. @throws when all others do. */
  #heed({ unresolved, answers }: AskedPeers): void {
    const others = this.#others(answers);
    const final = others.filter(({ refusal }) => refusal?.retryable === false);
    const [first] = final;
    if (first === undefined) return;
    if (final.length === others.length && unresolved.length === 0) throw first.refusal;
    for (const { url, refusal } of final) {
      if (refusal === null || this.#refused.get(url) === refusal.code) continue;
      this.#refused.set(url, refusal.code);
      const fields = { event: "joining", url, code: refusal.code };
      this.#engine.logger.info(fields, `${url} will not have this node: ${refusal.message}`);
    }
  }

  /** Without this node itself, which may be found, too. */
  #others(answers: readonly Answer[]): readonly Answer[] {
    const { cookie } = this.#engine.directory.record;
    return answers.filter(({ from }) => from?.cookie !== cookie);
  }

  /**
   * The first founder founds once each other founder says that it knows of no republic, and so does
   * whoever else is found. One that cannot be reached, or whose name cannot be looked up, may know
   * of one.
   */
  #judge(
    founders: readonly string[],
    { urls, unresolved, answers }: AskedPeers,
  ): KibitzerError | "mayFound" {
    const { id } = this.#engine.directory.record;
    const others = this.#others(answers);
    if (others.some(({ from }) => from?.id === id)) throw twin(id);
    if (urls.length === 0) return notFound({ unresolved });
    const [first = ""] = founders;
    const silent = others.filter(({ isNew }) => !isNew);
    if (first !== id || this.#engine.identity !== null) {
      return stillOpen(silent) ?? notFounded(first);
    }
    const heard = new Set(others.flatMap(({ isNew, from }) => (isNew ? [from?.id] : [])));
    const missing = founders.filter((founder) => founder !== id && !heard.has(founder));
    const unsure = [...silent.map(({ url }) => url), ...unresolved.map(({ source }) => source)];
    return missing.length + unsure.length === 0 ? "mayFound" : waitsFor(missing, unsure);
  }

  async #ask(url: string, timeoutMs: number): Promise<Answer> {
    const { republic, properties = {} } = this.#asked;
    const engine = this.#engine;
    const citizen = checkedCitizen(engine.citizen(properties));
    let response: Response;
    try {
      const request = { method: "immigrate", republic, citizen, hops: 0 } as const;
      response = await this.#caller(url).call(request, { lane: "control", timeoutMs });
    } catch (error) {
      const found = asKibitzerError(error);
      const isOurs = found.code !== "KBZ_ENDPOINT" || this.#discovery.fixed.includes(url);
      const refusal = isOurs ? found : notCallable(found);
      return { url, from: null, refusal, isNew: false };
    }
    const from = this.#callers.get(url)?.remote?.node ?? null;
    if (response.kind === "admitted") {
      const known = engine.identity;
      if (known !== null && known.identity !== response.republic.identity) {
        return { url, from, refusal: alreadyIn(known, "join"), isNew: false };
      }
      await engine.belongTo(response.republic, response.contacts);
      return { url, from, refusal: null, isNew: false };
    }
    const reason = response.kind === "refused" ? response.reason : "busy";
    return { url, from, refusal: refused(reason, citizen), isNew: reason === "noRepublic" };
  }

  #caller(url: string): Caller<Request, Response> {
    const known = this.#callers.get(url);
    if (known !== undefined) {
      // Rounds have pauses of their own. Who will not have this node is not called more often.
      if (!this.#refused.has(url)) known.hurry();
      return known;
    }
    const { chance, network } = this.#engine.configuration.world;
    const caller = network.connect(url, {
      hello: () => this.#engine.hello(),
      fraction: () => chance.fraction(),
    });
    this.#callers.set(url, caller);
    return caller;
  }

  /** Addresses change: those that are gone are not called again. */
  async #keep(urls: readonly string[]): Promise<void> {
    const gone = [...this.#callers].filter(([url]) => !urls.includes(url));
    for (const [url] of gone) this.#callers.delete(url);
    for (const url of this.#refused.keys()) if (!urls.includes(url)) this.#refused.delete(url);
    await Promise.all(gone.map(async ([, caller]) => await caller[Symbol.asyncDispose]()));
  }

  async close(): Promise<void> {
    await this.#keep([]);
  }
}

/** The last refusal that may be another one tomorrow. */
function stillOpen(answers: readonly Answer[]): KibitzerError | null {
  const last = answers.findLast(({ refusal }) => refusal?.retryable === true);
  return last?.refusal ?? null;
}

/** What a name service or a file says need be no endpoint, and may be one tomorrow. */
function notCallable(cause: KibitzerError): KibitzerError {
  const found = `A peer that was looked up cannot be called: ${cause.message}`;
  return joinError("KBZ_UNREACHABLE", found, "Correct the name or the file; it is tried again.");
}

function unreachable(urls: readonly string[]): KibitzerError {
  const found = `Nothing answered at ${urls.join(", ")}.`;
  return joinError("KBZ_UNREACHABLE", found, "Is a node running there?");
}

/** Nobody is there yet to be asked, which is no reason to found a republic. */
function notFound(found: Pick<FoundPeers, "unresolved">): KibitzerError {
  const what = `No peer can be looked up yet: ${unresolvedText(found)}.`;
  return joinError("KBZ_UNREACHABLE", what, "Check the name or the file; it is tried again.");
}

function waitsFor(founders: readonly string[], silent: readonly string[]): KibitzerError {
  const people = founders.length === 0 ? "" : ` Not heard of yet: ${founders.join(", ")}.`;
  const places = silent.length === 0 ? "" : ` Without an answer: ${silent.join(", ")}.`;
  return joinError(
    "KBZ_UNREACHABLE",
    "This node founds the republic once every other founder, and all that are found, say that " +
      `they know of none.${people}${places}`,
    "Start them.",
  );
}

function notFounded(founder: string): KibitzerError {
  const found = `No republic is there yet; ${founder} founds it.`;
  return joinError("KBZ_NO_QUORUM", found, "Start that node.");
}

function twin(id: string): KibitzerError {
  const found = `Another new node calls itself ${id}, too.`;
  return joinError("KBZ_ID_TAKEN", found, "Give each node an id of its own.");
}

/** It is a member, and does not know yet: with much to learn that may take long. */
function learning(id: string): KibitzerError {
  return new KibitzerError(
    "KBZ_BUSY",
    `The republic has admitted ${id}, which has yet to learn the log up to there. It goes on by ` +
      "itself: wait for ready(), or join again.",
    { retryable: true, outcome: "applied" },
  );
}

/** @throws what the republic itself has decided, which no other peer can change. */
function refused(reason: RefusalReason, { id }: Citizen): KibitzerError {
  if (reason === "idTaken") {
    throw joinError(
      "KBZ_ID_TAKEN",
      `The republic knows ${id} under another cookie: this directory is empty or foreign.`,
      `If the old one is lost, run "kibitz member exile ${id}" and join again; or take another id.`,
    );
  }
  if (reason === "departed") {
    throw joinError(
      "KBZ_EXILED",
      `This incarnation of ${id} was exiled, and never comes back.`,
      "Join with an empty directory.",
    );
  }
  return joinError(
    "KBZ_NO_QUORUM",
    `The republic has not admitted ${id} yet (${reason}).`,
    "Look at kibitz status: without a majority of its parliament nobody is admitted.",
  );
}

/** The directory belongs to a republic already. */
export function alreadyIn(
  republic: RepublicIdentity | null,
  wanted: "bootstrap" | "join",
): KibitzerError {
  const { name, identity } = republic ?? { name: "?", identity: "?" };
  const code = wanted === "bootstrap" ? "KBZ_BOOTSTRAPPED" : "KBZ_REPUBLIC";
  const found = `This directory belongs to the republic "${name}" (${identity}) already.`;
  return joinError(code, found, `To ${wanted} another one, use an empty directory.`);
}

/** @throws {KibitzerError} `KBZ_ARGUMENT` unless `name` may name a republic. */
export function checkName(name: string): void {
  if (/^[^\p{C}]{1,64}$/u.test(name)) return;
  throw joinError(
    "KBZ_ARGUMENT",
    `A republic's name has 1 to 64 printable characters; found ${JSON.stringify(name)}.`,
    "Choose another one.",
  );
}

function abandoned(reason: unknown, outcome: "none" | "unknown"): KibitzerError {
  const found =
    outcome === "none"
      ? "nobody was asked to admit the node"
      : "the node may yet be admitted. Join again to find out";
  const message = `Joining was given up by its signal; ${found}.`;
  return new KibitzerError("KBZ_ABORTED", message, { retryable: true, outcome, cause: reason });
}

function joinError(code: KibitzerErrorCode, found: string, advice: string): KibitzerError {
  const retryable = code === "KBZ_UNREACHABLE" || code === "KBZ_NO_QUORUM";
  return new KibitzerError(code, `${found} ${advice}`, { retryable, outcome: "none" });
}
