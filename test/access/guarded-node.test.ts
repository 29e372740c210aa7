/** A node behind TLS and tokens: who is let in, who is refused in one line, what is audited. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { KibitzerClient, type ClientOptions } from "../../src/client.ts";
import type { KibitzerOptions } from "../../src/configuration.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { silent, type Logger } from "../../src/logger.ts";
import { hashOf } from "../../src/access/tokens.ts";
import { failureOf } from "../node/failure-of.ts";
import { Authority, type Identity } from "./authority.ts";

interface Line {
  readonly event?: unknown;
  readonly message: string;
  readonly [field: string]: unknown;
}

class Log implements Logger {
  readonly debug = silent.debug;
  readonly fatal = silent.fatal;
  readonly lines: Line[] = [];
  #told: (() => void) | null = null;
  readonly info = (fields: object, message: string): void => {
    this.lines.push({ ...fields, message });
    this.#told?.();
  };
  readonly warn = this.info;
  readonly error = this.info;

  of(event: string): readonly Line[] {
    return this.lines.filter((line) => line.event === event);
  }

  async until(event: string, count = 1): Promise<readonly Line[]> {
    while (this.of(event).length < count) {
      await new Promise<void>((resolve) => (this.#told = resolve));
    }
    return this.of(event);
  }
}

class Place {
  readonly directory = mkdtempSync(join(tmpdir(), "kibitz-guarded-"));
  readonly log = new Log();

  static of(t: TestContext): Place {
    const place = new Place();
    t.after(() => rmSync(place.directory, { recursive: true, force: true }));
    return place;
  }

  write(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    return path;
  }

  async open(options: Partial<KibitzerOptions>): Promise<Kibitzer> {
    const directory = join(this.directory, "data");
    const { log: logger } = this;
    const node = await Kibitzer.open({ id: "a", directory, logger, record: false, ...options });
    await node.bootstrap("town");
    return node;
  }
}

async function refusalOf(url: string, options: ClientOptions): Promise<string> {
  const { message } = await failureOf(KibitzerClient.connect([url], options), {
    code: "KBZ_FORBIDDEN",
    outcome: "none",
    retryable: false,
  });
  return message;
}

/** A file of tokens, each of which is "secret-" and its name. */
function lines(roles: Readonly<Record<string, string>>): string {
  return Object.entries(roles)
    .map(([name, role]) => `${name} ${role} ${hashOf(`secret-${name}`).toString("hex")}\n`)
    .join("");
}

async function backUp(client: KibitzerClient): Promise<void> {
  for await (const bytes of client.backup()) assert.ok(bytes.length > 0);
}

async function statusOver(url: string, tls: object, token?: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const at = `${url.replace("wss:", "https:")}/v1/status`;
  const asked = request(at, { ...tls, headers, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  asked.once("error", reject).end();
  return await promise;
}

const town = new Authority("town");
const others = new Authority("others");
const a = town.sign("node a", { uris: ["urn:kibitzer:node:a"] });
const someone = town.sign("someone");

for (const scheme of ["wss", "tls"]) {
  test(`${scheme}: wrong certificates are refused in one line on both sides`, async (t) => {
    const place = Place.of(t);
    const tls = { ...a, ca: town.ca };
    await using node = await place.open({ listen: [`${scheme}://127.0.0.1:0`], tls });
    await using client = await KibitzerClient.connect([node.url], {
      tls: { ...someone, ca: town.ca },
    });
    assert.deepEqual(await client.publish("hello"), { index: 1 });

    const expired = town.sign("late", { notAfter: new Date(Date.now() - 1000) });
    const cases: readonly (readonly [ClientOptions["tls"], RegExp, RegExp])[] = [
      [{ ca: town.ca }, /that is known here, but a client at/, /a client at .* has none/],
      [{ ...expired, ca: town.ca }, /"late", has expired/, /"late", has expired/],
      [{ ...others.sign("foe"), ca: town.ca }, /"foe", is of an authority/, /"foe", is of an auth/],
      [{ ...someone, ca: others.ca }, /but the one it has is of an authority/, /does not believe/],
    ];
    for (const [at, [shown, there, here]] of cases.entries()) {
      assert.match(await refusalOf(node.url, { tls: shown ?? {} }), there);
      const lines = await place.log.until("refused", at + 1);
      assert.match(String(lines[at]?.["reason"]), here);
    }
    assert.equal(place.log.of("refused").length, cases.length, "one line each");
  });
}

test("each token may ask what its roles say, over frames and over https", async (t) => {
  const place = Place.of(t);
  const roles = { reader: "read", writer: "publish", operator: "operate" };
  const tokens = place.write("tokens", lines(roles));
  const { cert, key } = a;
  const tls = { ca: town.ca };
  const listen = ["wss://127.0.0.1:0"];
  await using node = await place.open({ listen, tls: { cert, key }, tokens });
  const as = async (token: string): Promise<KibitzerClient> =>
    await KibitzerClient.connect([node.url], { tls, token, timeoutMs: 10_000 });
  await using reader = await as("secret-reader");
  await using writer = await as("secret-writer");
  await using operator = await as("secret-operator");

  const forbidden = { code: "KBZ_FORBIDDEN", outcome: "none", retryable: false } as const;
  assert.deepEqual(await writer.publish("one"), { index: 1 });
  await failureOf(reader.publish("two"), forbidden);
  assert.equal((await reader.status()).decided.index, 1);
  await failureOf(writer.status(), forbidden);
  await failureOf(backUp(reader), forbidden);
  await failureOf(reader.transfer("a"), forbidden);
  await failureOf(reader.promote("a"), forbidden);
  await backUp(operator);
  assert.match(await refusalOf(node.url, { tls, token: "secret-nobody" }), /known here, but that/);
  assert.match(await refusalOf(node.url, { tls }), /a token or a certificate .* has none/);

  assert.equal(await statusOver(node.url, tls, "secret-reader"), 200);
  assert.equal(place.log.of("refused").length, 2);
  assert.equal(place.log.of("forbidden").length, 3);
  for (let again = 0; again < 3; again += 1) {
    assert.equal(await statusOver(node.url, { ...tls, localAddress: "127.0.0.9" }), 401);
    assert.equal(await statusOver(node.url, { ...tls, auth: "secret:reader" }), 401);
    assert.equal(await statusOver(node.url, tls, "secret-writer"), 403);
    assert.equal(await statusOver(node.url, tls, "secret-nobody"), 403);
  }
  const { length } = place.log.of("refused");
  assert.equal(length, 3, "over HTTP it is a line, too, unless it was told of who connected");

  const audit = place.log.of("audit");
  assert.equal(audit.length, 1, "asked again or not, it is one line; what is forbidden is none");
  assert.match(String(audit[0]?.["who"]), /^a client at 127\.0\.0\.1:\d+ with token operator$/);
  assert.deepEqual([audit[0]?.["action"], audit[0]?.["address"] !== undefined], ["backup", true]);
  assert.equal(place.log.of("forbidden").length, 3);
  assert.deepEqual(await operator.transfer("a"), { leader: "a" }, "what is done already");
  assert.equal((await operator.promote("a")).seated, true);
  assert.equal(place.log.of("audit").length, 3);

  writeFileSync(tokens, lines({ ...roles, writer: "read", reader: "publish" }));
  await node.reload();
  assert.equal((await writer.status()).decided.index, 1, "a role given counts at once");
  await failureOf(writer.publish("three"), forbidden);
  writeFileSync(tokens, "no such thing");
  await node.reload();
  const [failed] = place.log.of("notReloaded");
  assert.match(failed?.message ?? "", /the old stays in use: .*tokens, line 1: wanted "NAME/);
  writeFileSync(tokens, "\n");
  await node.reload();
  const [, empty] = place.log.of("notReloaded");
  assert.match(
    empty?.message ?? "",
    /the old stays in use: .*tokens: wanted one "NAME.* found none/,
  );
  assert.equal((await writer.status()).decided.index, 1, "what is broken is not taken");
  const said = JSON.stringify([place.log.lines, await operator.status()]);
  assert.ok(!said.includes("secret-"), "no token is told to anybody");
});

test("a stream over HTTP ends when its token may read no more; others go on", async (t) => {
  const place = Place.of(t);
  const roles = { gone: "read", demoted: "read", kept: "read" };
  const tokens = place.write("tokens", lines(roles));
  await using node = await place.open({ listen: ["ws://127.0.0.1:0"], tokens });
  await node.publish("one");
  const follow = async (token: string, accept: string): Promise<Response> => {
    const url = `${node.url.replace("ws:", "http:")}/v1/entries?follow=true&limit=2`;
    const headers = { accept, authorization: `Bearer secret-${token}` };
    const response = await fetch(url, { headers });
    assert.equal(response.status, 200);
    return response;
  };
  const events = "text/event-stream";
  const [gone, demoted, kept] = [
    await follow("gone", events),
    await follow("demoted", events),
    await follow("kept", events),
  ];
  let asLines = "";
  const { body } = await follow("gone", "*/*");
  const read = async (): Promise<void> => {
    for await (const chunk of body ?? []) asLines += Buffer.from(chunk).toString();
  };
  const ended = assert.rejects(read(), "a part is not taken for the whole");
  writeFileSync(tokens, lines({ demoted: "publish", kept: "read", new: "read" }));
  await node.reload();
  await node.publish("two");

  const problem = /^event: problem\ndata: .*"status":403,.*"code":"KBZ_FORBIDDEN"/m;
  for (const [stream, why] of [
    [gone, /Wanted a token that is known here/],
    [demoted, /Wanted the role read .* only publish/],
  ] as const) {
    const text = await stream.text();
    assert.match(text, /"text":"one"/);
    assert.match(text, problem);
    assert.match(text, why);
    assert.doesNotMatch(text, /"text":"two"/);
  }
  await ended;
  const [one = "", told = "", ...rest] = asLines.split("\n");
  assert.deepEqual([JSON.parse(one).text, JSON.parse(told).code], ["one", "KBZ_FORBIDDEN"]);
  assert.deepEqual(rest, [""]);
  const both = await kept.text();
  assert.match(both, /"text":"one"[^]*"text":"two"/);
  assert.doesNotMatch(both, /event: problem/);
  assert.equal(place.log.of("forbidden").length, 2, "of each token once");
});

test("what the program of a node asks for is audited as what a client asks for is", async (t) => {
  const place = Place.of(t);
  await using node = await place.open({ listen: ["tcp://127.0.0.1:0"] });
  const notFound = { outcome: "none" } as const;
  await failureOf(node.exile("x"), notFound);
  await failureOf(node.transfer("x"), notFound);
  await failureOf(node.promote("x", { insteadOf: "a" }), notFound);
  await failureOf(node.demote("x"), notFound);
  await failureOf(node.add("tcp://127.0.0.1:1"), notFound);
  const audit = place.log.of("audit").map(({ action, target }) => [action, target]);
  assert.deepEqual(audit, [
    ["exile", "x"],
    ["transfer", "x"],
    ["promote", "x instead of a"],
    ["demote", "x"],
    ["add", "tcp://127.0.0.1:1"],
  ]);
});

test("P15 certificate, key and authority change while calls are under way", async (t) => {
  const place = Place.of(t);
  const next = new Authority("next town");
  const write = ({ cert, key }: Identity, ca: string): void => {
    place.write("cert.pem", cert);
    place.write("key.pem", key);
    place.write("ca.pem", ca);
  };
  write(a, town.ca);
  const [cert, key, ca] = ["cert.pem", "key.pem", "ca.pem"].map((name) =>
    join(place.directory, name),
  );
  const tls = { cert: cert ?? "", key: key ?? "", ca: ca ?? "" };
  await using node = await place.open({ listen: ["wss://127.0.0.1:0"], tls });
  const connect = async (identity: Identity, signer: string): Promise<KibitzerClient> =>
    await KibitzerClient.connect([node.url], { tls: { ...identity, ca: signer } });
  await using early = await connect(someone, town.ca);
  let published = 0;
  const publishOn = async (): Promise<void> => {
    published += 1;
    assert.deepEqual(await early.publish("x"), { index: published });
  };
  const pending = early.publish("under way");
  published += 1;

  write(a, town.ca + next.ca);
  await node.reload();
  const b = next.sign("node a");
  write(b, town.ca + next.ca);
  await node.reload();
  assert.deepEqual(await pending, { index: 1 });
  await publishOn();
  await using middle = await connect(someone, next.ca);
  assert.equal((await middle.status()).decided.index, published);
  write(b, next.ca);
  await node.reload();
  await publishOn();
  assert.match(await refusalOf(node.url, { tls: { ...someone, ca: next.ca } }), /of an authority/);
  await using late = await connect(next.sign("someone"), next.ca);
  assert.equal((await late.status()).decided.index, published);
  assert.deepEqual(
    node.certificateExpiries.map(({ role, subject }) => [role, subject]),
    [
      ["node", "CN=node a"],
      ["ca", "CN=next town"],
    ],
  );

  const metric = /^kibitzer_tls_cert_expiry_timestamp_seconds\{role="node"\} (\d+)$/m;
  const [expiry] = node.certificateExpiries;
  const told = Number(metric.exec(await node.metrics())?.[1]);
  assert.equal(told, (expiry?.expiresAt ?? 0) / 1000);

  place.write("key.pem", someone.key);
  await node.reload();
  const [line] = place.log.of("notReloaded");
  assert.match(line?.message ?? "", /the old stays in use: .*wanted the key of the certificate/);
  await using last = await connect(next.sign("someone else"), next.ca);
  await last.status();
  await publishOn();
  assert.equal(place.log.of("notReloaded").length, 1);
});

test("what is wrong with the options is told before any file is watched", async () => {
  const options = { token: { file: "/nowhere/token" }, timeoutMs: 0 };
  const error = await failureOf(KibitzerClient.connect(["ws://127.0.0.1:1"], options), {
    code: "KBZ_ARGUMENT",
  });
  assert.match(error.message, /timeoutMs/);
});

test("a change of a file is noticed by itself", async (t) => {
  const place = Place.of(t);
  const tokens = place.write("tokens", lines({ ci: "read" }));
  await using node = await place.open({ listen: ["tcp://127.0.0.1:0"], tokens });
  writeFileSync(tokens, `ci read ${hashOf("secret").toString("hex")}\n`);
  await place.log.until("reloaded");
  const [file, logger] = [place.write("token", "secret"), new Log()];
  await using client = await KibitzerClient.connect([node.url], { token: { file }, logger });
  assert.equal((await client.status()).republic.name, "town");
  writeFileSync(file, "two words");
  const [line] = await logger.until("notReloaded");
  assert.match(line?.message ?? "", /the new token cannot be used, the old stays in use: .*spaces/);
  assert.equal((await client.status()).republic.name, "town");
});

test("an endpoint beyond this computer needs TLS or tokens, or somebody who insists", async (t) => {
  const place = Place.of(t);
  const refused = { code: "KBZ_FORBIDDEN", outcome: "none", retryable: false } as const;
  const listen = ["tcp://0.0.0.0:0"];
  const error = await failureOf(place.open({ listen }), refused);
  assert.match(error.message, /^Listening at tcp:\/\/0\.0\.0\.0:0 lets others/);
  const tokens = place.write("tokens", lines({ ci: "read" }));
  await (await place.open({ listen: ["ws://127.0.0.1:0"], tokens })).close();
  const cert = { listen: ["wss://127.0.0.1:0"] };
  await failureOf(place.open(cert), { code: "KBZ_ENDPOINT" });
  assert.deepEqual(place.log.of("open"), [], "tokens are asked for, or only this computer gets in");
});

test("TLS that asks nobody who it is says so at the start, and what to do", async (t) => {
  const place = Place.of(t);
  // Nothing listens there: there is no certificate to present.
  const listen = ["ws://127.0.0.1:0", "wss://192.0.2.1:0"];
  await failureOf(place.open({ listen }), { code: "KBZ_ENDPOINT" });
  const [line, ...more] = place.log.of("open");
  assert.deepEqual([line?.["endpoints"], more], [["wss://192.0.2.1:0"], []]);
  assert.match(line?.message ?? "", /^whoever reaches wss:.* --tls-ca .* --tokens/);

  const tokens = place.write("tokens", lines({ ci: "read" }));
  await failureOf(place.open({ listen, tokens }), { code: "KBZ_ENDPOINT" });
  await failureOf(place.open({ listen, tls: { ca: town.ca } }), { code: "KBZ_ENDPOINT" });
  assert.equal(place.log.of("open").length, 1);
});
