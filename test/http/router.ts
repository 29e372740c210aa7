/** The HTTP interface of a node on its own port: who may ask, what there is, and clear problems. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { Kibitzer } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";
import { openHttpNode, type HttpNode } from "./node.ts";

suite("http: the router", () => {
  let http: HttpNode;
  before(async () => {
    http = await openHttpNode({ allowHosts: ["dashboard.example", "balancer.example"] });
  });
  after(async () => await http[Symbol.asyncDispose]());

  test("a page that may ask may read the answer, and is told what it may send", async () => {
    const headers = { Origin: "http://dashboard.example" };
    const answer = await http.ask("/v1/status", { headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("access-control-allow-origin"), headers.Origin);
    const asked = await http.ask("/v1/entries", { method: "OPTIONS", headers });
    assert.equal(asked.headers.get("access-control-allow-methods"), "GET, HEAD, OPTIONS, POST");
    assert.match(asked.headers.get("access-control-allow-headers") ?? "", /Kibitz-Sequence/);
    assert.equal(await statusFor("balancer.example"), 200);
    for (const allowHosts of [["a:1"], ["A"], ["http://a"], [""]]) {
      await assert.rejects(Kibitzer.open({ directory: "unused", allowHosts }), {
        code: "KBZ_ARGUMENT",
      });
    }
  });

  test("a request that names no host, or an impossible one, is a clear problem", async () => {
    const { hostname, port } = new URL(http.url);
    for (const host of ["Host: a b", "Host: localhost:99999", "Host: [::1"]) {
      const socket = connect(Number(port), hostname);
      socket.end(`GET /v1/status HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`);
      const answer = await text(socket);
      assert.match(answer, /^HTTP\/1.1 400 [^]*"code":"KBZ_ARGUMENT","retryable":false/, host);
    }
  });

  test("who offers to speak HTTP/2 is answered all the same", async () => {
    const { host, hostname, port } = new URL(http.url);
    const socket = connect(Number(port), hostname);
    const offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk";
    socket.write(`POST /v1/entries HTTP/1.1\r\nHost: ${host}\r\n${offer}\r\n`);
    socket.write("Content-Length: 5\r\n\r\nhello");
    const [answer] = await once(socket, "data");
    socket.destroy();
    assert.match(String(answer), /^HTTP\/1\.1 200 /);
  });

  /** The status for a request that names `host`, and comes from a page of `origin`. */
  async function statusFor(host: string, origin?: string, at = http): Promise<number> {
    const { hostname, port } = new URL(at.url);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const headers = { Host: host, ...(origin === undefined ? {} : { Origin: origin }) };
    const asking = request({ hostname, port, path: "/v1/status", headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on("error", reject);
    asking.end();
    return await promise;
  }

  test("the status is that of the node", async () => {
    const response = await http.ask("/v1/status");
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
    const status: unknown = await response.json();
    assert.deepEqual(status, JSON.parse(JSON.stringify(await http.node.status())));
  });

  test("what there is not, and methods that a path does not take, are clear problems", async () => {
    const missing = await http.ask("/v2/status");
    assert.equal(missing.status, 404);
    assert.equal(missing.headers.get("content-type"), "application/problem+json");
    const problem: unknown = await missing.json();
    assert.deepEqual(problem, {
      type: "about:blank",
      title: "KBZ_NOT_FOUND",
      status: 404,
      detail: "There is no /v2/status here. See /v1/openapi.json for what there is.",
      code: "KBZ_NOT_FOUND",
      retryable: false,
      outcome: "none",
    });
    const wrong = await http.ask("/v1/status", { method: "DELETE" });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("allow"), "GET, HEAD, OPTIONS");
    assert.equal((await http.ask("/v1/status", { method: "OPTIONS" })).status, 204);
    const head = await http.ask("/v1/status", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
  });

  test("pages of other sites, and names that were made to lead here, are refused", async () => {
    assert.equal(await statusFor("localhost:1"), 200);
    assert.equal(await statusFor("10.0.0.1:7700"), 200);
    assert.equal(await statusFor("127.0.0.1", "http://localhost:3000"), 200);
    assert.equal(await statusFor("evil.example"), 403);
    assert.equal(await statusFor("127.0.0.1", "http://evil.example"), 403);
    assert.equal(await statusFor("127.0.0.1", "http://203.0.113.9"), 403);
    assert.equal(await statusFor("127.0.0.1", "null"), 403);
    assert.equal(await statusFor("evil.example", "http://evil.example"), 403);
  });

  test("a request may name the host of a member from its admission on", async () => {
    await using town = await openHttpNode();
    const name = "b-0.b.default.svc.cluster.local";
    await using other = await openHttpNode({ id: "b", advertise: `ws://${name}:7700` }, false);
    assert.equal(await statusFor(name, undefined, town), 403);
    const joining = other.node.join("test", town.node.url).catch(() => undefined);
    await eventually("its name is known", async () => {
      return (await statusFor(name, undefined, town)) === 200 ? true : null;
    });
    assert.equal(await statusFor(`${name}.`, undefined, town), 200);
    assert.equal(await statusFor(`${name}.evil.example`, undefined, town), 403);
    await other.node.close();
    await joining;
  });
});
