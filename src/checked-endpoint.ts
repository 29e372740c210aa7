/** Endpoints that users give: parsed as the transport does, refused with a `KibitzerError`. */
import { parseEndpoint, type Endpoint } from "../transport/index.ts";
import { asKibitzerError } from "./as-kibitzer-error.ts";

/** @throws {KibitzerError} `KBZ_ENDPOINT`. */
export function checkedEndpoint(url: string): Endpoint {
  try {
    return parseEndpoint(url);
  } catch (error) {
    throw asKibitzerError(error);
  }
}
