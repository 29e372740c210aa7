/** How a node names itself to others, from what its directory remembers. */
import type { Hello, Listener } from "../../transport/index.ts";
import type { NodeRecord } from "../storage/directory.ts";
import { version } from "../version.ts";

export function helloOf({ id, cookie, starts, republic }: NodeRecord, url: string): Hello {
  const node = { id, cookie, starts, url };
  return { republic: republic?.identity ?? null, node, version };
}

/** The advertised endpoint. */
export function urlOf(
  { advertise, listen }: NodeRecord,
  listeners: readonly Pick<Listener, "url">[],
): string {
  return advertise ?? listeners[0]?.url ?? listen[0] ?? "";
}
