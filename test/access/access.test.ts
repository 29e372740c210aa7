/** Who may do what: by certificate, by token, by both, and how often. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Access, type Asker } from "../../src/access/access.ts";
import { hashOf, Tokens } from "../../src/access/tokens.ts";
import type { Clock } from "../../src/world.ts";

const anybody: Asker = { node: null, address: "10.0.0.1:4", tokenHash: null, certificate: null };
const good = { subject: "someone", uris: [], chain: ["leaf", "CA"], fault: null };
const forClients = { ...good, chain: ["leaf", "CLIENTS"] };
const everything = ["operate", "peer", "publish", "read"];

function tokensOf(lines: Readonly<Record<string, string>>): Tokens {
  const text = Object.entries(lines).map(([name, roles]) => {
    return `${name} ${roles} ${hashOf(name).toString("hex")}`;
  });
  return Tokens.parse(text.join("\n"), "tokens");
}

const unused = (): never => assert.fail("nothing waits here");

function clockAt(now: { ms: number }): Clock {
  return { now: () => now.ms, wall: unused, after: unused, soon: unused };
}

function accessOf(
  rules: Partial<ReturnType<ConstructorParameters<typeof Access>[0]["rules"]>>,
  rate: number | null = null,
  now = { ms: 0 },
): Access {
  const all = { tokens: null, signers: null, clientSigners: null, ...rules };
  const clock = clockAt(now);
  return new Access({ rules: () => all, clock, requestsPerSecondMax: rate, onChange: unused });
}

function rolesOf(access: Access, asker: Partial<Asker>): readonly string[] | string {
  try {
    return [...access.admit({ ...anybody, ...asker }).roles].toSorted();
  } catch (error) {
    assert(error instanceof Error && "code" in error);
    assert.equal(error.code, "KBZ_FORBIDDEN");
    return error.message;
  }
}

function asKnown(asker: Partial<Asker>, access: Access): string {
  return access.admit({ ...anybody, ...asker }).countedAs;
}

test("without tokens and authorities everybody may do everything", () => {
  const access = accessOf({});
  assert.deepEqual([access.isOpen, access.isIdle], [true, true]);
  assert.deepEqual(rolesOf(access, {}), everything);
  assert.deepEqual(rolesOf(access, { node: "b", tokenHash: hashOf("any") }), everything);
});

test("a certificate of the authority of nodes may be limited to ids, or to roles", () => {
  const access = accessOf({ signers: new Set(["CA"]), clientSigners: new Set(["CLIENTS"]) });
  const roles = (uris: readonly string[], node: string | null): readonly string[] | string =>
    rolesOf(access, { node, certificate: { ...good, uris } });
  assert.deepEqual(roles([], "b"), everything);
  assert.deepEqual(roles(["urn:kibitzer:node:b"], "b"), everything);
  assert.match(String(roles(["urn:kibitzer:node:a"], "b")), /for node b, but .* is for a\./);
  assert.deepEqual(roles(["urn:kibitzer:role:publish"], null), ["publish"]);
  assert.match(String(roles(["urn:kibitzer:role:publish"], "b")), /makes it a peer, but node b/);
  assert.match(String(roles(["urn:kibitzer:role:peer"], "b")), /makes it a peer/);
  assert.match(String(roles(["urn:kibitzer:role:nonsense"], null)), /known here, but a client/);
});

test("a certificate of the authority of clients makes nobody a node", () => {
  const access = accessOf({ signers: new Set(["CA"]), clientSigners: new Set(["CLIENTS"]) });
  const certificate = forClients;
  assert.deepEqual(rolesOf(access, { certificate }), ["operate", "publish", "read"]);
  assert.match(String(rolesOf(access, { certificate, node: "b" })), /makes it a peer/);
  const expired = { ...certificate, fault: "has expired" };
  assert.match(String(rolesOf(access, { certificate: expired })), /"someone", has expired\./);
  assert.match(String(rolesOf(access, {})), /known here, but a client at 10\.0\.0\.1:4 has none/);
});

test("a token gives its roles beside those of the certificate; a wrong one is no way in", () => {
  const tokens = tokensOf({ ci: "publish", b: "peer" });
  const access = accessOf({ tokens, signers: new Set(["CA"]) });
  assert.deepEqual(rolesOf(access, { tokenHash: hashOf("ci") }), ["publish"]);
  assert.deepEqual(rolesOf(access, { node: "b", tokenHash: hashOf("b") }), everything);
  const noPeer = rolesOf(access, { node: "b", tokenHash: hashOf("ci") });
  assert.match(String(noPeer), /token ci has none/);
  const certificate = { ...good, uris: ["urn:kibitzer:role:read"] };
  assert.deepEqual(rolesOf(access, { certificate, tokenHash: hashOf("ci") }), ["publish", "read"]);
  assert.match(String(rolesOf(access, { certificate, tokenHash: hashOf("x") })), /is not\./);
});

test("a token that is known no more may ask nothing more; a certificate goes on", () => {
  const rules = { tokens: tokensOf({ ci: "publish,read" }), signers: new Set(["CA"]) };
  const all: { tokens: Tokens | null; signers: Set<string>; clientSigners: null } = {
    ...rules,
    clientSigners: null,
  };
  const access = new Access({
    rules: () => all,
    clock: clockAt({ ms: 0 }),
    requestsPerSecondMax: null,
    onChange: unused,
  });
  const byToken = access.admit({ ...anybody, tokenHash: hashOf("ci") });
  const byCertificate = access.admit({ ...anybody, certificate: good });
  assert.equal(access.renewed(byToken), byToken);
  all.tokens = tokensOf({ ci: "read" });
  assert.deepEqual(access.renewed(byToken).roles, new Set(["read"]));
  all.tokens = tokensOf({ other: "read" });
  all.signers = new Set(["NEXT"]);
  assert.throws(() => access.renewed(byToken), { code: "KBZ_FORBIDDEN" });
  assert.deepEqual([...access.renewed(byCertificate).roles].toSorted(), everything);
  assert.throws(() => access.check(byToken, "operate"), /role operate .* has only publish, read/);
});

test("a client that asks more often than it may is told so until the second is over", () => {
  const now = { ms: 10_000 };
  const access = accessOf({}, 3, now);
  const one = access.admit(anybody);
  const other = access.admit({ ...anybody, address: "10.0.0.2:4" });
  const twin = access.admit({ ...anybody, address: "10.0.0.1:5" });
  for (const grant of [one, twin, one]) access.check(grant, "read");
  assert.throws(() => access.check(one, "read"), { code: "KBZ_BUSY", retryable: true });
  assert.throws(() => access.check(twin, "read"), { code: "KBZ_BUSY", outcome: "none" });
  access.check(other, "read");
  const madeUp = { ...anybody, tokenHash: hashOf("x"), certificate: good };
  assert.throws(() => access.check(access.admit(madeUp), "read"), { code: "KBZ_BUSY" });
  const node = access.admit({ ...anybody, node: "b" });
  for (let at = 0; at < 10; at += 1) access.check(node, "read");
  now.ms += 1000;
  access.check(one, "read");
});

test("a client is counted by what is known of it: its token, its certificate, its address", () => {
  const tokens = tokensOf({ ci: "publish", b: "read" });
  const byToken = accessOf({ tokens }, 1);
  const ci = { tokenHash: hashOf("ci"), certificate: good };
  const known = asKnown(ci, byToken);
  assert.equal(asKnown({ ...ci, address: "10.0.0.2:4", certificate: null }, byToken), known);
  assert.notEqual(asKnown({ tokenHash: hashOf("b") }, byToken), known);
  const byCertificate = accessOf({ signers: new Set(["CA"]) }, 1);
  for (const tokenHash of [null, hashOf("x"), hashOf("y")]) {
    assert.equal(asKnown({ tokenHash, certificate: good }, byCertificate), "leaf");
    assert.equal(asKnown({ tokenHash, certificate: good }, accessOf({}, 1)), "10.0.0.1");
  }
});
