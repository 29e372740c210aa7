/** How a node gets into a republic: asks at an endpoint until the log shows it as a member. */
import type { Citizen, RefusalReason, RepublicIdentity } from "../../consensus/index.ts";
import type { Caller } from "../../transport/index.ts";
import type { WaitOptions } from "../api.ts";
import { Deadline } from "../deadline.ts";
import type { Engine } from "./engine.ts";
import { checkedCitizen } from "./citizens.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import { checkEndpoint } from "../checked-endpoint.ts";
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";
import { closedError } from "./errors.ts";
import { pause } from "../pause.ts";
import type { Request, Response } from "../requests.ts";

export interface JoinOptions extends WaitOptions {
  /** The user's own words about this node, as `{ zone: "eu-1" }`. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Milliseconds after which joining is given up; default 30,000. */
  readonly timeoutMs?: number;
}

interface Asked extends JoinOptions {
  /** The name insisted on, or null. */
  readonly republic: string | null;
  readonly url: string;
}

const timeoutMsDefault = 30_000;
const askAgainMs = 50;
const callMs = 3_000;

/** Resolves once the log shows this node as a member. */
export async function join(engine: Engine, asked: Asked): Promise<void> {
  const { url } = asked;
  check(engine, asked);
  const { clock, chance, network } = engine.configuration.world;
  const signal = asked.signal ?? engine.over.signal;
  const timeoutMs = asked.timeoutMs ?? timeoutMsDefault;
  using deadline = new Deadline(clock, timeoutMs, signal, engine.over.signal);
  const caller = network.connect(url, {
    hello: () => engine.hello(),
    fraction: () => chance.fraction(),
  });
  let last = joinError(
    "KBZ_UNREACHABLE",
    `Nothing answered at ${url}.`,
    "Is a node running there?",
  );
  try {
    while (!engine.isMember) {
      if (engine.over.signal.aborted) throw closedError();
      if (signal.aborted) throw abandoned(signal.reason, "unknown");
      if (deadline.signal.aborted) throw last;
      last = (await ask(engine, caller, asked)) ?? learning(engine.directory.record.id);
      await pause(clock, askAgainMs, deadline.signal);
    }
  } finally {
    await caller[Symbol.asyncDispose]();
  }
}

/** @throws {KibitzerError} what can be told before anybody is asked. */
function check(engine: Engine, { republic, url, signal }: Asked): void {
  if (engine.over.signal.aborted) throw closedError();
  const known = engine.republic ?? engine.identity;
  if (known !== null && republic !== null && known.name !== republic) {
    throw alreadyIn(known, "join");
  }
  checkEndpoint(url);
  if (signal?.aborted === true) throw abandoned(signal.reason, "none");
}

/** Asks once; returns why it was not admitted, or null. */
async function ask(
  engine: Engine,
  caller: Caller<Request, Response>,
  { republic, properties = {} }: Asked,
): Promise<KibitzerError | null> {
  const citizen = checkedCitizen(engine.citizen(properties));
  let response: Response;
  try {
    const request = { method: "immigrate", republic, citizen, hops: 0 } as const;
    response = await caller.call(request, { lane: "control", timeoutMs: callMs });
  } catch (error) {
    const wrapped = asKibitzerError(error);
    if (!wrapped.retryable) throw wrapped;
    return wrapped;
  }
  if (response.kind === "refused") return refused(response.reason, citizen);
  if (response.kind !== "admitted") return refused("busy", citizen);
  const known = engine.identity;
  if (known !== null && known.identity !== response.republic.identity)
    throw alreadyIn(known, "join");
  await engine.belongTo(response.republic, response.contacts);
  return null;
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

/** @throws when asking again cannot help. */
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
    `The republic has not admitted ${id} in time (${reason}).`,
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
