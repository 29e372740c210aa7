/** Versions of the protocol: two sides take the highest that both speak, or say why they cannot. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { crc32 } from "../../src/codec/crc32.ts";
import {
  MemoryNetwork,
  type Caller,
  type Codec,
  type Hello,
  type ProtocolRange,
} from "../../transport/index.ts";
import { checkRepublic, decodeHello, encodeHello } from "../../transport/hello.ts";
import { commonVersion } from "../../transport/protocol-range.ts";
import { settingsOf } from "../../transport/transport-settings.ts";
import { systemTiming } from "../../transport/timing.ts";
import { helloOf } from "../conformance/caller.ts";

const range = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 6 }))
  .map(([least, more]) => ({ least, most: least + more }));

test("the version is the highest in common, the same on both ends, or none", () => {
  fc.assert(
    fc.property(range, range, (left, right) => {
      const spoken = Array.from({ length: 20 }, (_, version) => version).filter((version) =>
        [left, right].every(({ least, most }) => least <= version && version <= most),
      );
      const here = { hello: helloOf("a"), protocol: left };
      const there = { hello: helloOf("b"), protocol: right };
      for (const [one, other] of [[here, there] as const, [there, here] as const]) {
        const common = (): number => commonVersion(one, other);
        if (spoken.length > 0) assert.equal(common(), Math.max(...spoken));
        else assert.throws(common, { code: "KBZ_VERSION", outcome: "none" });
      }
    }),
  );
});

test("who cannot be spoken with is told both versions, and which side is to be upgraded", () => {
  const here = { hello: helloOf("a"), protocol: { least: 2, most: 3 } };
  const client: Hello = { republic: null, node: null, version: "0.0.9" };
  const there = { hello: client, protocol: { least: 1, most: 1 } };
  assert.throws(() => commonVersion(here, there), {
    message:
      "Wanted a version of the protocol that both sides speak, got none: a client (kibitzer " +
      "0.0.9) speaks version 1 and node a (kibitzer 0.0.1) speaks versions 2 to 3. Upgrade the " +
      "older one, by no more than one release at a time.",
  });
});

test("a range that is none is refused before anybody is called", () => {
  const codec: Codec<Uint8Array> = { encode: (value) => [value], decode: (bytes) => bytes };
  const codecs = { requestCodec: codec, responseCodec: codec, checksum: crc32 };
  for (const protocol of [-1, 256, 1.5, { least: 2, most: 1 }, { least: 0, most: 300 }]) {
    assert.throws(() => settingsOf({ ...codecs, protocol }, systemTiming), RangeError);
  }
});

describe("an introduction", () => {
  test("that says nothing of versions speaks the first, and what is unknown is left out", () => {
    const said = { protocol: "kibitzer", lane: "bulk", ...helloOf("b"), invented: [{ later: 1 }] };
    const bytes = new TextEncoder().encode(JSON.stringify(said));
    assert.deepEqual(decodeHello(bytes), {
      hello: helloOf("b"),
      protocol: { least: 1, most: 1 },
    });
  });

  test("is read as it was said, former republics included", () => {
    const hello = { ...helloOf("b"), formerly: ["0011", "2233"] };
    const protocol = { least: 3, most: 4 };
    assert.deepEqual(decodeHello(encodeHello(hello, null, protocol)), { hello, protocol });
    const many = { ...hello, formerly: Array.from({ length: 40 }, (_, at) => `r${at}`) };
    assert.equal(decodeHello(encodeHello(many, null)).hello.formerly?.at(-1), "r39");
  });

  for (const wrong of [
    { protocols: 7 },
    { protocols: { least: "1", most: 1 } },
    { protocols: { least: 2, most: 1 } },
    { formerly: "0011" },
    { formerly: [7] },
    { formerly: ["x".repeat(65)] },
    { formerly: Array.from({ length: 17 }, () => "x") },
  ]) {
    test(`is refused with ${JSON.stringify(wrong).slice(0, 40)}`, () => {
      const said = { protocol: "kibitzer", ...helloOf("b"), ...wrong };
      const bytes = new TextEncoder().encode(JSON.stringify(said));
      assert.throws(() => decodeHello(bytes), { code: "KBZ_MALFORMED" });
    });
  }

  test("of a republic that is over is told so, whichever side says it", () => {
    const now = { ...helloOf("a", "new"), formerly: ["older", "old"] };
    const before = helloOf("b", "old");
    for (const [here, there] of [[now, before] as const, [before, now] as const]) {
      assert.throws(() => checkRepublic(here, there), {
        code: "KBZ_REPUBLIC",
        message: /Republic old is over: it went on as new without node b.*with an empty one/,
      });
    }
    const other = helloOf("c", "other");
    assert.throws(() => checkRepublic(now, other), { message: /Check the addresses/ });
    checkRepublic(now, helloOf("d", "new"));
    checkRepublic(now, helloOf("d", null));
  });
});

interface Talk {
  readonly caller: Caller<string, string>;
  /** Versions that the codecs were asked for. */
  readonly versions: Set<number | undefined>;
  readonly refusals: string[];
}

async function talk(here: ProtocolRange, there: ProtocolRange): Promise<Talk> {
  const versions = new Set<number | undefined>();
  const codec: Codec<string> = {
    encode: (value, version) => {
      versions.add(version);
      return [Uint8Array.of(version ?? 255), new TextEncoder().encode(value)];
    },
    decode: (bytes, version) => {
      assert.equal(bytes[0], version, "both ends speak one version");
      return new TextDecoder().decode(bytes.subarray(1));
    },
  };
  const network = new MemoryNetwork({ requestCodec: codec, responseCodec: codec, checksum: crc32 });
  await network.transport("b", { protocol: there }).listen("memory:b", {
    hello: () => helloOf("b"),
    answer: (request) => Promise.resolve(`re:${request}`),
    hear: () => undefined,
  });
  const refusals: string[] = [];
  const caller = network.transport("a", { protocol: here }).connect("memory:b", {
    hello: () => helloOf("a"),
    fraction: () => 0.5,
    refused: (error) => refusals.push(error.message),
  });
  return { caller, versions, refusals };
}

const call = { lane: "control", timeoutMs: 1000 } as const;

test("release N and release N + 1 speak as N does, two of N + 1 as N + 1 does", async () => {
  const n = { least: 1, most: 1 };
  const next = { least: 1, most: 2 };
  for (const [here, there, spoken] of [
    [n, n, 1],
    [n, next, 1],
    [next, n, 1],
    [next, next, 2],
  ] as const) {
    const { caller, versions, refusals } = await talk(here, there);
    assert.equal(await caller.call("hello", call), "re:hello");
    // Before the handshake nobody knew, so that the call was encoded for its size once more.
    assert.deepEqual(versions, new Set([here.most, spoken]));
    versions.clear();
    assert.equal(await caller.call("again", call), "re:again");
    assert.deepEqual(versions, new Set([spoken]));
    assert.ok(caller.tell("told", "control"));
    assert.deepEqual(versions, new Set([spoken]));
    assert.deepEqual(refusals, []);
    await caller[Symbol.asyncDispose]();
  }
});

test("releases too far apart refuse each other, and the caller is told why", async () => {
  const { caller, refusals } = await talk({ least: 1, most: 1 }, { least: 2, most: 3 });
  await assert.rejects(caller.call("hello", call), { code: "KBZ_VERSION", outcome: "none" });
  assert.match(refusals[0] ?? "", /node a .* speaks version 1 and node b .* versions 2 to 3/);
  await caller[Symbol.asyncDispose]();
});
