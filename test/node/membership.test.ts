/** Exile and transfer among real nodes in one process, asked of any of them or of a client. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Kibitzer, KibitzerClient, type Status } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";
import { failureOf } from "./failure-of.ts";

/** Nodes that are in one republic, each on its own directory and port. */
class Republic implements AsyncDisposable {
  readonly nodes: Map<string, Kibitzer> = new Map();
  readonly #directory = mkdtempSync(join(tmpdir(), "kibitz-membership-"));
  readonly #directories = new Map<string, string>();
  #disks = 0;

  static async of(t: TestContext, ids: readonly string[]): Promise<Republic> {
    const republic = new Republic();
    t.after(async () => await republic[Symbol.asyncDispose]());
    for (const id of ids) await republic.add(id);
    await republic.until("all seats", ({ government }) => government.parliament.length === 3);
    return republic;
  }

  /** Opens a node with an empty directory, and lets it found or join the republic. */
  async add(id: string): Promise<Kibitzer> {
    const { node, joined } = await this.join(id);
    await joined;
    return node;
  }

  /** As `add`, but the node is not a member yet. */
  async join(id: string): Promise<{ readonly node: Kibitzer; readonly joined: Promise<void> }> {
    this.#disks += 1;
    const directory = join(this.#directory, `${id}-${this.#disks}`);
    const first = this.nodes.values().next().value;
    const node = await Kibitzer.open({
      id,
      directory,
      listen: [`unix:${directory}.socket`],
      parliamentSize: 3,
      record: false,
    });
    this.nodes.set(id, node);
    this.#directories.set(id, directory);
    const joined = first === undefined ? node.bootstrap("membership") : node.join(null, first.url);
    return { node, joined };
  }

  /** Opens a node again on the directory that it had last. */
  async reopen(id: string): Promise<Kibitzer> {
    const node = await Kibitzer.open({
      directory: this.directoryOf(id),
      parliamentSize: 3,
      record: false,
    });
    this.nodes.set(id, node);
    return node;
  }

  node(id: string): Kibitzer {
    const node = this.nodes.get(id);
    assert.ok(node !== undefined, id);
    return node;
  }

  directoryOf(id: string): string {
    const directory = this.#directories.get(id);
    assert.ok(directory !== undefined, id);
    return directory;
  }

  /** Stops a node without a word, as a lost machine would be. */
  async lose(id: string): Promise<void> {
    const node = this.node(id);
    this.nodes.delete(id);
    await node.close();
  }

  /** Until a status of every node that is still there says so. */
  async until(what: string, holds: (status: Status) => boolean): Promise<void> {
    for (const node of this.nodes.values()) {
      await eventually(`${what} at ${node.id}`, async () =>
        holds(await node.status()) ? true : null,
      );
    }
  }

  async leader(): Promise<string> {
    const node = this.anybody;
    return await eventually("a leader", async () => (await node.status()).government.leader);
  }

  async followers(): Promise<readonly Kibitzer[]> {
    const leader = await this.leader();
    return [...this.nodes.values()].filter(({ id }) => id !== leader);
  }

  get anybody(): Kibitzer {
    const [node] = this.nodes.values();
    assert.ok(node !== undefined);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.nodes.values()].map(async (node) => await node.close()));
    rmSync(this.#directory, { recursive: true });
  }
}

async function memberIds(node: Kibitzer): Promise<readonly string[]> {
  return (await node.status()).members.map(({ id }) => id);
}

test("who lost its disk is exiled by a follower, and replaced under its id", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  const { index } = await republic.node("a").publish("before");
  const [follower, lost] = await republic.followers();
  assert.ok(follower !== undefined && lost !== undefined);
  await republic.lose(lost.id);
  await failureOf(republic.add(lost.id), { code: "KBZ_ID_TAKEN", outcome: "none" });
  await republic.lose(lost.id);

  await follower.exile(lost.id);
  assert.equal((await memberIds(follower)).includes(lost.id), false);
  const next = await republic.add(lost.id);
  await republic.until("its seat", ({ government }) => government.parliament.includes(lost.id));
  await next.barrier();
  for await (const entry of next.entries({ follow: false })) assert.equal(entry.text(), "before");
  assert.deepEqual(await next.publish("after"), { index: index + 1 });
});

test("a constituent is exiled through a client, stops, and nobody else changes", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c", "d"]);
  const { government } = await republic.node("a").status();
  assert.deepEqual(government.constituents, ["d"]);
  const urls = (await republic.followers()).map(({ url }) => url);
  await using client = await KibitzerClient.connect(urls);
  await client.exile("d");
  const { members, government: now } = await client.status();
  assert.deepEqual(
    members.map(({ id }) => id),
    ["a", "b", "c"],
  );
  assert.equal(now.number, government.number);
  assert.equal((await republic.node("d").ended)?.code, "KBZ_EXILED");
});

for (const turns of [0, 1, 5, 20, 80]) {
  test(`a newcomer that stops ${turns} turns after its admission goes on by itself`, async (t) => {
    const republic = await Republic.of(t, ["a", "b", "c"]);
    const { node, joined } = await republic.join("d");
    const ends = joined.catch((error: unknown) => error);
    await republic.until("its admission", ({ members }) => members.some(({ id }) => id === "d"));
    for (let turn = 0; turn < turns; turn += 1) await setImmediate();
    await republic.lose("d");
    await ends;
    const again = await republic.reopen("d");
    const { index } = await again.publish("from the newcomer");
    assert.equal(index, 1);
    await republic.lose("c");
    await republic.node("a").exile("c");
    await republic.until("its seat", ({ government }) => government.parliament.includes("d"));
    assert.equal(node.id, again.id);
  });
}

test("who was exiled while away learns of it, though the others restarted", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  const [follower, away] = await republic.followers();
  assert.ok(follower !== undefined && away !== undefined);
  await republic.lose(away.id);
  await follower.exile(away.id);
  // What follows carries to every disk that the exile is decided.
  for (const entry of ["one", "two", "three"]) await follower.publish(entry);
  const others = ["a", "b", "c"].filter((id) => id !== away.id);
  for (const id of others) {
    await republic.lose(id);
    await republic.reopen(id);
  }
  for (const life of ["told by the others", "known from its own disk"]) {
    const exiled = await republic.reopen(away.id);
    assert.equal((await exiled.ended)?.code, "KBZ_EXILED", life);
    await republic.lose(away.id);
  }
  assert.equal((await memberIds(republic.anybody)).includes(away.id), false);
});

test("an exiled disk that comes back after its id has joined again learns of it", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  const [follower, away] = await republic.followers();
  assert.ok(follower !== undefined && away !== undefined);
  const old = republic.directoryOf(away.id);
  await republic.lose(away.id);
  await follower.exile(away.id);
  const again = await republic.add(away.id);
  await republic.until("its seat", ({ government }) => government.parliament.length === 3);
  // At an endpoint of its own, while the other one runs.
  const exiled = await Kibitzer.open({ directory: old, parliamentSize: 3, record: false });
  try {
    assert.equal((await exiled.ended)?.code, "KBZ_EXILED");
  } finally {
    await exiled.close();
  }
  assert.deepEqual(await again.publish("on"), { index: 1 });
});

test("who was away while all others were replaced finds the republic again", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  const [away] = await republic.followers();
  assert.ok(away !== undefined);
  await republic.lose(away.id);
  const old = [...republic.nodes.keys()];
  for (const id of ["d", "e", "f"]) await republic.add(id);
  for (const id of old) {
    await republic.node("d").exile(id);
    await republic.lose(id);
  }
  const { index } = await republic.node("d").publish("news");
  // All whom it knows are gone, and so are their endpoints.
  const back = await republic.reopen(away.id);
  await eventually("the news", async () =>
    (await back.status()).decided.index >= index ? 1 : null,
  );
  assert.deepEqual(await back.publish("thanks"), { index: index + 1 });
});

test("a leader exiles itself: it knows, it stops, and the others go on", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  const leader = republic.node(await republic.leader());
  await leader.exile(leader.id);
  assert.equal((await leader.ended)?.code, "KBZ_EXILED");
  republic.nodes.delete(leader.id);
  await republic.until("a new leader", (status) => {
    const { government } = status;
    return government.leader !== leader.id && government.parliament.length === 2;
  });
  assert.deepEqual(await republic.anybody.publish("on"), { index: 1 });
});

test("an exile that would cost the quorum is refused, with the arithmetic", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  const leader = await republic.leader();
  const [follower, lost] = await republic.followers();
  assert.ok(follower !== undefined && lost !== undefined);
  await republic.lose(lost.id);
  await eventually("the leader misses it", async () => {
    const { members } = await republic.node(leader).status();
    return members.some(({ id, reachable }) => id === lost.id && !reachable) ? true : null;
  });
  const refused = { code: "KBZ_NO_QUORUM", outcome: "none", retryable: true } as const;
  const error = await failureOf(follower.exile(follower.id), refused);
  const seats = [leader, lost.id].toSorted().join(", ");
  const text = `those of ${seats}, of which 2 must answer the leader. Now those`;
  assert.ok(error.message.includes(text), error.message);
  assert.equal((await memberIds(follower)).includes(follower.id), true);
});

test("the only seat of a republic is not exiled, and hands over to nobody", async (t) => {
  const republic = new Republic();
  t.after(async () => await republic[Symbol.asyncDispose]());
  const node = await republic.add("a");
  const expected = { code: "KBZ_NO_QUORUM", outcome: "none", retryable: false } as const;
  for (const ask of [() => node.exile("a"), () => node.transfer()]) {
    const error = await failureOf(ask(), expected);
    assert.match(error.message, /the only seat/);
  }
});

test("leadership goes to whom it is handed, asked of anybody", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c", "d"]);
  const [first, second] = await republic.followers();
  const parliament = (await republic.node("a").status()).government.parliament;
  const heir = [first, second].find((node) => node !== undefined && parliament.includes(node.id));
  assert.ok(heir !== undefined);
  assert.deepEqual(await republic.node("d").transfer(heir.id), { leader: heir.id });
  assert.deepEqual(await heir.transfer(heir.id), { leader: heir.id });
  await using client = await KibitzerClient.connect([republic.node("d").url]);
  const { leader } = await client.transfer();
  assert.notEqual(leader, heir.id);
  await republic.until("the new leader", ({ government }) => government.leader === leader);
  assert.deepEqual(await client.publish("on"), { index: 1 });
});

test("what there is not is said so, at a node and through a client", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c", "d"]);
  const node = republic.node("b");
  await using client = await KibitzerClient.connect([node.url]);
  for (const asked of [node, client]) {
    const missing = { code: "KBZ_NOT_FOUND", outcome: "none", retryable: false } as const;
    const found = await failureOf(asked.exile("x"), missing);
    assert.match(found.message, /no member x: the members are a, b, c, d/);
    await failureOf(asked.transfer("x"), missing);
    assert.match((await failureOf(asked.transfer("d"), missing)).message, /d has no seat/);
    for (const id of ["", "A", "../x"]) {
      await failureOf(asked.exile(id), { code: "KBZ_ARGUMENT", outcome: "none" });
      await failureOf(asked.transfer(id), { code: "KBZ_ARGUMENT", outcome: "none" });
    }
    // As a program without types may ask.
    const nothing = JSON.parse('{ "null": null }');
    await failureOf(asked.exile(nothing.id), { code: "KBZ_ARGUMENT", outcome: "none" });
    await failureOf(asked.demote(nothing.id), { code: "KBZ_ARGUMENT", outcome: "none" });
    await failureOf(asked.exile(nothing.null), { code: "KBZ_ARGUMENT", outcome: "none" });
  }
  assert.deepEqual(await memberIds(node), ["a", "b", "c", "d"]);
});

test("a signal ends the wait, with the truth", async (t) => {
  const republic = await Republic.of(t, ["a", "b", "c"]);
  await using client = await KibitzerClient.connect([republic.node("b").url]);
  for (const asked of [republic.node("b"), client]) {
    const signal = AbortSignal.abort(new Error("never mind"));
    await failureOf(asked.exile("c", { signal }), { code: "KBZ_ABORTED", outcome: "none" });
  }
  assert.deepEqual(await memberIds(republic.node("b")), ["a", "b", "c"]);
});

test("a node that was admitted, and has yet to learn, is told so", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-learning-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  await using first = await Kibitzer.open({
    id: "a",
    directory: join(directory, "a"),
    listen: [`unix:${directory}/a.socket`],
  });
  await first.bootstrap("learning");
  // Nothing reaches it: it is known to others by an address that is not its own.
  await using second = await Kibitzer.open({
    id: "b",
    directory: join(directory, "b"),
    listen: [`unix:${directory}/b.socket`],
    advertise: `unix:${directory}/elsewhere.socket`,
  });
  const expected = { code: "KBZ_BUSY", outcome: "applied", retryable: true } as const;
  await failureOf(second.join(null, first.url, { timeoutMs: 1000 }), expected);
  assert.deepEqual(await memberIds(first), ["a", "b"]);
});
