/** Nodes that keep only so much of the log: how much that is, and who joins behind what is gone. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kibitzer, type StateMachine } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";

const kept = 1_048_576;
const everyBytes = 262_144;
const segmentBytes = 131_072;
const entry = new Uint8Array(2000).fill(7);

interface Republic {
  readonly directory: string;
  readonly nodes: readonly Kibitzer[];
  /** Opens one more, which has still to join. */
  readonly open: (id: string) => Promise<Kibitzer>;
}

/** A state machine whose state is large, and changes with no entry. */
function heavy(bytes: number): StateMachine {
  return {
    apply: () => undefined,
    snapshot: () => [new Uint8Array(bytes)],
    restore: async (pieces) => {
      let restored = 0;
      for await (const piece of pieces) restored += piece.length;
      assert.equal(restored, bytes);
    },
  };
}

async function founded(t: TestContext, stateBytes = 0): Promise<Republic> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-retention-"));
  const open = async (id: string): Promise<Kibitzer> => {
    const node = await Kibitzer.open({
      id,
      directory: join(directory, id),
      listen: [`unix:${directory}/${id}.socket`],
      parliamentSize: 3,
      record: false,
      machine: heavy(stateBytes),
      snapshot: { bytes: everyBytes },
      retain: { bytes: kept },
      storage: { segmentBytesFirst: segmentBytes, segmentBytesMax: segmentBytes },
    });
    t.after(async () => await node.close());
    return node;
  };
  const [first, ...others] = await Promise.all(["a", "b", "c"].map(open));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  assert.ok(first !== undefined);
  await first.bootstrap("retention");
  await Promise.all(others.map(async (node) => await node.join(null, first.url)));
  return { directory, nodes: [first, ...others], open };
}

async function publish(node: Kibitzer | undefined, count: number): Promise<number> {
  assert.ok(node !== undefined);
  const published = Array.from({ length: count }, async () => await node.publish(entry));
  return (await Promise.all(published)).at(-1)?.index ?? 0;
}

function journalBytes(directory: string, id: string): number {
  const journal = join(directory, id, "journal");
  const sizes = readdirSync(journal).map((name) => statSync(join(journal, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * The first entry that `node` has, and how many there are from it up to `index`. What is cut while
 * it is read says where the log begins by then, and is read from there again.
 */
async function whatIsThere(
  node: Kibitzer,
  index: number,
): Promise<{ readonly firstThere: number; readonly there: number }> {
  for (let firstThere = 1; ;) {
    let there = 0;
    try {
      for await (const found of node.entries({ from: firstThere, to: index })) {
        assert.equal(found.index, firstThere + there);
        there += 1;
      }
      return { firstThere, there };
    } catch (error) {
      const begins = Number(/begins with (\d+) now/.exec(String(error))?.[1]);
      if (!(begins > firstThere)) throw error;
      firstThere = begins;
    }
  }
}

test("P3 the log stays within its bound, and says where it begins", async (t) => {
  const { directory, nodes } = await founded(t);
  let index = 0;
  // Twelve times the bound, in batches that are smaller than a segment.
  for (let round = 0; round < 120; round += 1) index = await publish(nodes[0], 50);
  // Two intervals of snapshots are kept in any case, and segments go as a whole.
  const most = kept + 3 * everyBytes + 4 * segmentBytes;
  for (const id of ["a", "b", "c"]) {
    await eventually(`${id} within its bound`, async () => {
      return await Promise.resolve(journalBytes(directory, id) <= most ? id : null);
    });
  }
  const [first] = nodes;
  assert.ok(first !== undefined);
  const refused = { code: "KBZ_TRUNCATED", message: /begins with (\d+) now/ };
  await assert.rejects(first.entries({ from: 1, follow: false }).next(), refused);
  const { firstThere, there } = await whatIsThere(first, index);
  assert.ok(firstThere > 1);
  assert.equal(there, index - firstThere + 1, "and from there on nothing is missing");
});

test("P5 a joiner catches up under load, though what it needs is gone", async (t) => {
  const { nodes, open } = await founded(t, 524_288);
  const [first, second, third] = nodes;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  await eventually("a log that was cut", async () => {
    const index = await publish(first, 200);
    return (await whatIsThere(first, index)).firstThere > 1 ? index : null;
  });
  let isLoaded = true;
  const load = (async () => {
    for (let index = 0; ;) {
      index = await publish(second, 20);
      if (!isLoaded) return index;
    }
  })();
  const joiner = await open("d");
  await joiner.join(null, first.url);
  // It may be who sends the snapshot: then another goes on with it.
  await third.close();
  const { index } = await joiner.barrier();
  const { firstThere, there } = await whatIsThere(joiner, index);
  assert.ok(firstThere > 1, "a snapshot stands for what was before");
  assert.equal(there, index - firstThere + 1);
  isLoaded = false;
  const last = await load;
  assert.ok(last > index, "under load");
  assert.equal((await joiner.barrier()).index, last);
});

test("what is applied while a snapshot is made may be enough for the next one", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-retention-"));
  let begun = 0;
  const release = new AbortController();
  const node = await Kibitzer.open({
    id: "a",
    directory,
    listen: [`unix:${directory}/a.socket`],
    record: false,
    machine: {
      apply: () => undefined,
      *snapshot() {
        begun += 1;
        // Others have their turn after each piece.
        while (!release.signal.aborted) yield new Uint8Array(0);
      },
      restore: async () => await Promise.resolve(),
    },
    snapshot: { bytes: everyBytes },
  });
  t.after(async () => {
    release.abort();
    await node.close();
    rmSync(directory, { recursive: true, force: true });
  });
  await node.bootstrap("retention");
  await publish(node, 200);
  await eventually("the first one", async () => await Promise.resolve(begun > 0 ? begun : null));
  await publish(node, 200);
  release.abort();
  await eventually("a second one", async () => await Promise.resolve(begun > 1 ? begun : null));
});
