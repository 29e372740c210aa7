/**
 * `GET /v1/entries`: what is in the log, as lines of JSON up to its end, or followed for as long as
 * it is wanted, as lines or as server-sent events.
 */
import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { askerOf } from "../access/http-asker.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Reading } from "../metrics/meter.ts";
import type { RunningNode } from "../node/running-node.ts";
import { truncated } from "../node/log-reader.ts";
import { ownBarrier } from "../node/own-barrier.ts";
import { batchesAt } from "../node/own-entries.ts";
import { Feed } from "./feed.ts";
import { httpLimits } from "./http-limits.ts";
import { cut, piecesOf, type Format, type Piece } from "./piece.ts";
import { HttpProblem, problemDocument } from "./problem.ts";
import { checkParameters, checkRepublic, flag, signalOf, wholeNumber, within } from "./request.ts";
import type { HttpContext, Route } from "./route.ts";
import type { Stalls } from "./stalls.ts";

type Node = Pick<
  RunningNode,
  | "configuration"
  | "gate"
  | "logger"
  | "meter"
  | "over"
  | "reader"
  | "republic"
  | "service"
  | "state"
>;

/** What is asked for, with every default written out. */
interface Wanted {
  readonly from: number;
  /** The last index by `limit`; infinite without. */
  readonly last: number;
  readonly follow: boolean;
  readonly stale: boolean;
  readonly after: number | null;
  readonly format: Format;
}

/** One that is under way: who takes it, what it is still to be told, and when it ends. */
interface Stream extends Wanted {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

/** What all readings of one node share. */
interface Shared {
  readonly node: Node;
  readonly stalls: Stalls;
  readonly feeds: Readonly<Record<Format, Feed>>;
}

const types: Readonly<Record<Format, string>> = {
  lines: "application/x-ndjson",
  events: "text/event-stream",
};

/** How soon a reader whose stream has ended comes again. */
const reconnectMs = 500;

export function entriesRoutes(node: Node, stalls: Stalls): readonly Route[] {
  const { clock } = node.configuration.world;
  const feed = (format: Format): Feed => new Feed({ source: node, clock, format });
  const feeds = { lines: feed("lines"), events: feed("events") };
  const shared = { node, stalls, feeds };
  return [
    {
      method: "GET",
      path: "/v1/entries",
      role: "read",
      answer: async (context) => await answerEntries(shared, context),
    },
  ];
}

async function answerEntries(shared: Shared, context: HttpContext): Promise<Response> {
  const { node } = shared;
  const wanted = wantedBy(context);
  checkRepublic(node);
  const signal = AbortSignal.any([signalOf(context, node.over), permissionOf(node, context)]);
  const late = (): HttpProblem | null => notReached(node, wanted.after);
  const reach = async (signal: AbortSignal): Promise<number> => await upTo(node, wanted, signal);
  const indexLast = await within(node, signal, reach, { late });
  if (wanted.from < node.reader.indexFirst) {
    throw gone(node, truncated(wanted.from, node.reader.indexFirst));
  }
  const last = wanted.follow ? wanted.last : Math.min(wanted.last, indexLast);
  const headers = {
    "Content-Type": types[wanted.format],
    "Cache-Control": "no-store",
    "Kibitz-Index": String(indexLast),
    ...(wanted.follow ? { Connection: "close", "X-Accel-Buffering": "no" } : {}),
  };
  if (context.req.method === "HEAD") return new Response(null, { headers });
  const { outgoing: response } = context.env;
  response.writeHead(200, headers);
  // It is answered: how long it is read is the reader's matter.
  void write(shared, { ...wanted, last, response, signal });
  return RESPONSE_ALREADY_SENT;
}

/** Aborts, with why, when whoever asks may read no more: a stream outlives many tokens. */
function permissionOf({ gate }: Node, { env }: HttpContext): AbortSignal {
  const lasting = gate.lasting(askerOf(env.incoming), "read");
  if (env.outgoing.destroyed) lasting[Symbol.dispose]();
  else env.outgoing.once("close", () => lasting[Symbol.dispose]());
  return lasting.signal;
}

function wantedBy(context: HttpContext): Wanted {
  checkParameters(context, ["from", "limit", "follow", "stale", "after"]);
  const { req } = context;
  const isEvents = req.header("Accept")?.includes("text/event-stream") === true;
  const event = wholeNumber("Last-Event-ID", req.header("Last-Event-ID"), 0);
  const from = event === null ? (wholeNumber("from", req.query("from"), 1) ?? 1) : event + 1;
  const limit = wholeNumber("limit", req.query("limit"), 1);
  return {
    from,
    last: limit === null ? Infinity : from + limit - 1,
    follow: flag("follow", req.query("follow")) ?? isEvents,
    stale: flag("stale", req.query("stale")) ?? false,
    after: wholeNumber("after", req.query("after"), 0),
    format: isEvents ? "events" : "lines",
  };
}

/** The last index that the reading shows, or that it shows at least, if it follows. */
async function upTo(node: Node, wanted: Wanted, signal: AbortSignal): Promise<number> {
  const { reader } = node;
  if (wanted.after !== null) {
    await reader.reached({ index: wanted.after }, signal);
    signal.throwIfAborted();
  } else if (!wanted.stale) return (await ownBarrier(node, { signal })).index;
  return reader.indexLast;
}

/** Writes what is wanted, and an end that says whether that was all; never rejects. */
async function write(shared: Shared, stream: Stream): Promise<void> {
  const { readings } = shared.node.meter;
  const { response, signal, follow } = stream;
  const reading = { next: stream.from };
  readings.add(reading);
  try {
    await writeEntries(shared, stream, reading);
    if (signal.reason instanceof KibitzerError) throw signal.reason;
    // Lines that break off are not taken for all; events are known to go on elsewhere.
    if (follow || reading.next > stream.last) response.end();
    else response.destroy();
  } catch (error) {
    endWith(shared, stream, error);
  } finally {
    readings.delete(reading);
  }
}

/** Resolves when everything wanted was written, or the stream has ended before. */
async function writeEntries(
  { node, stalls, feeds }: Shared,
  { response, signal, last, follow, format }: Stream,
  reading: Reading,
): Promise<void> {
  const feed = feeds[format];
  if (follow) {
    // Its own bounds hold instead: nothing may be told for long, and then it is told so.
    response.socket?.setTimeout(0);
    response.write(format === "events" ? `retry: ${reconnectMs}\n\n` : "");
  }
  let pieces = piecesOf([], reading.next, format, httpLimits.pieceBytes);
  const next = async (): Promise<Piece | null> => {
    const known = pieces.next().value;
    if (known !== undefined) return known;
    const batches = await batchesAt(node, reading.next, signal, httpLimits.pieceBytes);
    pieces = piecesOf(batches ?? [], reading.next, format, httpLimits.pieceBytes);
    return pieces.next().value ?? null;
  };
  // Whoever was cut off is destroyed at once, and has closed a moment later.
  while (reading.next <= last && !signal.aborted && !response.destroyed) {
    if (follow && feed.isAt(reading.next)) {
      await feed.follow(response, { reading, last }, signal);
      await stalls.drained(response, httpLimits.pieceBytes, signal);
      continue;
    }
    const piece = await node.reader.turns.take(next);
    if (piece === null) continue;
    await stalls.write(response, cut(piece, reading.next, last), signal);
    reading.next = piece.last + 1;
  }
}

/**
 * A stream that cannot go on says why. Lines break off then, so that nobody takes what came for
 * all; of events that is known.
 */
function endWith({ node }: Shared, stream: Stream, error: unknown): void {
  const { response, format, signal } = stream;
  if (response.destroyed || node.over.signal.aborted) {
    response.end();
    return;
  }
  const known = asKibitzerError(error);
  // Who may read no more is told of where that is decided.
  if (error !== signal.reason) {
    node.logger.warn({ event: "http", code: known.code, err: error }, known.message);
  }
  const problem = known.code === "KBZ_TRUNCATED" ? gone(node, known) : known;
  const document = JSON.stringify(problemDocument(problem));
  // Whoever takes nothing of what was written before does not take this either.
  response.socket?.setTimeout(httpLimits.stallMs);
  if (format === "events") response.end(`event: problem\ndata: ${document}\n\n`);
  else response.write(`${document}\n`, () => response.destroy());
}

/** Of a wait for an index of this node's own log, which no majority was asked for. */
function notReached({ reader }: Node, after: number | null): HttpProblem | null {
  if (after === null) return null;
  const message =
    `This node's log ends with entry ${reader.indexLast}, and did not reach ${after} within ` +
    `${httpLimits.answerMs} ms. Ask again, or another node; see whether there is such an entry.`;
  const error = new KibitzerError("KBZ_NOT_FOUND", message, { retryable: true, outcome: "none" });
  return new HttpProblem(error, { status: 503 });
}

function gone({ reader }: Pick<RunningNode, "reader">, error: KibitzerError): HttpProblem {
  return new HttpProblem(error, { more: { firstIndex: reader.indexFirst } });
}
