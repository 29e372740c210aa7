/** What a node's answer to a submission means to an Islander. */
import type { SubmissionResult } from "../../consensus/index.ts";
import type { Response } from "../requests.ts";

export function resultOf(response: Response): SubmissionResult {
  if (response.kind === "effect") return response.effect;
  if (response.kind === "refused") return { kind: "refused", reason: response.reason };
  // No answer to a submission: as good as none.
  return { kind: "lost" };
}
