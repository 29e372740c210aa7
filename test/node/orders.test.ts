/** When a leader takes an operator's order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../src/api.ts";
import { objectionTo, type Ordered } from "../../src/node/orders.ts";
import type { ExileRequest } from "../../src/requests.ts";

const ids = ["a", "b", "c"];

function statusWith(reachable: readonly string[]): Status {
  const position = { slot: 9, index: 5 };
  return {
    republic: { name: "demo", identity: "1".repeat(16) },
    government: { number: 2, leader: "a", parliament: ids, constituents: [], parliamentSize: 3 },
    ballot: { government: 2, round: 1, id: "a" },
    decided: position,
    members: ids.map((id) => ({
      id,
      url: `memory:${id}`,
      role: id === "a" ? "leader" : "member",
      reachable: reachable.includes(id),
      naturalized: true,
      eligible: true,
      decided: position,
      applied: position,
      hash: { slot: 9, value: "2".repeat(16) },
      cookie: `cookie ${id}`,
      version: "0.1.0",
    })),
  };
}

/** A node that knows these incarnations. */
function nodeOf(role: Ordered["role"], cookies: ReadonlyMap<string, string>): Ordered {
  const citizen = { url: "memory:", properties: {} };
  const seat = { admitted: 1, naturalized: true, eligible: true };
  const member = (id: string): ReturnType<Ordered["republic"]["member"]> => {
    const cookie = cookies.get(id);
    return cookie === undefined ? null : { id, cookie, ...citizen, ...seat };
  };
  return { role, republic: { member } };
}

const known = new Map(ids.map((id) => [id, `cookie ${id}`]));
const exile: ExileRequest = { method: "exile", id: "c", cookie: "cookie c", hops: 0 };
const allThere = async (): Promise<Status> => await Promise.resolve(statusWith(ids));

test("an order is taken for the member that it names, and for no other of its id", async () => {
  assert.equal(await objectionTo(exile, nodeOf("leading", known), allThere), null);
  const other = new Map(known).set("c", "another cookie");
  assert.equal(await objectionTo(exile, nodeOf("leading", other), allThere), "notFound");
});

test("one that came while the members were asked does not lose its seat for another", async () => {
  const cookies = new Map(known);
  const order = objectionTo(exile, nodeOf("leading", cookies), async () => {
    cookies.set("c", "another cookie");
    return await allThere();
  });
  assert.equal(await order, "notFound");
});

test("no seat is taken that the quorum needs, by whom of the others answers now", async () => {
  const demote = { method: "demote", id: "c", cookie: "cookie c", hops: 0 } as const;
  const node = nodeOf("leading", known);
  assert.equal(await objectionTo(demote, node, async () => statusWith(["a", "c"])), "quorum");
});

test("who does not lead asks nobody, and leaves it to the leader", async () => {
  const order = objectionTo(exile, nodeOf("follower", new Map()), () => assert.fail("asked"));
  assert.equal(await order, null);
});
