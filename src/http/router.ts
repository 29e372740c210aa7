/**
 * The routes as one listener of Node: who may ask, which route it is, and what becomes of errors.
 * Loaded with the first request, since a node that nobody asks needs none of it.
 */
import type { IncomingMessage, RequestListener } from "node:http";
import { getRequestListener, RequestError } from "@hono/node-server";
import { Hono } from "hono";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import { silent, type Logger } from "../logger.ts";
import { letRead, letSend } from "./pages.ts";
import { badRequest, HttpProblem, problemResponse } from "./problem.ts";
import type { HttpContext, RouteNeed, Route } from "./route.ts";

export interface RouterOptions {
  readonly routes: readonly Route[];
  readonly logger: Logger;
  /** Whether a request may be meant for this node, by the hosts that it names. */
  isForUs(request: IncomingMessage): boolean;
  /** Why a caller may not use a route of `role`; null when it may. */
  authorize(request: IncomingMessage, role: RouteNeed): Error | null;
  /** A request was answered whole, with a status or the code of an error. */
  answered(route: Route, code: string, ms: number): void;
}

export function makeListener(options: RouterOptions): RequestListener {
  const { routes, logger } = options;
  const app = new Hono<{ Bindings: HttpContext["env"] }>();
  app.use(async (context, next) => {
    const { incoming, outgoing } = context.env;
    if (!options.isForUs(incoming)) throw notForUs(incoming);
    letRead(incoming, outgoing);
    await next();
  });
  for (const route of routes) {
    app.on(route.method, route.path, async (context) => {
      const refusal = options.authorize(context.env.incoming, route.role);
      if (refusal !== null) throw refusal;
      return await counted(route, context, options);
    });
  }
  for (const [path, methods] of methodsOf(routes)) {
    app.all(path, (context) => withoutRoute(context.req.method, path, methods));
  }
  app.notFound((context) => {
    const found = `There is no ${context.req.path} here. See /v1/openapi.json for what there is.`;
    return told(badRequest(found, { code: "KBZ_NOT_FOUND" }), logger);
  });
  // Whoever is gone is told nothing, and is no news.
  app.onError((error, { env }) => told(error, env.outgoing.destroyed ? silent : logger));
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    errorHandler: (error) => malformed(error, logger),
  });
  return (request, response) => void listener(request, response);
}

async function counted(
  route: Route,
  context: HttpContext,
  options: RouterOptions,
): Promise<Response> {
  const began = performance.now();
  try {
    const response = await route.answer(context);
    options.answered(route, String(response.status), performance.now() - began);
    return response;
  } catch (error) {
    const known = error instanceof HttpProblem ? error.error : asKibitzerError(error);
    options.answered(route, known.code, performance.now() - began);
    throw error;
  }
}

/** The methods of each path, as `Allow` lists them. */
function methodsOf(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const known = methods.get(path) ?? ["OPTIONS"];
    methods.set(path, [...known, ...(method === "GET" ? ["GET", "HEAD"] : [method])]);
  }
  return methods;
}

function withoutRoute(method: string, path: string, methods: readonly string[]): Response {
  const headers = { Allow: methods.toSorted().join(", ") };
  if (method === "OPTIONS") {
    const all = { ...headers, ...letSend(headers.Allow) };
    return new Response(null, { status: 204, headers: all });
  }
  throw badRequest(`${path} takes ${headers.Allow}, not ${method}.`, { status: 405, headers });
}

function told(error: Error, logger: Logger): Response {
  if (error instanceof HttpProblem) return problemResponse(error);
  const known = asKibitzerError(error);
  const response = problemResponse(known);
  if (response.status === 500) {
    logger.error({ event: "http", code: known.code, err: error }, known.message);
  }
  return response;
}

/** What no route was looked for: its URL, with the host, is none. */
function malformed(error: unknown, logger: Logger): Response {
  if (!(error instanceof RequestError)) return told(asKibitzerError(error), logger);
  return problemResponse(badRequest(`Wanted a request for a path at a host: ${error.message}.`));
}

function notForUs({ headers: { host, origin } }: IncomingMessage): HttpProblem {
  const from = origin === undefined ? "" : ` of a page of ${origin}`;
  return badRequest(
    `Wanted a request for this node, got one for ${host ?? "no host"}${from}. If that is right, ` +
      "start the node with --allow-host and that host.",
    { code: "KBZ_FORBIDDEN", status: 403 },
  );
}
