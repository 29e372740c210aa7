/** What a change of members would do to the quorum, as a table for people and as JSON. */
import Table from "cli-table3";
import type { MembershipPreview, QuorumArithmetic } from "../api.ts";

export function previewText({ before, after, refused, note }: MembershipPreview): string {
  const table = new Table({
    head: ["", "seats", "parliament", "majority", "reachable", "survives"],
    style: { head: [], border: [], compact: true },
  });
  table.push(row("now", before));
  if (refused === null) table.push(row("then", after));
  const lines = [table.toString()];
  if (note !== null) lines.push(note);
  if (refused !== null) lines.push(`It would be refused: ${refused.message}`);
  return [...lines, "Nothing was changed (--dry-run)."].join("\n");
}

function row(name: string, arithmetic: QuorumArithmetic): string[] {
  const { parliament, majority, reachable } = arithmetic;
  return [
    name,
    String(parliament.length),
    parliament.join(" "),
    String(majority),
    String(reachable),
    survivalText(arithmetic),
  ];
}

function survivalText({ survives }: QuorumArithmetic): string {
  if (survives === null) return "no quorum";
  return survives === 1 ? "1 failure" : `${survives} failures`;
}

/** Stable keys; an error as its code and message. */
export function previewJson({
  change,
  before,
  after,
  refused,
  note,
}: MembershipPreview): Readonly<Record<string, unknown>> {
  const why = refused === null ? null : { code: refused.code, message: refused.message };
  return { dryRun: true, change, allowed: refused === null, before, after, refused: why, note };
}
