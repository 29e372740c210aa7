/** Names as this computer resolves them: hosts by its own rules, services by its DNS servers. */
import { lookup, Resolver } from "node:dns/promises";
import type { NameResolver } from "../world.ts";

/** @param servers Asked for services in place of the system's, as `address:port`. */
export function systemNames(servers?: readonly string[]): NameResolver {
  return {
    async addresses(host) {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    },
    async services(name) {
      // Made anew, since the system's servers may change.
      const resolver = new Resolver({ timeout: 2_000, tries: 2 });
      if (servers !== undefined) resolver.setServers(servers);
      const found = await resolver.resolveSrv(name);
      return found
        .toSorted((left, right) => left.priority - right.priority)
        .map(({ name: host, port }) => ({ host, port }));
    },
  };
}
