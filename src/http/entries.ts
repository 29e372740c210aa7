/**
 * `GET /v1/entries`: what is in the log, as lines of JSON up to its end, or followed for as long as
 * it is wanted, as lines or as server-sent events.
 */
import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { Engine } from "../node/engine.ts";
import { truncated } from "../node/log-reader.ts";
import { ownBarrier } from "../node/own-barrier.ts";
import { batchesAt } from "../node/own-entries.ts";
import { Feed } from "./feed.ts";
import { httpLimits } from "./http-limits.ts";
import { cut, piecesOf, type Format } from "./piece.ts";
import { HttpProblem, problemDocument } from "./problem.ts";
import { checkParameters, checkRepublic, flag, signalOf, wholeNumber, within } from "./request.ts";
import type { HttpContext, Route } from "./route.ts";
import { Stalls } from "./stalls.ts";

type Node = Pick<
  Engine,
  "configuration" | "over" | "reader" | "republic" | "service" | "state" | "logger"
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

export function entriesRoutes(node: Node): readonly Route[] {
  const { clock } = node.configuration.world;
  const feed = (format: Format): Feed => new Feed({ source: node, clock, format });
  const feeds = { lines: feed("lines"), events: feed("events") };
  const shared = { node, stalls: new Stalls(clock), feeds };
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
  const signal = signalOf(context, node.over);
  const indexLast = await within(node, signal, async (signal) => await upTo(node, wanted, signal));
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
  const { outgoing } = context.env;
  outgoing.writeHead(200, headers);
  try {
    const isWhole = await stream(shared, outgoing, { ...wanted, last }, signal);
    // Lines that break off are not taken for all; events are known to go on elsewhere.
    if (isWhole || wanted.follow) outgoing.end();
    else outgoing.destroy();
  } catch (error) {
    endWith(shared, outgoing, wanted, error);
  }
  return RESPONSE_ALREADY_SENT;
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

/** Resolves with whether everything wanted was written. */
async function stream(
  { node, stalls, feeds }: Shared,
  response: ServerResponse,
  { from, last, follow, format }: Wanted,
  signal: AbortSignal,
): Promise<boolean> {
  const feed = feeds[format];
  if (follow) {
    // Its own bounds hold instead: nothing may be told for long, and then it is told so.
    response.socket?.setTimeout(0);
    response.write(format === "events" ? `retry: ${reconnectMs}\n\n` : "");
  }
  let next = from;
  // Whoever was cut off is destroyed at once, and has closed a moment later.
  while (next <= last && !signal.aborted && !response.destroyed) {
    if (follow && feed.isAt(next)) {
      next = await feed.follow(response, { next, last }, signal);
      await stalls.drained(response, httpLimits.pieceBytes, signal);
      continue;
    }
    const batches = await batchesAt(node, next, signal, httpLimits.pieceBytes);
    for (const piece of piecesOf(batches ?? [], next, format, httpLimits.pieceBytes)) {
      await stalls.write(response, cut(piece, next, last), signal);
      next = piece.last + 1;
    }
  }
  return next > last;
}

/**
 * A stream that cannot go on: events end with one that says why; lines break off, so that nobody
 * takes what came for all.
 */
function endWith(
  { node }: Shared,
  outgoing: ServerResponse,
  { format }: Wanted,
  error: unknown,
): void {
  if (outgoing.destroyed || node.over.signal.aborted) {
    outgoing.end();
    return;
  }
  const known = asKibitzerError(error);
  node.logger.warn({ event: "http", code: known.code, err: error }, known.message);
  if (format === "lines") {
    outgoing.destroy();
    return;
  }
  const problem = known.code === "KBZ_TRUNCATED" ? gone(node, known) : known;
  outgoing.end(`event: problem\ndata: ${JSON.stringify(problemDocument(problem))}\n\n`);
}

function gone({ reader }: Pick<Engine, "reader">, error: KibitzerError): HttpProblem {
  return new HttpProblem(error, { more: { firstIndex: reader.indexFirst } });
}
