/**
 * Which hosts a request may name. A page of another site runs in a browser that may reach this
 * node, and must neither publish nor read here: its `Origin` is not one of ours; and where its own
 * name was made to lead here (DNS rebinding), the `Host` is not.
 */
import { isIP } from "node:net";
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../loopback.ts";

/**
 * Whether an ordinary request may be meant for this node.
 * @param isOurs Whether a host name is this node's, another member's, or one that was allowed.
 */
export function isForUs(
  { host, origin }: IncomingHttpHeaders,
  isOurs: (name: string) => boolean,
): boolean {
  const name = nameOf(`http://${host ?? ""}`);
  // Nobody can make an address lead elsewhere.
  if (name === null || !(isIP(name) > 0 || isLoopback(name) || isOurs(name))) return false;
  return isOriginOurs(origin, isOurs);
}

/** Browsers always say which page asks for a WebSocket; who says nothing is none. */
export function isOriginOurs(
  origin: string | undefined,
  isOurs: (name: string) => boolean,
): boolean {
  if (origin === undefined) return true;
  const name = nameOf(origin);
  return name !== null && (isLoopback(name) || isOurs(name));
}

/** The host of a URL as others compare it, without port and brackets; null when there is none. */
export function nameOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { hostname } = new URL(url);
  const name = hostname
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase();
  return name === "" ? null : name;
}

/** Whether `host` is one as they are compared: in lower case, without port and brackets. */
export function isHostName(host: unknown): boolean {
  if (typeof host !== "string") return false;
  return nameOf(`http://${host.includes(":") ? `[${host}]` : host}`) === host;
}
