/** Who may be lost so that the others must get on without. */
import type { Decree } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { Chosen } from "./chosen.ts";
import type { CoreCluster } from "./core-cluster.ts";
import type { CoreNode } from "./core-node.ts";

/** Some seats, fewer than half; none while seats are being taken or let. */
export function drawMinority(
  cluster: CoreCluster,
  chosen: Chosen,
  prng: Prng,
): readonly CoreNode[] {
  const { government } = chosen.republic;
  if (government === null || isChanging(cluster, chosen)) return [];
  const before = chosen.government(government.number - 1) ?? government;
  const lost: CoreNode[] = [];
  // What one disk has lost stands on the others: without them there may be no intact copy left.
  const damaged = government.parliament.filter((id) => cluster.node(id).disk.durable.lostUpTo > 0);
  const candidates = damaged.length > 0 ? damaged : government.parliament;
  for (const id of prng.shuffle(candidates)) {
    const node = cluster.node(id);
    const isMinority = [before, government].every(({ parliament }) => {
      const seats = parliament.filter((seat) => lost.some((each) => each.id === seat));
      return 2 * (seats.length + (parliament.includes(id) ? 1 : 0)) < parliament.length;
    });
    if (isMinority && !node.retired) lost.push(node);
  }
  return lost;
}

/** Whether a smaller parliament may come of what stands in some log, or of who may sit no more. */
function isChanging({ nodes }: CoreCluster, chosen: Chosen): boolean {
  const { members, government } = chosen.republic;
  const isSeated = (id: string): boolean => government?.parliament.includes(id) === true;
  if (members.some(({ id, eligible }) => isSeated(id) && !eligible)) return true;
  const isOpen = ({ slot, value }: Decree): boolean => {
    return slot > chosen.length && (value.kind === "succession" || value.kind === "eligibility");
  };
  return [...nodes.values()].some(({ disk }) => disk.written.log.some(isOpen));
}
