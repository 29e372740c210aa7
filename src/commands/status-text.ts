/** The cluster and its members as a table for people. */
import Table from "cli-table3";
import type { MemberStatus, Status } from "../api.ts";
import { coloured } from "./output.ts";

export function statusText(found: Status): string {
  const { government, republic, decided, ballot } = found;
  const table = new Table({
    head: ["id", "role", "reachable", "decided", "applied", "state hash", "version", "url"],
    style: { head: [], border: [], compact: true },
  });
  for (const member of found.members) table.push(row(member));
  return [
    `republic    ${republic.name} (${republic.identity})`,
    `government  ${government.number}, leader ${government.leader ?? "unknown"}, ` +
      `parliament ${government.parliament.join(", ") || "empty"}`,
    `decided     index ${decided.index}, slot ${decided.slot}, ` +
      `ballot ${ballot.government}/${ballot.round}/${ballot.id}`,
    table.toString(),
  ].join("\n");
}

function row(member: MemberStatus): string[] {
  const style = member.reachable ? "green" : "red";
  return [
    member.id,
    member.role,
    coloured(style, member.reachable ? "yes" : "no", process.stdout),
    `${member.decided.index} (slot ${member.decided.slot})`,
    `${member.applied.index} (slot ${member.applied.slot})`,
    `${member.hash.value} @${member.hash.slot}`,
    member.version,
    member.url,
  ];
}
