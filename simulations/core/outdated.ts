/**
 * What answers a ballot that is not led any more moves nothing (A11): held against everything that
 * a leader or candidate remembers of its ballot, before and after.
 */
import type { LegislatorInput, Plain } from "../../consensus/index.ts";
import { sameBallot } from "../../consensus/index.ts";
import type { CoreNode } from "./core-node.ts";
import { demand } from "./violation.ts";

const answers: ReadonlySet<string> = new Set(["promised", "accepted", "confirmed"]);

/** What an answer to another ballot must leave as it is; null when the input is none. */
export function beforeOutdated(node: CoreNode, input: LegislatorInput): string | null {
  if (input.kind !== "receive" || !answers.has(input.message.kind)) return null;
  if (!("ballot" in input.message)) return null;
  const isCurrent = sameBallot(input.message.ballot, node.legislator.view().promised);
  // What a hand-over held back is proposed with whatever comes next.
  return isCurrent || isHandingOver(node) ? null : roleText(node);
}

export function checkOutdated(node: CoreNode, input: LegislatorInput, before: string): void {
  demand(roleText(node) === before, "A11", () => {
    const what = input.kind === "receive" ? input.message.kind : input.kind;
    return `${node.id} lets itself be moved by ${what} of a ballot that is over`;
  });
}

function isHandingOver(node: CoreNode): boolean {
  return part(roleOf(node), "handingOver") !== null;
}

function roleText(node: CoreNode): string {
  return JSON.stringify(roleOf(node));
}

function roleOf(node: CoreNode): Plain {
  return part(part(node.legislator.checkpoint(), "state"), "role");
}

function part(plain: Plain, key: string): Plain {
  if (plain === null || typeof plain !== "object") return null;
  return Object.entries(plain).find(([name]) => name === key)?.[1] ?? null;
}
