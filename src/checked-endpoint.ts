/** Endpoints that users give: parsed as the transport does, refused with a `KibitzerError`. */
import { parseEndpoint, type Endpoint } from "../transport/portable.ts";
import { asKibitzerError } from "./as-kibitzer-error.ts";

/** @throws {KibitzerError} `KBZ_ENDPOINT`. */
export function checkedEndpoint(url: string): Endpoint {
  try {
    return parseEndpoint(url);
  } catch (error) {
    throw asKibitzerError(error);
  }
}

/**
 * Whether a node can be given `url` to listen at or to call. Addresses of the network in memory are
 * that network's to read.
 *
 * @throws {KibitzerError} `KBZ_ENDPOINT`.
 */
export function checkEndpoint(url: unknown): void {
  if (typeof url === "string" && url.startsWith("memory:")) return;
  checkedEndpoint(typeof url === "string" ? url : String(url));
}
