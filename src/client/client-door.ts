/**
 * What `KibitzerClient` is at a door: the client, on the network of that platform.
 *
 * @module kibitzer/client/door
 */
import { checkedEndpoint } from "../checked-endpoint.ts";
import { noEndpoints } from "./errors.ts";
import { KibitzerClient, type ClientOptions, type ClientWorld } from "./kibitzer-client.ts";

export interface ClientDoor {
  /**
   * Connects to the first of `endpoints` that answers. When it is lost, or gets nothing decided,
   * the client goes to the next by itself, for as long as it lives.
   *
   * @throws {KibitzerError} `KBZ_UNREACHABLE` when none answers in time; `KBZ_ENDPOINT` when one
   *   cannot be parsed, or is of a network that this platform does not have.
   * @throws The reason of `signal`.
   */
  connect(endpoints: readonly string[], options?: ClientOptions): Promise<KibitzerClient>;
}

export function clientDoor(worldHere: () => ClientWorld): ClientDoor {
  return {
    connect: async (endpoints, options = {}) => {
      if (!Array.isArray(endpoints) || endpoints.length === 0) throw noEndpoints(endpoints);
      const urls: readonly string[] = [...new Set(endpoints)];
      if (options.world === undefined) urls.forEach((url) => checkedEndpoint(url));
      options.signal?.throwIfAborted();
      return await KibitzerClient.open(urls, options, options.world ?? worldHere());
    },
  };
}
