/** What a call of a node that is closed is told. */
import { KibitzerError } from "../kibitzer-error.ts";

export function closedError(): KibitzerError {
  return new KibitzerError("KBZ_CLOSED", "This node is closed. Open it again to go on.", {
    retryable: false,
    outcome: "none",
  });
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
