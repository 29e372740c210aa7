/** `POST /v1/entries` and `POST /v1/publishers`: entries, and ids under which to repeat them. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { limits } from "../../consensus/index.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { RunningNode } from "../node/running-node.ts";
import { diskFull, publishersFull } from "../publishing/errors.ts";
import { resultOf } from "../publishing/submission-result.ts";
import { BodyRoom, readBody, readWhole } from "./body.ts";
import { LineRoom, publishLines, publishNamed, type LineResult } from "./body-lines.ts";
import { httpLimits } from "./http-limits.ts";
import { jsonLine } from "./json-line.ts";
import { checkRegistered, NamedPublisher, type Numbered } from "./named-publisher.ts";
import { badRequest, HttpProblem, problemDocument } from "./problem.ts";
import {
  checkParameters,
  checkRepublic,
  checkStaying,
  signalOf,
  wholeNumber,
  within,
  type ReasonOf,
} from "./request.ts";
import { LineAnswer } from "./line-answer.ts";
import type { HttpContext, Route } from "./route.ts";
import type { Stalls } from "./stalls.ts";

type Node = Pick<
  RunningNode,
  | "changed"
  | "configuration"
  | "isDraining"
  | "over"
  | "publishing"
  | "republic"
  | "service"
  | "state"
>;

/** Between two askings for a publisher: the first wait, and the longest. */
const askAgainMs = 25;
const askAgainMsMax = 400;

/** What all requests of one node share. */
interface Shared {
  readonly node: Node;
  readonly room: BodyRoom;
  readonly lines: LineRoom;
  readonly stalls: Stalls;
}

export function publishRoutes(node: Node, stalls: Stalls): readonly Route[] {
  const room = new BodyRoom(httpLimits.bodiesBytesMax);
  const shared = { node, stalls, room, lines: new LineRoom(httpLimits.linesInFlightMax) };
  const method = "POST";
  const role = "publish";
  return [
    {
      method,
      role,
      path: "/v1/entries",
      answer: async (context) => {
        const isMany = checkBody(context) === "lines";
        return isMany ? await many(shared, context) : await one(shared, context);
      },
    },
    {
      method,
      role,
      path: "/v1/publishers",
      answer: async (context) => {
        checkParameters(context, []);
        checkStaying(node);
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

async function one({ node, room }: Shared, context: HttpContext): Promise<Response> {
  const numbered = numberedBy(context);
  checkParameters(context, []);
  checkStaying(node);
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

async function many(
  { node, room, lines, stalls }: Shared,
  context: HttpContext,
): Promise<Response> {
  const numbered = numberedBy(context);
  checkParameters(context, []);
  checkStaying(node);
  checkRepublic(node);
  using place = room.enter();
  const body = readBody(context.env.incoming, httpLimits.bodyBytesMax, place);
  const publish = async (signal: AbortSignal, reasonOf: ReasonOf): Promise<Response> => {
    if (numbered === null) {
      const publishOne = async (line: Uint8Array): Promise<number> =>
        (await node.publishing.publish(line, { signal })).index;
      return await tell(context, stalls, publishLines(body, lines, publishOne), reasonOf);
    }
    await checkRegistered(node, numbered.publisher, signal);
    using publisher = new NamedPublisher(node, numbered, signal);
    return await tell(context, stalls, publishNamed(body, publisher), reasonOf);
  };
  const ms = httpLimits.bodyMs + httpLimits.answerMs;
  return await within(node, signalOf(context, node.over), publish, { ms });
}

/** A line for each entry; what goes wrong with the first is told as the status, too. */
async function tell(
  { env: { outgoing } }: HttpContext,
  stalls: Stalls,
  results: AsyncIterable<LineResult>,
  reasonOf: ReasonOf,
): Promise<Response> {
  using answer = new LineAnswer(outgoing, stalls);
  for await (const result of results) {
    if (!("error" in result)) {
      answer.tell(`{"index":${result.index}}`);
      continue;
    }
    if (!answer.isBegun) throw result.error;
    const error = reasonOf(result.error);
    const known = error instanceof HttpProblem ? error : asKibitzerError(error);
    answer.tell(JSON.stringify(problemDocument(known)));
  }
  answer.end();
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
