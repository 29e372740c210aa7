/**
 * `kibitz start`: one node in the foreground, from its first start to its last. Stops gracefully at
 * SIGTERM or Ctrl-C, and at once at a second one; a node that stops by itself ends it with its
 * error.
 */
import { resolve } from "node:path";
import { pino } from "pino";
import { joinTimeoutMs } from "../settings/node-settings.ts";
import { Kibitzer } from "../kibitzer.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import type { StateMachine } from "../machine/state-machine.ts";
import { boundLogger } from "../node/bound-logger.ts";
import { problemText } from "../settings/problem.ts";
import { strangersIn } from "../settings/strange-variables.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Hangup } from "./hangup.ts";
import { tuneCollections } from "./heap.ts";
import type { Interruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { securityOf } from "./security-options.ts";
import { republicFaults } from "./start-directory.ts";
import { kibitzerOptions, usage, type StartOptions } from "./start-options.ts";

/** How long a graceful stop may take; what is acknowledged is safe without it. */
const stopMsMax = 10_000;

/**
 * @param interruption Watched from early on, so that a node that is only starting stops well, too.
 * @param hangup Likewise: one that is only starting does not stop by it.
 */
export async function start(
  options: StartOptions,
  output: Output,
  interruption: Interruption,
  hangup: Hangup,
): Promise<number> {
  const directory = resolve(options.data ?? "");
  tuneCollections();
  const gone = new AbortController();
  output.closed = (): void => gone.abort();
  if (options.untilStdinEnds === true) {
    process.stdin.once("end", () => gone.abort()).once("error", () => gone.abort());
    process.stdin.resume();
  }
  const signal = AbortSignal.any([interruption.signal, gone.signal]);
  const logger = loggerFor(options);
  const kibitzer = await openKibitzer(directory, options, logger, signal);
  const told = boundLogger(logger, () => kibitzer);
  hangup.handle(() => void kibitzer.reload());
  for (const stranger of strangersIn(process.env)) {
    told.warn({ event: "misspelt", variable: stranger.place }, problemText(stranger));
  }
  try {
    await serve(kibitzer, { options, output, signal });
  } catch (error) {
    if (!signal.aborted) {
      await kibitzer.close();
      throw error;
    }
  }
  const reason = interruption.name ?? "the end of its input or output";
  told.info({ event: "stopping", reason }, `stopping because of ${reason}`);
  const exitCode = await stopGracefully(kibitzer, interruption, output);
  told.info({ event: "stopped" }, "stopped");
  return exitCode;
}

function loggerFor(options: StartOptions): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  // That nobody reads the log any more is not a reason to stop a node.
  destination.on("error", () => undefined);
  return pino({ level: options.logLevel }, destination);
}

async function openKibitzer(
  directory: string,
  options: StartOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<Kibitzer> {
  const machine = options.kv === true ? await keyValueMap() : null;
  return await Kibitzer.open({
    ...kibitzerOptions(directory, options),
    logger,
    ...(machine === null ? {} : { machine }),
    signal,
    ...securityOf(options, process.env),
    allowInsecure: options.allowInsecure === true,
  });
}

/** Loaded by nodes that have it. */
async function keyValueMap(): Promise<StateMachine> {
  const { KvMachine } = await import("../kv/kv-machine.ts");
  return new KvMachine();
}

interface Serving {
  readonly options: StartOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** From the open node to its end. Returns when it is to stop; rejects when it stopped by itself. */
async function serve(kibitzer: Kibitzer, { options, output, signal }: Serving): Promise<void> {
  const { url } = kibitzer;
  if (options.json === true) output.json({ event: "listening", url });
  else output.line(`listening  ${url}`);
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([
    becomeReady(kibitzer, { options, output, signal }),
    ended(kibitzer),
    aborted,
  ]);
  await Promise.race([ended(kibitzer), aborted]);
}

async function becomeReady(kibitzer: Kibitzer, serving: Serving): Promise<void> {
  const { options, output, signal } = serving;
  if (options.awaitInvitation === true && kibitzer.republic === null) {
    if (options.json === true) output.json({ event: "waiting", url: kibitzer.url });
    else output.line(`waiting    to be invited: kibitz member add ${kibitzer.url}`);
  }
  await enter(kibitzer, options, signal);
  await kibitzer.ready({ signal });
  const { id, url } = kibitzer;
  const data = resolve(options.data ?? "");
  if (options.json === true) output.json({ event: "ready", id, url, pid: process.pid, data });
  else output.line(`ready      ${id} at ${url}, data in ${data}`);
}

/** Rejects with the reason when the node stops by itself; never resolves. */
async function ended(kibitzer: Kibitzer): Promise<never> {
  const error = await kibitzer.ended;
  throw error ?? new CommandError(exitCodes.failure, "The node has stopped.");
}

/** Makes the node a member of its republic, unless it is one already. */
async function enter(
  kibitzer: Kibitzer,
  options: StartOptions,
  signal: AbortSignal,
): Promise<void> {
  const { bootstrap, join } = options;
  const republic = options.republic ?? null;
  if (kibitzer.republic !== null) {
    // What was begun before, or by another start meanwhile, is known for sure only now.
    for (const { cause } of republicFaults(kibitzer.republic.name, options)) throw cause;
  } else if (join !== undefined) {
    await enterByPeers(kibitzer, { ...options, join }, signal);
  } else if (bootstrap !== undefined) {
    await kibitzer.bootstrap(bootstrap, options.property);
  } else if (options.awaitInvitation === true) {
    await kibitzer.awaitInvitation({
      signal,
      ...(republic === null ? {} : { republic }),
      ...(options.property === undefined ? {} : { properties: options.property }),
    });
  } else {
    throw usage(
      `The node in ${options.data} belongs to no republic yet: add --bootstrap NAME, --join URL ` +
        "or --await-invitation.",
    );
  }
}

/** Joins those that are found, or founds the republic where that is this node's part. */
async function enterByPeers(
  kibitzer: Kibitzer,
  options: StartOptions & { readonly join: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const { bootstrap, founders, join, property = {}, timeout = joinTimeoutMs } = options;
  const asking = { signal, timeoutMs: timeout, properties: property };
  const entered =
    bootstrap === undefined || founders === undefined
      ? kibitzer.join(options.republic ?? null, join, asking)
      : kibitzer.foundOrJoin(bootstrap, join, { ...asking, founders });
  const unreachable = await entered.then(() => null, whyNot);
  if (unreachable !== null) throw joinedNobody(kibitzer.id, options, unreachable);
}

/** Null where it goes on by itself: once admitted it has only to learn, however long that takes. */
function whyNot(error: unknown): KibitzerError | null {
  if (!(error instanceof KibitzerError && error.retryable)) throw error;
  return error.outcome === "applied" ? null : error;
}

function joinedNobody(id: string, options: StartOptions, cause: KibitzerError): CommandError {
  const { bootstrap, data, founders, join = [], timeout = joinTimeoutMs } = options;
  const tried = join.join(",");
  const founding =
    founders === undefined ? "" : `--bootstrap ${bootstrap} --founders ${founders.join(",")} `;
  return new CommandError(
    exitCodes.noQuorum,
    `Joined nobody within ${timeout} ms: tried ${tried}. ${data} belongs to node ${id} now, ` +
      `which is in no republic yet; to try again: kibitz start --data ${data} ` +
      `${founding}--join ${tried}`,
    { cause },
  );
}

async function stopGracefully(
  kibitzer: Kibitzer,
  interruption: Interruption,
  output: Output,
): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), stopMsMax);
  });
  const stopped = await Promise.race([kibitzer.stop(), bound]);
  clearTimeout(timer);
  if (stopped === "late") {
    output.note(`kibitz: not stopped within ${stopMsMax} ms; ended as it is, which loses nothing.`);
  }
  return interruption.name === "SIGINT" ? exitCodes.interrupted : exitCodes.ok;
}
