/** An endpoint where another thing listens: its error says what is there, and what to do. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer, type Server } from "node:net";
import { test, type TestContext } from "node:test";
import { KibitzerClient } from "../../src/client.ts";
import { Authority } from "../access/authority.ts";
import { failureOf } from "./failure-of.ts";

const authority = new Authority("town");

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : assert.fail("no port");
}

test("what listens there instead is told in words, with what to call", async (t) => {
  const plain = await listen(
    t,
    createHttp((_, response) => response.writeHead(404).end()),
  );
  const secure = await listen(
    t,
    createHttps(authority.sign("a"), (_, response) => response.end()),
  );
  const text = await listen(
    t,
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.write("SSH-2.0-x\r\n");
    }),
  );
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ["ws", plain, /found an HTTP server that answered 404\. Check/],
    ["wss", plain, /found what speaks no TLS\. A node may listen at ws:/],
    ["tls", plain, /found what speaks no TLS\. A node may listen at tcp:/],
    ["tcp", plain, /got an answer in HTTP\. A node with HTTP is called at ws:/],
    ["tls", secure, /got an answer in HTTP\. A node with HTTP is called at ws:/],
    ["ws", secure, /found one that closed .* with TLS it is called at wss:/],
    ["tcp", secure, /Wanted a hello of tcp.*: it was closed\. Check .* TLS/],
    ["tcp", text, /got text, "SSH-2.0-x"\. Check host and port/],
    ["ws", text, /found what speaks no HTTP\. A node may listen at tcp:/],
  ];
  await Promise.all(
    cases.map(async ([scheme, port, found]) => {
      const tls = { ca: authority.ca };
      const url = `${scheme}://127.0.0.1:${port}`;
      const error = await failureOf(KibitzerClient.connect([url], { tls, timeoutMs: 1000 }), {
        code: "KBZ_UNREACHABLE",
        outcome: "none",
      });
      assert.match(error.message, found);
      assert.doesNotMatch(error.message, /openssl|\d{9}|\n/);
    }),
  );
});
