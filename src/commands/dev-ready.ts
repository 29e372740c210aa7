/**
 * When a cluster counts as ready: all nodes seated, a leader known to each, and a publish would be
 * accepted. Asks status and a barrier only; never publishes.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Log, Status } from "../api.ts";

const pollMs = 40;
const answerMsMax = 2000;
/** Seats that a republic fills unless it is told otherwise. */
const seatsDefault = 5;

/** How many of so many nodes get a seat: the largest odd number, at most the default. */
export function seatsOf(nodes: number): number {
  const odd = nodes % 2 === 1 ? nodes : nodes - 1;
  return Math.min(odd, seatsDefault);
}

/** What is still missing, in words; null when nothing is. */
export function missingOf(found: Status, nodes: number): string | null {
  const { parliament, leader } = found.government;
  const seats = seatsOf(nodes);
  if (found.members.length < nodes) return `${found.members.length} of ${nodes} nodes admitted`;
  if (parliament.length < seats) return `${parliament.length} of ${seats} seats filled`;
  if (leader === null) return "no leader known";
  return null;
}

/**
 * Asks until all `logs` answer that nothing is missing of `nodes`, which falls when one is found to
 * be exiled; `waiting` is told what is.
 */
export async function untilReady(
  logs: () => readonly Pick<Log, "status" | "barrier">[],
  nodes: () => number,
  options: { readonly signal: AbortSignal; waiting(missing: string): void },
): Promise<void> {
  for (;;) {
    const missing = await askAll(logs(), nodes(), options.signal);
    if (missing === null) return;
    options.waiting(missing);
    await delay(pollMs, undefined, { signal: options.signal });
  }
}

async function askAll(
  logs: readonly Pick<Log, "status" | "barrier">[],
  nodes: number,
  signal: AbortSignal,
): Promise<string | null> {
  if (logs.length === 0) return "no node answers";
  try {
    for (const log of logs) {
      const missing = missingOf(await log.status({ signal: answerLimit(signal) }), nodes);
      if (missing !== null) return missing;
    }
    // A leader that a quorum confirms, and that has decided in its own ballot, accepts entries.
    await logs[0]?.barrier({ signal: answerLimit(signal) });
    return null;
  } catch (error) {
    if (signal.aborted) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

function answerLimit(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
}
