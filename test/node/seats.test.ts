/** Adding, promoting and demoting among real nodes in one process, and what is foretold. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { KibitzerClient, type Kibitzer, type Status } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";
import { failureOf } from "./failure-of.ts";
import { SeatedRepublic } from "./seated-republic.ts";

async function parliament(node: Kibitzer | KibitzerClient): Promise<readonly string[]> {
  return (await node.status()).government.parliament;
}

async function founded(t: TestContext, ids: readonly string[]): Promise<SeatedRepublic> {
  const republic = await SeatedRepublic.of(ids);
  t.after(async () => await republic[Symbol.asyncDispose]());
  return republic;
}

test("P4 who waits is invited, catches up, and has a seat with the next one", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  await using client = await KibitzerClient.connect([republic.node("b").url]);
  const { index } = await client.publish("before");
  const d = await republic.guest("d");
  assert.deepEqual(await client.add(d.url), { id: "d", seated: false, waitsFor: "another" });
  await d.barrier();
  for await (const entry of d.entries({ to: index })) assert.equal(entry.text(), "before");
  await failureOf(client.add(d.url), { code: "KBZ_REPUBLIC", outcome: "none" });
  const e = await republic.guest("e");
  const added = await republic.node("c").add(e.url);
  assert.deepEqual(added, { id: "e", seated: true, waitsFor: null });
  assert.deepEqual(await parliament(client), ["a", "b", "c", "d", "e"]);
});

test("P4 a mistyped endpoint, another republic and a taken id let nobody in", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const asked = republic.node("b");
  const before = await asked.status();
  const nowhere = `${republic.node("a").url}-not`;
  await failureOf(asked.add(nowhere), { code: "KBZ_UNREACHABLE", outcome: "none" });
  await failureOf(asked.add("ws://"), { code: "KBZ_ENDPOINT", outcome: "none" });
  const stranger = await republic.open("x");
  await failureOf(asked.add(stranger.url), { code: "KBZ_REPUBLIC", outcome: "none" });
  await stranger.bootstrap("elsewhere");
  const other = await failureOf(asked.add(stranger.url), { code: "KBZ_REPUBLIC", outcome: "none" });
  assert.match(other.message, /another republic, "elsewhere"/);
  const twin = await republic.guest("c");
  const taken = await failureOf(asked.add(twin.url), { code: "KBZ_ID_TAKEN", outcome: "none" });
  assert.match(taken.message, /kibitz member exile/);
  const picky = await republic.open("y");
  const waits = picky.awaitInvitation({ republic: "another" }).catch((error: unknown) => error);
  await failureOf(asked.add(picky.url), { code: "KBZ_REPUBLIC", outcome: "none" });
  await picky.close();
  await waits;
  assert.deepEqual((await asked.status()).members.length, before.members.length);
});

test("a guest that is not admitted goes on waiting until it is told to stop", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const twin = await republic.open("c");
  const over = new AbortController();
  const waits = twin.awaitInvitation({ signal: over.signal }).catch((error: unknown) => error);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await failureOf(republic.node("a").add(twin.url), { code: "KBZ_ID_TAKEN", outcome: "none" });
  }
  over.abort(new Error("enough"));
  assert.match(String(await waits), /enough/);
});

test("who is demoted follows without a seat until it is promoted, the leader too", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const leader = await republic.leader();
  const [other] = ["a", "b", "c"].filter((id) => id !== leader);
  assert.ok(other !== undefined);
  const asked = republic.node(other);
  await asked.demote(leader);
  const demoted = await asked.status();
  assert.equal(demoted.government.parliament.includes(leader), false);
  assert.equal(demoted.members.find(({ id }) => id === leader)?.eligible, false);
  assert.notEqual(demoted.government.leader, leader);
  const { index } = await asked.publish("without it");
  await republic.node(leader).barrier();
  const entries = republic.node(leader).entries({ from: index, to: index });
  for await (const entry of entries) assert.equal(entry.text(), "without it");
  assert.deepEqual(await asked.promote(leader), { seated: true, waitsFor: null });
  assert.deepEqual(await parliament(asked), ["a", "b", "c"]);
  assert.deepEqual(await asked.promote(leader), { seated: true, waitsFor: null });
});

test("a full parliament lets nobody in but in place of another", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const d = await republic.guest("d");
  const e = await republic.guest("e");
  for (const { url } of [d, e]) await republic.node("a").add(url);
  const f = await republic.guest("f");
  const asked = republic.node("b");
  assert.deepEqual(await asked.add(f.url), { id: "f", seated: false, waitsFor: "seat" });
  assert.deepEqual(await asked.promote("f"), { seated: false, waitsFor: "seat" });
  const { government } = await asked.status();
  const swapped = await asked.promote("f", { insteadOf: "c" });
  assert.deepEqual(swapped, { seated: true, waitsFor: null });
  const after = await asked.status();
  assert.deepEqual(after.government.parliament, ["a", "b", "d", "e", "f"]);
  assert.equal(after.government.number, government.number + 1);
  const gone = { code: "KBZ_NOT_FOUND", outcome: "none" } as const;
  await failureOf(asked.promote("c", { insteadOf: "x" }), gone);
  await failureOf(asked.promote("x"), gone);
  await failureOf(asked.demote("x"), gone);
  const wrong = { code: "KBZ_ARGUMENT", outcome: "none" } as const;
  await failureOf(asked.promote("f", { insteadOf: "d" }), wrong);
  await failureOf(asked.promote("F"), wrong);
  await failureOf(asked.demote("F"), wrong);
});

test("what would cost the quorum is refused, and foretold", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const lost = (await republic.leader()) === "c" ? "b" : "c";
  await republic.lose(lost);
  const asked = republic.node("a");
  const [there] = ["b", "c"].filter((id) => id !== lost);
  assert.ok(there !== undefined);
  // At once: the leader may have heard of the lost one a moment ago.
  const refused = await failureOf(asked.demote(there), { code: "KBZ_NO_QUORUM", outcome: "none" });
  for (const kind of ["demote", "exile"] as const) {
    const foretold = await asked.preview({ kind, id: there });
    assert.equal(foretold.refused?.code, "KBZ_NO_QUORUM");
    if (kind === "demote") assert.equal(foretold.refused.message, refused.message);
  }
  const { before, after } = await asked.preview({ kind: "demote", id: lost });
  assert.deepEqual([before.majority, before.reachable, before.survives], [2, 2, 0]);
  assert.deepEqual([after.parliament.length, after.reachable, after.survives], [2, 2, 0]);
  await asked.demote(lost);
  assert.deepEqual(await parliament(asked), after.parliament);
});

test("a member that moved is found again, also where the quorum depends on it", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const leader = await republic.leader();
  const [moving, down] = ["a", "b", "c"].filter((id) => id !== leader);
  assert.ok(moving !== undefined && down !== undefined);
  await republic.lose(moving);
  await republic.lose(down);
  const there = republic.node(leader);
  const moved = await republic.move(moving);
  await moved.barrier();
  const { index } = await there.publish("with its vote");
  await moved.barrier();
  for await (const entry of moved.entries({ from: index, to: index })) {
    assert.equal(entry.text(), "with its vote");
  }
  await eventually("its endpoint", async () => {
    const { members } = await there.status();
    return members.find(({ id }) => id === moving)?.url === moved.url ? true : null;
  });
  const back = await republic.reopen(down);
  await back.barrier();
  const { members } = await back.status();
  assert.equal(members.find(({ id }) => id === moving)?.reachable, true);
});

test("P8 all members move at once: who is told of one of them finds all", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const { index } = await republic.node("a").publish("before");
  for (const id of ["a", "b", "c"]) await republic.lose(id);
  const first = await republic.move("a");
  await Promise.all(["b", "c"].map(async (id) => await republic.move(id, [first.url])));
  const after = await republic.node("c").publish("after");
  assert.equal(after.index, index + 1);
  await eventually("their endpoints", async () => {
    const { members } = await first.status();
    const isKnown = members.every(({ id, url }) => url === republic.node(id).url);
    return isKnown && members.every(({ reachable }) => reachable) ? true : null;
  });
});

test("P8 who comes once the moves of others are decided is told of them", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  for (const id of ["a", "b", "c"]) await republic.lose(id);
  const [a, b, c] = [republic.placeOf("a"), republic.placeOf("b"), republic.placeOf("c")];
  const known = async (node: Kibitzer): Promise<void> => {
    await eventually("the endpoints of the two", async () => {
      const urls = (await node.status()).members.map(({ url }) => url);
      return urls.includes(a) && urls.includes(c) ? true : null;
    });
  };
  const moved = await Promise.all([republic.move("a", [b, c]), republic.move("c", [a, b])]);
  await Promise.all(moved.map(known));
  const { index } = await republic.node("a").publish("without it");
  const late = await republic.move("b");
  await known(late);
  assert.equal((await late.publish("with it")).index, index + 1);
});

test("P6 a copy beside its original is noticed, also if it says that it has moved", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const leader = await republic.leader();
  const copied = leader === "c" ? "b" : "c";
  const copy = await republic.openCopy(copied, republic.copy(copied), true);
  // Whichever of the two is told first stops; it never comes to two that vote.
  const ended = await Promise.race([copy.ended, republic.node(copied).ended]);
  assert.equal(ended?.code, "KBZ_STALE_DISK");
  await republic.node(leader).publish("goes on");
});

test("P6 a copy of an earlier life is told of the later one, wherever it is", async (t) => {
  const republic = await founded(t, ["a", "b", "c"]);
  const copied = (await republic.leader()) === "c" ? "b" : "c";
  await republic.lose(copied);
  const directory = republic.copy(copied);
  // Two starts more than the copy has seen: its next life is the earlier one.
  await (await republic.reopen(copied)).close();
  const original = await republic.reopen(copied);
  const copy = await republic.openCopy(copied, directory);
  const ended = await Promise.race([copy.ended, original.ended.then(() => null)]);
  assert.equal(ended?.code, "KBZ_STALE_DISK");
  await original.publish("goes on");
});

test("a silent member gives way to a constituent after the time that was set", async (t) => {
  const republic = await SeatedRepublic.of(["a", "b", "c"], { replaceAfterMs: 600 });
  t.after(async () => await republic[Symbol.asyncDispose]());
  const d = await republic.guest("d");
  await republic.node("a").add(d.url);
  const lost = (await republic.leader()) === "c" ? "b" : "c";
  await republic.lose(lost);
  const status = await eventually("its seat", async () => {
    const found: Status = await d.status();
    return found.government.parliament.includes("d") ? found : null;
  });
  assert.equal(status.government.parliament.includes(lost), false);
  assert.equal(status.members.find(({ id }) => id === lost)?.eligible, true);
  const back = await republic.reopen(lost);
  await back.barrier();
  assert.deepEqual(await parliament(back), status.government.parliament);
});
