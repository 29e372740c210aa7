/** Which hosts are this computer itself, whoever asks. */
import { BlockList, isIP } from "node:net";

const addresses = new BlockList();
addresses.addSubnet("127.0.0.0", 8);
addresses.addAddress("::1", "ipv6");

/**
 * IPv4 addresses in the clothes of IPv6 count, too; so do names below `localhost`, which lead
 * nowhere else (RFC 6761, section 6.3).
 *
 * @param host A name or an address, in lower case, without port and brackets.
 */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === "localhost" || host.endsWith(".localhost");
  return addresses.check(host, family === 4 ? "ipv4" : "ipv6");
}
