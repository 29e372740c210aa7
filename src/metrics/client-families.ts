/** What the metrics say of clients: what they asked, how they read, and their leases. */
import { KvMachine } from "../kv/kv-machine.ts";
import type { RunningNode } from "../node/running-node.ts";
import { counter, gauge, histogram, type Family } from "./family.ts";

const prefix = "kibitzer_client_";

export function clientFamilies(node: RunningNode): readonly Family[] {
  const { requests, readings } = node.meter;
  return [
    gauge(`${prefix}sessions`, "Publishers that the replicated state knows.", () => {
      return node.state.legislator.republic.publisherCount;
    }),
    counter(`${prefix}requests_total`, "Requests of clients, by how they ended.", () => {
      return [...requests.codes].flatMap(([method, codes]) => {
        return [...codes.entries()].map(([code, count]) => [{ method, code }, count] as const);
      });
    }),
    histogram(`${prefix}request_duration_seconds`, "Requests of clients, waits included.", () => {
      return [...requests.durations].map(([method, recorder]) => [{ method }, recorder] as const);
    }),
    gauge(`${prefix}watchers`, "Readings of entries that clients have under way here.", () => {
      return readings.size;
    }),
    gauge(
      `${prefix}watcher_lag_entries`,
      "Entries before the reading that is farthest back.",
      () => {
        const { indexLast } = node.reader;
        return [...readings].reduce((most, { next }) => Math.max(most, indexLast + 1 - next), 0);
      },
    ),
    ...leaseFamilies(node),
  ];
}

/** Leases are the key–value map's: a node without it has none. */
function leaseFamilies({ machine }: RunningNode): readonly Family[] {
  const read = (of: "active" | "expired") => (): number | null =>
    machine.machine instanceof KvMachine ? machine.machine.leaseCounts[of] : null;
  return [
    gauge("kibitzer_lease_active", "Leases of the key–value map that run.", read("active")),
    counter("kibitzer_lease_expired_total", "Leases that ended by time here.", read("expired")),
  ];
}
