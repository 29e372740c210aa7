/** Who waits for an effect, as those who watch a node's batches are told of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { replicate } from "../../src/diagnostics/channels.ts";
import { Settlements } from "../../src/node/settlements.ts";
import type { Response } from "../../src/requests.ts";

test("a wait that all who waited give up has an end, once", () => {
  const told: unknown[] = [];
  const watch = (message: unknown): void => void told.push(message);
  replicate.asyncEnd.subscribe(watch);
  try {
    const settlements = new Settlements();
    const [first, second] = [new AbortController(), new AbortController()];
    const responses: Response[] = [];
    const settled = (response: Response): void => void responses.push(response);
    settlements.await("7/1", settled, first.signal);
    settlements.await("7/1", settled, second.signal);
    first.abort();
    assert.deepEqual(told, [], "somebody waits still");
    second.abort();
    settlements.release();
    assert.deepEqual(told, [{ key: "7/1", outcome: "unknown" }]);
    assert.deepEqual(responses, [{ kind: "enqueued" }, { kind: "enqueued" }]);
  } finally {
    replicate.asyncEnd.unsubscribe(watch);
  }
});
