/** What a node's answer to a submission means to an Islander. */
import type { SubmissionResult } from "../../consensus/index.ts";
import type { BatchResults } from "../machine/results.ts";
import type { Response } from "../requests.ts";

export function resultOf(response: Response): SubmissionResult {
  if (response.kind === "effect") return response.effect;
  if (response.kind === "refused") return { kind: "refused", reason: response.reason };
  // No answer to a submission: as good as none.
  return { kind: "lost" };
}

/** What the state machine of the node that was asked made of the batch. */
export function resultsIn(response: Response): BatchResults {
  return response.kind === "effect" ? response.results : null;
}

/** Whether the submission had and will have no effect. */
export function isWithoutEffect({ kind }: SubmissionResult): boolean {
  return kind === "refused" || kind === "unknownPublisher" || kind === "forbidden";
}
