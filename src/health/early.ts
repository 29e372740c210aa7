/** What a node that has not started yet answers over HTTP: probes, and that it does no more. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { problemDocument } from "../http/problem.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { probeAnswer, probeNames, type Check, type ProbeName } from "./probe.ts";

/**
 * Answers before there is a node that could: a probe, that it lives, and what it is busy with; all
 * else as the interface tells its problems, so that whoever asks can tell that it may ask again.
 */
export function answerEarly(
  request: IncomingMessage,
  response: ServerResponse,
  busyWith: string,
): void {
  const probe = probeOf(request);
  const { status, type, text } =
    probe === undefined ? notYet(busyWith) : probed(probe, probe === "livez" ? null : busyWith);
  // The connection is not kept: it would be one to a node that is not there yet.
  const headers = { "Content-Type": type, Connection: "close", "Retry-After": "1" };
  response.writeHead(status, headers).end(text);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function probed(probe: ProbeName, problem: string | null): Answer {
  const check: Check = { name: "recovery", problem };
  return { ...probeAnswer(probe, [check]), type: "text/plain" };
}

function notYet(busyWith: string): Answer {
  const message = `This node has not started yet: ${busyWith}. Ask another, or again later.`;
  const error = new KibitzerError("KBZ_BUSY", message, { retryable: true, outcome: "none" });
  const document = problemDocument(error);
  const text = `${JSON.stringify(document)}\n`;
  return { status: document.status, type: "application/problem+json", text };
}

const probes: ReadonlyMap<string, ProbeName> = new Map(
  probeNames.map((name) => [`/${name}`, name]),
);

/** Which probe a request is; none if it is none. */
export function probeOf({ url = "/" }: Pick<IncomingMessage, "url">): ProbeName | undefined {
  return probes.get(url.split("?", 1)[0] ?? "");
}
