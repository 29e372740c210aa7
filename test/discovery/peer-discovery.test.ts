/** Where peers are looked up, and what is said where that leads nowhere. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PeerDiscovery } from "../../src/discovery/peer-discovery.ts";
import { parsePeerSource } from "../../src/discovery/peer-source.ts";
import { KibitzerError } from "../../src/kibitzer-error.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { Scratch } from "../settings/scratch.ts";
import { TestNames } from "./test-names.ts";

const { signal } = new AbortController();

test("each kind of source gives endpoints, anew each time, each once", async (context) => {
  const names = new TestNames();
  const scratch = new Scratch(context);
  const file = scratch.write("peers", "# Two of them.\nws://c:3\n\ndns+ws://kibitz:7\n");
  const sources = ["ws://c:3", "dns+tcp://kibitz:7", "srv+ws://_kibitz._tcp.k", `file:${file}`];
  const discovery = new PeerDiscovery(sources, { ...nodeWorld(), names });
  assert.deepEqual([discovery.fixed, discovery.isFixed], [["ws://c:3"], false]);

  const first = await discovery.find(signal);
  assert.deepEqual(first.urls, ["ws://c:3"]);
  assert.deepEqual(
    first.unresolved.map(({ reason }) => reason),
    ["ENOTFOUND", "ENOTFOUND", "ENOTFOUND"],
  );

  names.hosts.set("kibitz", ["10.0.0.1", "fd00::1"]);
  names.known.set("_kibitz._tcp.k", [{ host: "a.k", port: 5 }]);
  const wanted = ["ws://c:3", "tcp://10.0.0.1:7", "tcp://[fd00::1]:7", "ws://a.k:5"];
  const second = await discovery.find(signal);
  assert.deepEqual(second.unresolved, []);
  assert.deepEqual(second.urls, [...wanted, "ws://10.0.0.1:7", "ws://[fd00::1]:7"]);

  names.hosts.set("kibitz", []);
  rmSync(file);
  const third = await discovery.find(signal);
  assert.deepEqual(third.urls, ["ws://c:3", "ws://a.k:5"]);
  assert.deepEqual(
    third.unresolved.map(({ reason }) => reason),
    ["it names nobody", "ENOENT"],
  );
});

test("a file holds no files, and is read no further than its bound", async (context) => {
  const scratch = new Scratch(context);
  const world = nodeWorld();
  const wrong: readonly (readonly [string | Uint8Array, RegExp])[] = [
    [`file:${join(scratch.path, "other")}`, /stands in a file itself/],
    ["http://a", /Wanted an endpoint/],
    ["#".repeat(65_537), /more than 65536 bytes/],
    [new Uint8Array([0xff]), /INVALID_ENCODED/],
    ["# Nobody.\n", /it names nobody/],
  ];
  for (const [content, words] of wrong) {
    const file = scratch.write("peers", content);
    const { urls, unresolved } = await new PeerDiscovery([`file:${file}`], world).find(signal);
    assert.deepEqual(urls, []);
    assert.match(unresolved[0]?.reason ?? "", words);
  }
});

test("a look-up that hangs is waited for once, and given up for now by the signal", async () => {
  const names = new TestNames();
  names.isSilent = true;
  const discovery = new PeerDiscovery(["dns+ws://kibitz:7"], { ...nodeWorld(), names });
  for (let time = 0; time < 3; time += 1) {
    const found = await discovery.find(AbortSignal.abort());
    assert.deepEqual(found.unresolved, [{ source: "dns+ws://kibitz:7", reason: "no answer yet" }]);
  }
  assert.equal(names.asked, 1);
});

test("what is no source is refused", () => {
  const wrong = [
    "",
    "a",
    "file:",
    "dns+ws://a",
    "dns+unix:/a",
    "dns+http://a:1",
    "srv+ws://",
    "srv+ws://a:1",
    "srv+unix:a",
    "srv+x://_a._tcp.b",
    "srv+ws://a b",
    `srv+ws://${"a".repeat(254)}`,
    "dns+dns+ws://a:1",
  ];
  for (const text of wrong) {
    assert.throws(
      () => parsePeerSource(text),
      (error) => error instanceof KibitzerError && error.code === "KBZ_ENDPOINT",
      text,
    );
  }
});
