/** Readings of a log by a client, from which no entry may be missing. */
import assert, { AssertionError } from "node:assert/strict";
import type { KibitzerClient } from "../../src/client.ts";
import { KibitzerError, type Entry } from "../../src/index.ts";
import type { OpenOperation } from "../../simulations/history/recorder.ts";

/** A barrier, and all there is after it at the same endpoint: anywhere else it proves nothing. */
export async function textsFrom(
  client: KibitzerClient,
  from: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { endpoint } = client;
  await client.barrier({ signal });
  const texts = await gathered(client.entries({ from, follow: false, signal }), from);
  if (client.endpoint !== endpoint) throw new Error("the endpoint changed meanwhile");
  return texts;
}

export async function gathered(
  entries: AsyncIterable<Entry>,
  from: number,
): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const entry of entries) {
    assert.equal(entry.index, from + texts.length, "a reading has no gap");
    texts.push(entry.text());
  }
  return texts;
}

/** A question that gets no answer has changed nothing. A hole in an answer is another matter. */
export async function unanswered(
  operation: OpenOperation,
  ask: () => Promise<void>,
): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    operation.fail(error instanceof KibitzerError ? error.code : String(error));
  }
}
