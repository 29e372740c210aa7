/**
 * What `KibitzerClient` is at a door: the client, on the network of that platform.
 *
 * @module kibitzer/client/door
 */
import { checkedTimeout, checkOptions, type OptionNames } from "../arguments.ts";
import { checkedEndpoint } from "../checked-endpoint.ts";
import { credentialsAndWorld, noEndpoints } from "./errors.ts";
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

const optionNames: OptionNames<ClientOptions> = {
  timeoutMs: true,
  signal: true,
  waiting: true,
  publisher: true,
  tls: true,
  token: true,
  logger: true,
  world: true,
};

const publisherNames: OptionNames<ClientOptions["publisher"]> = {
  publisher: true,
  sequenceNext: true,
};

/** @param worldHere What there is on this platform, with what the options say of it. */
export function clientDoor(
  worldHere: (options: ClientOptions) => Promise<ClientWorld>,
): ClientDoor {
  return {
    connect: async (endpoints, options = {}) => {
      if (!Array.isArray(endpoints) || endpoints.length === 0) throw noEndpoints(endpoints);
      checkOptions(options, optionNames);
      if (options.publisher !== undefined) {
        checkOptions(options.publisher, publisherNames, "publisher.");
      }
      const urls: readonly string[] = [...new Set(endpoints)];
      if (options.world === undefined) urls.forEach((url) => checkedEndpoint(url));
      options.signal?.throwIfAborted();
      const { world, tls, token } = options;
      if (world !== undefined && (tls ?? token) !== undefined) throw credentialsAndWorld();
      if (options.timeoutMs !== undefined) checkedTimeout(options.timeoutMs);
      return await KibitzerClient.open(urls, options, world ?? (await worldHere(options)));
    },
  };
}
