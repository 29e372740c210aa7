/**
 * What browsers want to know before they let a page of another origin read an answer. Which pages
 * may ask at all was decided before.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

const requestHeaders = [
  "Authorization",
  "Content-Type",
  "Kibitz-Publisher",
  "Kibitz-Sequence",
  "Last-Event-ID",
];

/** Lets the page that asks, if there is one, read whatever is answered. */
export function letRead({ headers: { origin } }: IncomingMessage, outgoing: ServerResponse): void {
  if (origin === undefined) return;
  outgoing.setHeader("Access-Control-Allow-Origin", origin);
  outgoing.setHeader("Access-Control-Expose-Headers", "Kibitz-Index, Retry-After");
  outgoing.setHeader("Vary", "Origin");
}

/** What a page may send, as it asks with `OPTIONS` first. */
export function letSend(methods: string): Readonly<Record<string, string>> {
  return {
    "Access-Control-Allow-Methods": methods,
    "Access-Control-Allow-Headers": requestHeaders.join(", "),
    "Access-Control-Max-Age": "600",
  };
}
