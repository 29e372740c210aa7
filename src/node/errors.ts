/** What calls of a node are told that it cannot serve: it is closed, or in no such republic. */
import { KibitzerError } from "../kibitzer-error.ts";

export function closedError(): KibitzerError {
  return new KibitzerError("KBZ_CLOSED", "This node is closed. Open it again to go on.", {
    retryable: false,
    outcome: "none",
  });
}

export function noRepublicYet(): KibitzerError {
  return new KibitzerError(
    "KBZ_NOT_FOUND",
    "This node is in no republic yet: bootstrap or join one, or ask another node.",
    { retryable: true, outcome: "none" },
  );
}

/** The name insisted on is not that of the republic here. */
export function wrongRepublic(wanted: string, found: string): KibitzerError {
  return new KibitzerError(
    "KBZ_REPUBLIC",
    `Wanted the republic "${wanted}", found "${found}" at this endpoint. Join at an endpoint of ` +
      `"${wanted}", or leave the name out to join "${found}".`,
    { retryable: false, outcome: "none" },
  );
}
