/** Where endpoints of peers come from, as a user names it: parsed here, looked up elsewhere. */
import { isNodeId } from "../../consensus/index.ts";
import { formatEndpoint, type Endpoint } from "../../transport/index.ts";
import { checkEndpoint, checkedEndpoint } from "../checked-endpoint.ts";
import { KibitzerError } from "../kibitzer-error.ts";

export type PeerSource =
  | { readonly kind: "endpoint"; readonly url: string }
  /** All addresses of a host, each with this port. */
  | { readonly kind: "addresses"; readonly host: string; at(address: string): string }
  /** The hosts and ports of a service. */
  | { readonly kind: "services"; readonly name: string; at(host: string, port: number): string }
  /** One source a line, but no further file. */
  | { readonly kind: "file"; readonly path: string };

const forms =
  "an endpoint (ws://HOST:PORT), dns+ws://HOST:PORT, srv+ws://_SERVICE._tcp.DOMAIN or file:PATH";
const serviceName = /^(?=.{1,253}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/;

/** @throws {KibitzerError} `KBZ_ENDPOINT`. */
export function parsePeerSource(text: string): PeerSource {
  if (text.startsWith("file:")) {
    const path = text.slice("file:".length);
    if (path !== "" && !path.includes("\0")) return { kind: "file", path };
    throw refusal(text, "its path is missing");
  }
  if (text.startsWith("dns+")) return parseAddresses(text);
  if (text.startsWith("srv+")) return parseServices(text);
  checkEndpoint(text);
  return { kind: "endpoint", url: text };
}

function parseAddresses(text: string): PeerSource {
  const endpoint = checkedEndpoint(text.slice("dns+".length));
  if (!("host" in endpoint)) throw refusal(text, "a path has no address");
  const at = (address: string): string => formatEndpoint({ ...endpoint, host: address });
  return { kind: "addresses", host: endpoint.host, at };
}

function parseServices(text: string): PeerSource {
  const [, scheme = "", name = ""] = /^srv\+([a-z]+):\/\/([^/]*)\/?$/.exec(text) ?? [];
  if (!serviceName.test(name)) throw refusal(text, "it names no service");
  // Whatever is wrong with the scheme is wrong with it here, too.
  const endpoint: Endpoint = checkedEndpoint(`${scheme}://service:1`);
  if (!("host" in endpoint)) throw refusal(text, "a path has no address");
  const at = (host: string, port: number): string => formatEndpoint({ ...endpoint, host, port });
  return { kind: "services", name, at };
}

/**
 * Who found a republic together: the first of them, once all the others have said that they know of
 * none.
 * @throws {KibitzerError} `KBZ_ARGUMENT`.
 */
export function checkFounders(founders: readonly string[]): void {
  const isDistinct = new Set(founders).size === founders.length;
  if (founders.length >= 2 && isDistinct && founders.every(isNodeId)) return;
  throw new KibitzerError(
    "KBZ_ARGUMENT",
    `Wanted the ids of two founders at least, each once; found ${JSON.stringify(founders)}. A ` +
      "republic that one node founds by itself is bootstrapped there.",
    { retryable: false, outcome: "none" },
  );
}

function refusal(text: string, found: string): KibitzerError {
  const shown = JSON.stringify(text.slice(0, 100));
  const message = `Wanted a source of peers, got ${shown}: ${found}. Use ${forms}.`;
  return new KibitzerError("KBZ_ENDPOINT", message, { retryable: false, outcome: "none" });
}
