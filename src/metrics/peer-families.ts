/** What the metrics say of the other members, as this node reaches and hears them. */
import type { NodeId } from "../../consensus/index.ts";
import type { RunningNode } from "../node/running-node.ts";
import { counter, gauge, histogram, type Family, type Labels } from "./family.ts";
import type { PeerMeter } from "./meter.ts";

const prefix = "kibitzer_peer_";

type EachPeer = (read: (peer: PeerMeter) => number) => () => readonly (readonly [Labels, number])[];

export function peerFamilies(node: RunningNode): readonly Family[] {
  const peers = (): readonly (readonly [NodeId, PeerMeter])[] => [...node.meter.peers()];
  const each: EachPeer = (read) => () => peers().map(([peer, found]) => [{ peer }, read(found)]);
  return [
    histogram(`${prefix}round_trip_seconds`, "From a ping to its pong.", () => {
      return peers().map(([peer, { roundTrips }]) => [{ peer }, roundTrips] as const);
    }),
    counter(
      `${prefix}sent_bytes_total`,
      "Bytes sent to a member, answers included.",
      each(({ sentBytes }) => sentBytes),
    ),
    counter(
      `${prefix}received_bytes_total`,
      "Bytes received of a member, answers included.",
      each(({ receivedBytes }) => receivedBytes),
    ),
    counter(
      `${prefix}send_failures_total`,
      "Messages to a member dropped before they left.",
      each(({ sendFailures }) => sendFailures),
    ),
    gauge(`${prefix}match_index`, "The last index that a member said it had decided.", () => {
      return indexes(node, (index) => index);
    }),
    gauge(`${prefix}lag_entries`, "Entries that a member lags behind this node.", () => {
      const { index: here } = node.view();
      return indexes(node, (index) => Math.max(0, here - index));
    }),
    gauge(`${prefix}inflight_bytes`, "Bytes for a member that have not left.", () => {
      return [...node.peers.reached()].map(({ id, caller }) => {
        return [{ peer: id }, caller.queuedBytes] as const;
      });
    }),
  ];
}

/**
 * A member tells slots; of one so far behind that its index is only on the disk, the first index
 * that is known stands for it.
 */
function indexes(
  node: RunningNode,
  valueOf: (index: number) => number,
): readonly (readonly [Labels, number])[] {
  const past = node.journal?.past;
  if (past === undefined) return [];
  return [...node.meter.peers()].flatMap(([peer, { decided }]) => {
    if (decided === 0) return [];
    return [[{ peer }, valueOf(past.indexAt(decided) ?? past.indexAt(past.base) ?? 0)]];
  });
}

/** How many of `ids`, or of all members, can be spoken to; this node can always. */
export function reachableMembers(node: RunningNode, ids: readonly NodeId[] | null = null): number {
  const { republic } = node.state.legislator;
  const cookies = new Map(
    [...node.peers.reached()].map(({ id, caller }) => {
      return [id, caller.connected ? caller.remote?.node?.cookie : undefined];
    }),
  );
  cookies.set(node.directory.record.id, node.directory.record.cookie);
  return republic.members.filter(({ id, cookie }) => {
    return (ids === null || ids.includes(id)) && cookies.get(id) === cookie;
  }).length;
}
