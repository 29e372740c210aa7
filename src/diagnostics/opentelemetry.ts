/**
 * Spans of what nodes in this process do, for an application that traces by OpenTelemetry already.
 * Nothing of it is loaded before it is asked for, and the package of its API is the application's.
 */
import type { TracingChannel } from "node:diagnostics_channel";
import type * as OpenTelemetry from "@opentelemetry/api";
import { KibitzerError } from "../kibitzer-error.ts";
import { version } from "../version.ts";
import { apply, fsync, peerSend, propose, replicate, snapshot } from "./channels.ts";

const traced: readonly (readonly [string, TracingChannel<string, object>])[] = [
  ["kibitzer.propose", propose],
  ["kibitzer.replicate", replicate],
  ["kibitzer.fsync", fsync],
  ["kibitzer.apply", apply],
  ["kibitzer.snapshot", snapshot],
  ["kibitzer.peer.send", peerSend],
];

/**
 * Makes a span of each thing that nodes of this process do, until what it returns is disposed.
 * @throws {KibitzerError} `KBZ_ARGUMENT` when `@opentelemetry/api` is not installed.
 */
export async function traceWithOpenTelemetry(): Promise<Disposable> {
  const api = await load();
  const tracer = api.trace.getTracer("kibitzer", version);
  const stops = traced.map(([name, channel]) => {
    const spans = new WeakMap<object, OpenTelemetry.Span>();
    const end = (context: object): void => {
      spans.get(context)?.setAttributes(attributesOf(context)).end();
      spans.delete(context);
    };
    const subscribers = {
      start: (context: object): void => {
        spans.set(context, tracer.startSpan(name, { attributes: attributesOf(context) }));
      },
      // What takes turns ends later.
      end: name === "kibitzer.peer.send" ? end : nothing,
      asyncStart: nothing,
      asyncEnd: end,
      error: (context: object): void => {
        const error: unknown = "error" in context ? context.error : null;
        const message = error instanceof Error ? error.message : String(error);
        spans.get(context)?.setStatus({ code: api.SpanStatusCode.ERROR, message });
      },
    };
    channel.subscribe(subscribers);
    return (): void => {
      channel.unsubscribe(subscribers);
    };
  });
  return {
    [Symbol.dispose]: () => {
      for (const stop of stops) stop();
    },
  };
}

async function load(): Promise<Pick<typeof OpenTelemetry, "trace" | "SpanStatusCode">> {
  try {
    return await import("@opentelemetry/api");
  } catch (cause) {
    throw new KibitzerError(
      "KBZ_ARGUMENT",
      "Wanted the package @opentelemetry/api, of which there is none here: npm install " +
        "@opentelemetry/api, beside the SDK that your application traces with.",
      { retryable: false, outcome: "none", cause },
    );
  }
}

function nothing(): void {
  // Neither the beginning nor the end of a span.
}

/** What is told of it, as far as an attribute can hold that. */
function attributesOf(context: object): Record<string, string | number> {
  const entries: readonly [string, unknown][] = Object.entries(context);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => {
      const isPlain = typeof value === "string" || typeof value === "number";
      return isPlain ? [[`kibitzer.${name}`, value] as const] : [];
    }),
  );
}
