/**
 * What all clients of a run asked and were told, in one history: it has an order that respects real
 * time (C4). Looks at their answers only, never at a node.
 */
import { checkHistory } from "../history/check.ts";
import { log } from "../history/log.ts";
import { Pairing, type HistoryEvent } from "../history/operation.ts";
import { Violation } from "../core/violation.ts";

/** @throws {Violation} C4, also when no verdict could be reached: a check that was not made. */
export function checkLinearizability(events: readonly HistoryEvent[]): void {
  const pairing = new Pairing();
  // Lines as in history.jsonl, which begins with a header.
  for (const [place, event] of events.entries()) pairing.add(event, place + 2);
  const { verdict, problem } = checkHistory(pairing.operations, { model: log });
  if (verdict === "linearizable") return;
  throw new Violation("C4", `the history is ${verdict}: ${problem?.reason}`);
}
