/** All metrics of one node. */
import type { Engine } from "../node/engine.ts";
import { protocol, version } from "../version.ts";
import { clientFamilies } from "./client-families.ts";
import { consensusFamilies } from "./consensus-families.ts";
import { counter, gauge, type Family } from "./family.ts";
import { peerFamilies } from "./peer-families.ts";
import { storageFamilies } from "./storage-families.ts";

export function familiesOf(engine: Engine): readonly Family[] {
  return [
    ...consensusFamilies(engine),
    ...storageFamilies(engine),
    ...peerFamilies(engine),
    ...clientFamilies(engine),
    ...nodeFamilies(engine),
  ];
}

function nodeFamilies(engine: Engine): readonly Family[] {
  return [
    gauge("kibitzer_build_info", "Always 1; the versions are its labels.", () => [
      [{ version, node: process.versions.node }, 1],
    ]),
    gauge("kibitzer_protocol_version", "The latest version of the protocol that it speaks.", () => {
      return protocol.most;
    }),
    counter(
      "kibitzer_state_digest_mismatch_total",
      "Times that a member's state, or this node's own, was found to differ.",
      () => engine.meter.mismatches(engine.state.legislator.differing),
    ),
  ];
}
