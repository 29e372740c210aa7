/**
 * The door `kibitzer/client` in a browser: the same client over the browser's own WebSocket. All
 * that it loads is of this package, by relative paths: a page needs no bundler.
 */
import { createBrowserTransport } from "../transport/browser.ts";
import { clientDoor, type ClientDoor } from "./client/client-door.ts";
import { notInBrowsers } from "./client/errors.ts";
import type { ClientOptions, KibitzerClient as Client } from "./client/kibitzer-client.ts";
import { codecs } from "./system/codecs.ts";
import { systemChance } from "./system/system-chance.ts";
import { systemClock } from "./system/system-clock.ts";

export type { ClientOptions, ClientWorld } from "./client/kibitzer-client.ts";
export { KibitzerError } from "./kibitzer-error.ts";

export type KibitzerClient = Client;
export const KibitzerClient: ClientDoor = clientDoor((options) =>
  Promise.resolve({
    clock: systemClock(),
    chance: systemChance(),
    network: createBrowserTransport({ ...codecs, token: tokenOf(options) }),
  }),
);

/** Certificates are the browser's own affair, and it reads no files. */
function tokenOf({ tls, token }: ClientOptions): () => string | null {
  if (tls !== undefined || typeof token === "object") throw notInBrowsers();
  return () => token ?? null;
}
