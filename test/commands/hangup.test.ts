/** SIGHUP ends nothing: what it asks for is done, at once or when the start is over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { watchHangup } from "../../src/commands/hangup.ts";

test("what came before is done once somebody can, and what comes later at once", () => {
  const before = process.listenerCount("SIGHUP");
  let count = 0;
  {
    using hangup = watchHangup();
    process.emit("SIGHUP");
    process.emit("SIGHUP");
    hangup.handle(() => (count += 1));
    assert.equal(count, 1, "twice the same is done once");
    process.emit("SIGHUP");
    assert.equal(count, 2);
  }
  assert.equal(process.listenerCount("SIGHUP"), before);
});

test("nothing is done that nobody asked for", () => {
  using hangup = watchHangup();
  hangup.handle(() => assert.fail("there was none"));
});
