/** All metrics of one node. */
import type { RunningNode } from "../node/running-node.ts";
import { protocol, version } from "../version.ts";
import { clientFamilies } from "./client-families.ts";
import { consensusFamilies } from "./consensus-families.ts";
import { counter, gauge, type Family } from "./family.ts";
import { peerFamilies } from "./peer-families.ts";
import { storageFamilies } from "./storage-families.ts";

export function familiesOf(node: RunningNode): readonly Family[] {
  return [
    ...consensusFamilies(node),
    ...storageFamilies(node),
    ...peerFamilies(node),
    ...clientFamilies(node),
    ...nodeFamilies(node),
  ];
}

function nodeFamilies(node: RunningNode): readonly Family[] {
  return [
    gauge("kibitzer_build_info", "Always 1; the versions are its labels.", () => [
      [{ version, node: process.versions.node }, 1],
    ]),
    gauge("kibitzer_protocol_version", "The latest version of the protocol that it speaks.", () => {
      return protocol.most;
    }),
    gauge("kibitzer_tls_cert_expiry_timestamp_seconds", "When a certificate ends.", () => {
      const ends = Map.groupBy(node.meter.certificates(), ({ role }) => role);
      return [...ends].map(([role, all]) => {
        return [{ role }, Math.min(...all.map(({ expiresAt }) => expiresAt)) / 1000] as const;
      });
    }),
    counter(
      "kibitzer_state_digest_mismatch_total",
      "Times that a member's state, or this node's own, was found to differ.",
      () => node.meter.mismatches,
    ),
  ];
}
