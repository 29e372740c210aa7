/** `POST /v1/entries` and `POST /v1/publishers`: entries, and ids under which to repeat them. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { limits } from "../../consensus/index.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { Engine } from "../node/engine.ts";
import { diskFull, publishersFull } from "../publishing/errors.ts";
import { resultOf } from "../publishing/submission-result.ts";
import { BodyRoom, readBody, readWhole } from "./body.ts";
import { publishLines, publishNamed, type LineResult } from "./body-lines.ts";
import { httpLimits } from "./http-limits.ts";
import { jsonLine } from "./json-line.ts";
import { checkRegistered, NamedPublisher, type Numbered } from "./named-publisher.ts";
import { badRequest, HttpProblem, problemDocument } from "./problem.ts";
import { checkParameters, checkRepublic, signalOf, wholeNumber, within } from "./request.ts";
import type { HttpContext, Route } from "./route.ts";

type Node = Pick<
  Engine,
  "configuration" | "over" | "publishing" | "republic" | "service" | "state"
>;

/** Between two askings for a publisher: the first wait, and the longest. */
const askAgainMs = 25;
const askAgainMsMax = 400;

export function publishRoutes(node: Node): readonly Route[] {
  const room = new BodyRoom(httpLimits.bodiesBytesMax);
  const method = "POST";
  const role = "publish";
  return [
    {
      method,
      role,
      path: "/v1/entries",
      answer: async (context) => {
        const isMany = checkBody(context) === "lines";
        return isMany ? await many(node, room, context) : await one(node, room, context);
      },
    },
    {
      method,
      role,
      path: "/v1/publishers",
      answer: async (context) => {
        checkParameters(context, []);
        checkRepublic(node);
        const signal = signalOf(context, node.over);
        const publisher = await within(node, signal, async (signal) => register(node, signal));
        return jsonLine({ publisher: String(publisher) });
      },
    },
  ];
}

/** @throws {HttpProblem} 415 for forms with parts, which are surely not meant as they are. */
function checkBody({ req }: HttpContext): "entry" | "lines" {
  const type = (req.header("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/x-ndjson" || type === "application/ndjson") return "lines";
  if (!type.startsWith("multipart/")) return "entry";
  const wanted = "the bytes of one entry, or one entry a line as application/x-ndjson";
  throw badRequest(`Wanted ${wanted}, got ${type}.`, { status: 415 });
}

/** @throws {HttpProblem} 400 unless there are both headers, or none. */
function numberedBy({ req }: HttpContext): Numbered | null {
  const names = ["Kibitz-Publisher", "Kibitz-Sequence"] as const;
  const publisher = wholeNumber(names[0], req.header(names[0]), 1);
  const sequence = wholeNumber(names[1], req.header(names[1]), 1);
  if (publisher === null && sequence === null) return null;
  if (publisher !== null && sequence !== null) return { publisher, sequence };
  throw badRequest(`Wanted both ${names.join(" and ")}, or none of them, got one.`);
}

async function one(node: Node, room: BodyRoom, context: HttpContext): Promise<Response> {
  const numbered = numberedBy(context);
  checkParameters(context, []);
  checkRepublic(node);
  using place = room.enter();
  const entry = await readWhole(context.env.incoming, limits.entryBytesMax, place);
  const index = await within(node, signalOf(context, node.over), async (signal) => {
    if (numbered === null) return await publishHere(node, entry, signal);
    await checkRegistered(node, numbered.publisher, signal);
    using publisher = new NamedPublisher(node, numbered, signal);
    return await publisher.publish([entry]);
  });
  return jsonLine({ index }, { "Kibitz-Index": String(index) });
}

/** Under the node's own publisher, or not at all: whoever waits here holds what others need. */
async function publishHere(
  { publishing }: Node,
  entry: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  return (await publishing.publish(entry, { signal, wait: false })).index;
}

async function many(node: Node, room: BodyRoom, context: HttpContext): Promise<Response> {
  const numbered = numberedBy(context);
  checkParameters(context, []);
  checkRepublic(node);
  using place = room.enter();
  const body = readBody(context.env.incoming, httpLimits.bodyBytesMax, place);
  const publish = async (signal: AbortSignal): Promise<Response> => {
    if (numbered === null) {
      return await tell(
        context,
        publishLines(body, async (line) => (await node.publishing.publish(line, { signal })).index),
      );
    }
    await checkRegistered(node, numbered.publisher, signal);
    using publisher = new NamedPublisher(node, numbered, signal);
    return await tell(context, publishNamed(body, publisher));
  };
  const { bodyMs, answerMs } = httpLimits;
  return await within(node, signalOf(context, node.over), publish, bodyMs + answerMs);
}

/** A line for each entry; what goes wrong with the first is told as the status, too. */
async function tell(
  { env: { outgoing } }: HttpContext,
  results: AsyncIterable<LineResult>,
): Promise<Response> {
  const begin = (): void => {
    if (outgoing.headersSent) return;
    const headers = { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" };
    outgoing.writeHead(200, headers);
  };
  for await (const result of results) {
    if (!("error" in result)) {
      begin();
      outgoing.write(`{"index":${result.index}}\n`);
      continue;
    }
    if (!outgoing.headersSent) throw result.error;
    const { error } = result;
    const known = error instanceof HttpProblem ? error : asKibitzerError(error);
    outgoing.write(`${JSON.stringify(problemDocument(known))}\n`);
  }
  begin();
  outgoing.end();
  return RESPONSE_ALREADY_SENT;
}

/** Resolves with a new publisher's id once it is decided. One that nobody hears of expires. */
async function register(node: Node, signal: AbortSignal): Promise<number> {
  const { service, state, configuration } = node;
  const nonce = configuration.world.chance.hex16();
  for (let waitMs = askAgainMs; ; waitMs = Math.min(2 * waitMs, askAgainMsMax)) {
    signal.throwIfAborted();
    const { leader } = state.legislator;
    const asked = service.register({ method: "register", nonce, hops: 0 }, signal);
    const result = await asked.then(resultOf, () => ({ kind: "lost" }) as const);
    if (result.kind === "registered") return result.publisher;
    if (result.kind === "refusedRegistration") throw publishersFull();
    if (result.kind === "refused" && result.reason === "full") throw diskFull();
    await service.isSucceeded(leader, waitMs, signal);
  }
}
