/** What the metrics say of agreement: who leads, how far the log is, what became of proposals. */
import type { RunningNode } from "../node/running-node.ts";
import { counter, gauge, histogram, type Family } from "./family.ts";
import { reachableMembers } from "./peer-families.ts";

const prefix = "kibitzer_consensus_";

export function consensusFamilies(node: RunningNode): readonly Family[] {
  const { meter, state } = node;
  const { legislator } = state;
  return [
    gauge(`${prefix}has_leader`, "Whether this node knows who leads.", () => {
      return legislator.leader === null ? 0 : 1;
    }),
    gauge(`${prefix}is_leader`, "Whether this node leads.", () => {
      return legislator.role === "leading" ? 1 : 0;
    }),
    counter(`${prefix}leader_changes_total`, "Times that another node led than before.", () => {
      return meter.leaderChanges;
    }),
    gauge(`${prefix}ballot`, "The round of the leader's ballot.", () => node.view().ballot.round),
    counter(`${prefix}elections_total`, "Candidacies of this node, by how they ended.", () => {
      return ["won", "lost"].map((outcome) => [{ outcome }, meter.elections.of(outcome)] as const);
    }),
    gauge(`${prefix}committed_index`, "The last index decided here.", () => node.view().index),
    gauge(`${prefix}applied_index`, "The last index applied by the state machine, if any.", () => {
      return node.report().applied.index;
    }),
    gauge(`${prefix}proposals_pending`, "Slots of the log that are not decided yet.", () => {
      const { length, decided } = node.view();
      return Math.max(0, length - decided);
    }),
    counter(`${prefix}proposals_failed_total`, "Batches handed in here and refused.", () => {
      return [...meter.failedProposals.entries()].map(([reason, count]) => {
        return [{ reason }, count] as const;
      });
    }),
    histogram(`${prefix}commit_duration_seconds`, "At the leader: from taken to decided.", () => [
      [{}, meter.commits],
    ]),
    histogram(`${prefix}apply_duration_seconds`, "A batch in the state machine.", () => [
      [{}, meter.applies],
    ]),
    counter(`${prefix}heartbeat_send_failures_total`, "Pings dropped before they left.", () => {
      return meter.heartbeatFailures;
    }),
    counter(`${prefix}read_index_failures_total`, "Barriers that this node could not give.", () => {
      return meter.readIndexFailures;
    }),
    gauge(`${prefix}members`, "Members of the republic.", () => legislator.republic.members.length),
    gauge(`${prefix}members_reachable`, "Of them, connected or this node itself.", () => {
      return reachableMembers(node);
    }),
    gauge(`${prefix}quorum`, "Members that must be up for anything to be decided.", () => {
      const seats = legislator.republic.government?.parliament.length ?? 0;
      return seats === 0 ? null : Math.floor(seats / 2) + 1;
    }),
    gauge(`${prefix}seats_reachable`, "Members that vote, connected or this node itself.", () => {
      const parliament = legislator.republic.government?.parliament;
      return parliament === undefined ? null : reachableMembers(node, parliament);
    }),
  ];
}
