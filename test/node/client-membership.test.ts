/** How a client asks for exile and transfer, and what it says when it does not see them done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberStatus, Status } from "../../src/api.ts";
import type { Request, Response } from "../../src/requests.ts";
import { Harness } from "../client-harness.ts";
import { statusOf, type FakeNode } from "../fake-republic.ts";
import { failureOf } from "./failure-of.ts";

const refused = { kind: "refused", leader: null } as const;
const enqueued: Response = { kind: "enqueued" };

function memberOf(id: string, reachable = true): MemberStatus {
  const position = { slot: 1, index: 1 };
  const hash = { slot: 1, value: "" };
  const cookie = `00000000000000${id}${id}`;
  const where = { url: `tcp://${id}`, version: "0.0.0" };
  const role = id === "a" ? "leader" : "member";
  const standing = { naturalized: true, eligible: true };
  return {
    id,
    ...where,
    ...standing,
    role,
    reachable,
    decided: position,
    applied: position,
    hash,
    cookie,
  };
}

/** Three members, of whom `a` leads; changed by `change`. */
function document(change: Partial<Status> = {}): Response {
  const status = statusOf("0123456789abcdef");
  const members = ["a", "b", "c"].map((id) => memberOf(id));
  const government = { ...status.government, parliament: ["a", "b", "c"] };
  return { kind: "document", document: { ...status, members, government, ...change } };
}

type Asked = Extract<Request, { readonly method: "exile" | "transfer" }>;

function isAsked(request: Request): request is Asked {
  return request.method === "exile" || request.method === "transfer";
}

function serve(node: FakeNode, answer: (request: Asked) => Response, status = document): void {
  node.override = (request) => {
    if (request.method === "status") return status();
    return isAsked(request) ? answer(request) : null;
  };
}

function changes(node: FakeNode): readonly Asked[] {
  return node.asked.filter(isAsked);
}

test("an exile names the incarnation, and is done once the log has it no more", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"]);
  let looks = 0;
  let isTaken = false;
  const gone = { members: [memberOf("a"), memberOf("b")], decided: { slot: 2, index: 1 } };
  const back = { ...memberOf("c"), cookie: "00000000000000dd" };
  serve(
    node,
    () => {
      isTaken = true;
      return enqueued;
    },
    () => {
      if (isTaken) looks += 1;
      // It may be back already, by somebody else's hand.
      return looks < 3 ? document() : document({ ...gone, members: [...gone.members, back] });
    },
  );
  await client.exile("c");
  const cookie = "00000000000000cc";
  assert.deepEqual(changes(node), [{ method: "exile", id: "c", cookie, hops: 0 }]);
});

test("a state older than the first proves nothing", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"], { timeoutMs: 2000 });
  let isTaken = false;
  serve(
    node,
    () => {
      isTaken = true;
      return enqueued;
    },
    () => (isTaken ? document({ members: [], decided: { slot: 0, index: 0 } }) : document()),
  );
  await failureOf(client.exile("c"), { code: "KBZ_NO_QUORUM", outcome: "unknown" });
});

test("what was taken and is not seen in time may yet be done; it is asked again", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"], { timeoutMs: 6000 });
  serve(node, () => enqueued);
  const error = await failureOf(client.exile("c"), { code: "KBZ_NO_QUORUM", outcome: "unknown" });
  assert.match(error.message, /the exile of c was submitted/);
  assert.ok(changes(node).length > 1);
  const asked = { code: "KBZ_NO_QUORUM", outcome: "unknown" } as const;
  await failureOf(client.transfer("b"), asked);
});

test("what only refusals answered was certainly not done", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"], { timeoutMs: 2000 });
  serve(node, () => ({ ...refused, reason: "notLeading" }));
  for (const asked of [client.exile("c"), client.transfer("b")]) {
    await failureOf(asked, { code: "KBZ_NO_QUORUM", outcome: "none", retryable: true });
  }
});

test("an endpoint that is lost under an exile leaves a doubt", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"], { timeoutMs: 3000 });
  serve(node, () => {
    node.mood = "silent";
    return enqueued;
  });
  await failureOf(client.exile("c"), { outcome: "unknown" });
  assert.ok(changes(node).length > 0);
});

test("a signal after the submission leaves a doubt, and its reason as the cause", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"]);
  const controller = new AbortController();
  const reason = new Error("never mind");
  serve(node, () => {
    void harness.pause(100).then(() => controller.abort(reason));
    return enqueued;
  });
  const asked = client.exile("c", { signal: controller.signal });
  const error = await failureOf(asked, { code: "KBZ_ABORTED", outcome: "unknown" });
  assert.equal(error.cause, reason);
});

test("nobody can take over: said at once if none is reached, else asked again", async () => {
  await using harness = new Harness();
  const node = await harness.node("a");
  const client = await harness.client(["a"]);
  let led = false;
  const members = [memberOf("a"), memberOf("b", false), memberOf("c")];
  serve(
    node,
    ({ method }) => {
      led = method === "transfer" && changes(node).length > 3;
      return { ...refused, reason: "quorum" };
    },
    () => {
      const government = {
        number: 1,
        parliament: ["a", "b", "c"],
        constituents: [],
        parliamentSize: 3,
      };
      return document({ members, government: { ...government, leader: led ? "c" : "a" } });
    },
  );
  const lost = { code: "KBZ_NO_QUORUM", outcome: "none" } as const;
  assert.match((await failureOf(client.transfer("b"), lost)).message, /b cannot be reached/);
  assert.deepEqual(await client.transfer("c"), { leader: "c" });
});
