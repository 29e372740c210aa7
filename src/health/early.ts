/** Probes of a node that has not started yet. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { probeAnswer, probeNames, type Check, type ProbeName } from "./probe.ts";

/** Answers a probe before there is a node that could: that it lives, and what it is busy with. */
export function answerEarly(
  request: IncomingMessage,
  response: ServerResponse,
  busyWith: string,
): void {
  const probe = probeOf(request);
  const check: Check = { name: "recovery", problem: probe === "livez" ? null : busyWith };
  const { status, text } = probeAnswer(probe ?? "readyz", [check]);
  // The connection is not kept: it would be one to a node that is not there yet.
  const headers = { "Content-Type": "text/plain", Connection: "close", "Retry-After": "1" };
  response.writeHead(status, headers).end(text);
}

const probes: ReadonlyMap<string, ProbeName> = new Map(
  probeNames.map((name) => [`/${name}`, name]),
);

/** Which probe a request is; none if it is none. */
export function probeOf({ url = "/" }: Pick<IncomingMessage, "url">): ProbeName | undefined {
  return probes.get(url.split("?", 1)[0] ?? "");
}
