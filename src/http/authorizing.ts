/** Whether who asks over HTTP may use a route; decided where it is decided for frames, too. */
import type { IncomingMessage } from "node:http";
import type { Gate } from "../access/gate.ts";
import { askerOf } from "../access/http-asker.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { HttpProblem } from "./problem.ts";
import type { RouteNeed } from "./route.ts";

/** Why a request may not use a route of `role`; null when it may. */
export function refusalOf(gate: Gate, request: IncomingMessage, role: RouteNeed): Error | null {
  if (role === "none" || gate.isIdle) return null;
  try {
    gate.authorize(askerOf(request), role);
    return null;
  } catch (error) {
    if (!(error instanceof KibitzerError)) throw error;
    if (error.code === "KBZ_BUSY") return new HttpProblem(error, { status: 429 });
    // Who gave no token is asked for it; who gave a wrong one has no use for another try.
    if (/^Bearer\b/i.test(request.headers.authorization ?? "")) return error;
    const headers = { "WWW-Authenticate": 'Bearer realm="kibitzer"' };
    return new HttpProblem(error, { status: 401, headers });
  }
}
