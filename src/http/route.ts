/** One route of the HTTP interface: where it is, who may use it, and what answers there. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "hono";

/** What a caller must be allowed to do; `none` is for everybody, also without a token. */
export type RouteNeed = "read" | "publish" | "operate" | "none";

/** What a handler gets; requests and answers that are streams are taken from Node itself. */
export type HttpContext = Context<{
  Bindings: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse };
}>;

export interface Route {
  /** A route of `GET` answers `HEAD` too. */
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly role: RouteNeed;
  /**
   * Answers, or rejects with what becomes a problem document. Who writes to `outgoing` itself
   * returns `RESPONSE_ALREADY_SENT` of @hono/node-server.
   */
  answer(context: HttpContext): Response | Promise<Response>;
}
