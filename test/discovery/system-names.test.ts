/** Names by the system's own resolver, and by a DNS server of this test. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { systemNames } from "../../src/system/system-names.ts";

const typeOfServices = 33;

/** A name in the form of the wire. */
function labels(name: string): Buffer {
  const parts = name.split(".").map((part) => Buffer.from([part.length, ...Buffer.from(part)]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** Answers a question with these hosts and priorities; that there is no such name without any. */
function answer(question: Buffer, hosts: readonly (readonly [number, string, number])[]): Buffer {
  const header = Buffer.alloc(12);
  question.copy(header, 0, 0, 2);
  header.writeUInt16BE(hosts.length === 0 ? 0x81_83 : 0x81_80, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hosts.length, 6);
  const end = question.indexOf(0, 12) + 5;
  const records = hosts.map(([priority, host, port]) => {
    const name = labels(host);
    const fixed = Buffer.alloc(18);
    fixed.writeUInt16BE(0xc0_0c, 0);
    fixed.writeUInt16BE(typeOfServices, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt16BE(6 + name.length, 10);
    fixed.writeUInt16BE(priority, 12);
    fixed.writeUInt16BE(port, 16);
    return Buffer.concat([fixed, name]);
  });
  return Buffer.concat([header, question.subarray(12, end), ...records]);
}

test("services come by priority; who is not there yet is an error", async (context) => {
  let hosts: readonly (readonly [number, string, number])[] = [
    [2, "b.k", 8],
    [1, "a.k", 7],
  ];
  const server: Socket = createSocket("udp4", (question, { port, address }) => {
    server.send(answer(question, hosts), port, address);
  });
  context.after(() => server.close());
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const names = systemNames([`127.0.0.1:${server.address().port}`]);
  assert.deepEqual(await names.services("_kibitz._tcp.k"), [
    { host: "a.k", port: 7 },
    { host: "b.k", port: 8 },
  ]);
  hosts = [];
  await assert.rejects(names.services("_kibitz._tcp.k"), { code: "ENOTFOUND" });
});

test("a host has all its addresses", async () => {
  assert.deepEqual(await systemNames().addresses("127.0.0.5"), ["127.0.0.5"]);
  const found = await systemNames().addresses("localhost");
  assert.ok(found.every((address) => ["127.0.0.1", "::1"].includes(address)) && found.length > 0);
});
