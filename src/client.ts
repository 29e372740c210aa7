/**
 * The door `kibitzer/client` in Node.js: a client over WebSocket, TCP and Unix sockets. Loads no
 * package but `ws`, and nothing that touches a disk.
 *
 * @module kibitzer/client
 */
import { clientDoor, type ClientDoor } from "./client/client-door.ts";
import type { KibitzerClient as Client } from "./client/kibitzer-client.ts";
import { clientNetwork } from "./system/client-network.ts";
import { systemChance } from "./system/system-chance.ts";
import { systemClock } from "./system/system-clock.ts";

export type { ClientOptions, ClientWorld } from "./client/kibitzer-client.ts";
export { KibitzerError } from "./kibitzer-error.ts";

export type KibitzerClient = Client;
export const KibitzerClient: ClientDoor = clientDoor(() => ({
  clock: systemClock(),
  chance: systemChance(),
  network: clientNetwork(),
}));
