/**
 * The door `kibitzer/client` in Node.js: a client over WebSocket, TCP and Unix sockets. Loads no
 * package but `ws`, and nothing that touches a disk.
 *
 * @module kibitzer/client
 */
import type { Credentials } from "./access/credentials.ts";
import { clientDoor, type ClientDoor } from "./client/client-door.ts";
import type { ClientOptions, KibitzerClient as Client } from "./client/kibitzer-client.ts";
import { silent } from "./logger.ts";
import { clientNetwork } from "./system/client-network.ts";
import { systemChance } from "./system/system-chance.ts";
import { systemClock } from "./system/system-clock.ts";

export type { ClientOptions, ClientWorld } from "./client/kibitzer-client.ts";
export { KibitzerError } from "./kibitzer-error.ts";

export type KibitzerClient = Client;
export const KibitzerClient: ClientDoor = clientDoor(async (options) => {
  const credentials = await credentialsOf(options);
  return {
    clock: systemClock(),
    chance: systemChance(),
    network: clientNetwork(credentials),
    released: () => credentials?.[Symbol.dispose](),
  };
});

/** Loaded only by who has any. */
async function credentialsOf({
  tls,
  token,
  logger = silent,
}: ClientOptions): Promise<Credentials | null> {
  if (tls === undefined && token === undefined) return null;
  const { Credentials } = await import("./access/credentials.ts");
  return await Credentials.open({ tls, token, logger });
}
