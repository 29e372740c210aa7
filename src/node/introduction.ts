/** What a node says of itself to whoever connects, and what it logs of its republic's past. */
import type { Refounded } from "../../consensus/index.ts";
import type { Hello, Listener } from "../../transport/index.ts";
import type { Logger } from "../logger.ts";
import type { NodeRecord } from "../storage/directory.ts";
import { version } from "../version.ts";

/** @param refounded Earlier identities of the republic, as far as this node's log tells. */
export function helloOf(
  { id, cookie, starts, republic }: NodeRecord,
  url: string,
  refounded: readonly Refounded[],
): Hello {
  const node = { id, cookie, starts, url };
  const hello = { republic: republic?.identity ?? null, node, version };
  if (refounded.length === 0) return hello;
  return { ...hello, formerly: refounded.map(({ before }) => before.identity) };
}

/** The advertised endpoint. */
export function urlOf(
  { advertise, listen }: NodeRecord,
  listeners: readonly Pick<Listener, "url">[],
): string {
  return advertise ?? listeners[0]?.url ?? listen[0] ?? "";
}

/** At each start: what a recovery may have cost is not to be forgotten. */
export function logRefounded(logger: Logger, refounded: readonly Refounded[]): void {
  for (const { cause, slot, when, before } of refounded) {
    const date = new Date(when).toISOString();
    logger.warn(
      { event: "refounded", cause, slot, when, before },
      `this republic was ${cause} at slot ${slot} on ${date}: before it was ${before.identity}`,
    );
  }
}
