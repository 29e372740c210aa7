/**
 * Whether a node may be written into the log for good: every other node will read what it says of
 * itself, call it at its endpoint, and do so again at each of its starts.
 */
import type { Citizen } from "../../consensus/index.ts";
import { checkedEndpoint } from "../checked-endpoint.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { decodeValue, encodeValue } from "../codec/value-check.ts";

/**
 * A copy that nobody else can change.
 * @throws {KibitzerError} `KBZ_ARGUMENT` or `KBZ_ENDPOINT`.
 */
export function checkedCitizen(citizen: Citizen): Citizen {
  checkReachable(citizen.url);
  try {
    const value = decodeValue("admission", encodeValue({ kind: "admission", citizen }));
    if (value.kind === "admission") return value.citizen;
  } catch (cause) {
    throw refusal("KBZ_ARGUMENT", `its id, cookie or properties are out of bounds`, cause);
  }
  throw refusal("KBZ_ARGUMENT", "it is not a citizen");
}

function checkReachable(url: string): void {
  if (url.startsWith("memory:")) return;
  if (url === "") throw refusal("KBZ_ENDPOINT", "it has no endpoint to be called at");
  const endpoint = checkedEndpoint(url);
  if (endpoint.kind === "unix" || endpoint.port > 0) return;
  throw refusal("KBZ_ENDPOINT", `nobody can call ${url}`);
}

function refusal(
  code: "KBZ_ARGUMENT" | "KBZ_ENDPOINT",
  found: string,
  cause?: unknown,
): KibitzerError {
  return new KibitzerError(
    code,
    `Wanted a node for the republic, found that ${found}. It needs an endpoint that others can ` +
      "call (listen, advertise) and properties that are texts, of 4096 bytes at most together.",
    { retryable: false, outcome: "none", cause },
  );
}

/** Who they are, without what has become of them. */
export function citizensOf(members: readonly Citizen[]): readonly Citizen[] {
  return members.map(({ id, cookie, url, properties }) => ({ id, cookie, url, properties }));
}
