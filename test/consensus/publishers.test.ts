/** The table of publishers when it is full: who is forgotten for whom (contract C6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Value } from "../../consensus/decree.ts";
import { hashDecree } from "../../consensus/hash.ts";
import { limits } from "../../consensus/limits.ts";
import type { Effect } from "../../consensus/outcome.ts";
import { emptyRepublic, Republic } from "../../consensus/republic.ts";
import { batchOf, founding } from "./seated-member.ts";

class Log {
  readonly republic = new Republic(emptyRepublic());

  apply(time: number, value: Value): Effect {
    const { slot, hash } = this.republic;
    const decree = { slot: slot + 1, time, when: 0, value };
    return this.republic.apply({ ...decree, hash: hashDecree(hash, decree) }).effect;
  }

  register(time: number): Effect {
    const nonce = this.republic.slot.toString(16).padStart(16, "0");
    return this.apply(time, { kind: "registration", nonce });
  }
}

test("whoever was idle for an hour makes room in a full table, and is told when it is back", () => {
  const log = new Log();
  log.apply(0, founding);
  log.apply(0, { kind: "opening" });
  const publishers = Array.from({ length: limits.publishersMax }, () => {
    const effect = log.register(0);
    assert.ok(effect.kind === "registered");
    return effect.publisher;
  });
  const [busy = 0, idle = 0] = publishers;
  const soon = limits.publisherCrowdedMs / 2;
  assert.equal(log.apply(soon, batchOf(busy, 1)).kind, "applied");
  assert.equal(log.register(limits.publisherCrowdedMs).kind, "refusedRegistration");
  const late = limits.publisherCrowdedMs + 1;
  assert.equal(log.register(late).kind, "registered");
  assert.equal(log.apply(late, batchOf(busy, 2)).kind, "applied", "it was not idle so long");
  assert.equal(log.apply(late, batchOf(idle, 1)).kind, "unknownPublisher");
});

test("where there is room, an idle publisher is known for seven days", () => {
  const log = new Log();
  log.apply(0, founding);
  log.apply(0, { kind: "opening" });
  const [first, second] = [log.register(0), log.register(0)];
  assert.ok(first.kind === "registered" && second.kind === "registered");
  const time = limits.publisherExpiryMs;
  assert.equal(log.apply(time, batchOf(first.publisher, 1)).kind, "applied");
  assert.equal(log.apply(time + 1, batchOf(second.publisher, 1)).kind, "unknownPublisher");
});
