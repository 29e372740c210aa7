/** What the metrics say of the other members, as this node reaches and hears them. */
import type { NodeId } from "../../consensus/index.ts";
import type { Engine } from "../node/engine.ts";
import { counter, gauge, histogram, type Family, type Labels } from "./family.ts";
import type { PeerMeter } from "./meter.ts";

const prefix = "kibitzer_peer_";

type EachPeer = (read: (peer: PeerMeter) => number) => () => readonly (readonly [Labels, number])[];

export function peerFamilies(engine: Engine): readonly Family[] {
  const peers = (): readonly (readonly [NodeId, PeerMeter])[] => [...engine.meter.peers()];
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
      return indexes(engine, (index) => index);
    }),
    gauge(`${prefix}lag_entries`, "Entries that a member lags behind this node.", () => {
      const { index: here } = engine.view();
      return indexes(engine, (index) => Math.max(0, here - index));
    }),
    gauge(`${prefix}inflight_bytes`, "Bytes for a member that have not left.", () => {
      return [...engine.peers.reached()].map(({ id, caller }) => {
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
  engine: Engine,
  valueOf: (index: number) => number,
): readonly (readonly [Labels, number])[] {
  const past = engine.journal?.past;
  if (past === undefined) return [];
  return [...engine.meter.peers()].flatMap(([peer, { decided }]) => {
    if (decided === 0) return [];
    return [[{ peer }, valueOf(past.indexAt(decided) ?? past.indexAt(past.base) ?? 0)]];
  });
}

/** How many of `ids`, or of all members, can be spoken to; this node can always. */
export function reachableMembers(engine: Engine, ids: readonly NodeId[] | null = null): number {
  const { republic } = engine.state.legislator;
  const cookies = new Map(
    [...engine.peers.reached()].map(({ id, caller }) => {
      return [id, caller.connected ? caller.remote?.node?.cookie : undefined];
    }),
  );
  cookies.set(engine.directory.record.id, engine.directory.record.cookie);
  return republic.members.filter(({ id, cookie }) => {
    return (ids === null || ids.includes(id)) && cookies.get(id) === cookie;
  }).length;
}
