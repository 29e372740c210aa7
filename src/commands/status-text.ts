/** The cluster and its members as a table for people. */
import Table from "cli-table3";
import type { Refounded } from "../../consensus/index.ts";
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
    ...(found.refounded ?? []).map(refoundedText),
    table.toString(),
  ].join("\n");
}

/** For ever visible: what a recovery may have cost, nobody else remembers. */
function refoundedText({ cause, slot, when, before }: Refounded): string {
  const date = new Date(when).toISOString();
  return `${cause.padEnd(12)}at slot ${slot}, ${date}, from ${before.name} (${before.identity})`;
}

function row(member: MemberStatus): string[] {
  const style = member.reachable ? "green" : "red";
  return [
    member.id,
    member.eligible ? member.role : `${member.role}, demoted`,
    coloured(style, member.reachable ? "yes" : "no", process.stdout),
    positionText(member.decided),
    positionText(member.applied),
    member.hash.slot === 0 ? unknown : `${member.hash.value} @${member.hash.slot}`,
    member.version === "" ? unknown : member.version,
    member.url,
  ];
}

/** What a member that cannot be reached would say. */
const unknown = "–";

function positionText({ index, slot }: MemberStatus["decided"]): string {
  return slot === 0 ? unknown : `${index} (slot ${slot})`;
}
