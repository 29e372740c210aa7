/**
 * Asks the members how they are. A node without an answer within the bound counts as unreachable.
 */
import type { Legislator, NodeId } from "../../consensus/index.ts";
import type { Status } from "../api.ts";
import type { Peers } from "./peers.ts";
import type { NodeReport } from "../requests.ts";
import { isNodeReport } from "../codec/status-document.ts";
import { statusOf } from "./status.ts";

const reportMs = 500;

export interface StatusSources {
  readonly legislator: Pick<Legislator, "republic" | "view">;
  readonly own: NodeReport;
  readonly peers: Peers;
}

/** The cluster as one node sees it; each other member is asked, for at most half a second. */
export async function askStatus(
  { legislator, own, peers }: StatusSources,
  signal: AbortSignal,
): Promise<Status> {
  const asked = legislator.republic.members.map(async ({ id }) => {
    return [id, id === own.id ? own : await reportOf(peers, id, signal)] as const;
  });
  return statusOf(legislator.republic, legislator.view(), new Map(await Promise.all(asked)));
}

async function reportOf(peers: Peers, id: NodeId, signal: AbortSignal): Promise<NodeReport | null> {
  const options = { timeoutMs: reportMs, signal, lane: "control" as const };
  try {
    const response = await peers.call(id, { method: "report" }, options);
    const isReport = response?.kind === "document" && isNodeReport(response.document);
    return isReport ? response.document : null;
  } catch {
    // Whatever went wrong, it gave no answer: the status says that it is not reachable.
    return null;
  }
}
