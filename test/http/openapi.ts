/** The description of the HTTP interface: valid, complete, and true of what a node answers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { configure } from "../../src/configuration.ts";
import { routesOf } from "../../src/http/routes.ts";
import { Engine } from "../../src/node/engine.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import { version } from "../../src/version.ts";
import { openHttpNode, type HttpNode } from "./node.ts";

const file = join(import.meta.dirname, "../../docs/openapi.json");
const description = JSON.parse(readFileSync(file, "utf8"));

interface Described {
  readonly method: string;
  readonly path: string;
  readonly role: string;
}

function described(): readonly Described[] {
  const routes: Described[] = [];
  for (const [path, methods] of Object.entries<Record<string, { "x-role": string }>>(
    description.paths,
  )) {
    for (const [method, operation] of Object.entries(methods)) {
      routes.push({ method: method.toUpperCase(), path, role: operation["x-role"] });
    }
  }
  return routes.toSorted(byPath);
}

function byPath(left: Described, right: Described): number {
  return `${left.path} ${left.method}` < `${right.path} ${right.method}` ? -1 : 1;
}

test("the description is valid OpenAPI, of this version", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(description));
  assert.deepEqual([valid, errors], [true, undefined]);
  assert.equal(description.openapi, "3.1.0");
  assert.equal(description.info.version, version);
});

test("each route stands in the description with its role, and no other does", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kibitz-routes-"));
  const configuration = configure({ directory, id: "a", listen: [] }, nodeWorld);
  const engine = await Engine.open(configuration, (error) => assert.fail(error));
  const routes = routesOf(engine).map(({ method, path, role }) => ({ method, path, role }));
  await engine.close();
  await rm(directory, { recursive: true });
  assert.deepEqual(routes.toSorted(byPath), described());
});

suite("answers of a node are as described", () => {
  let http: HttpNode;
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(description, "openapi");
  before(async () => {
    http = await openHttpNode();
  });
  after(async () => await http[Symbol.asyncDispose]());

  /** Asks, and checks each document of the answer against what is described for its status. */
  async function checked(method: "GET" | "POST", path: string, init: RequestInit): Promise<number> {
    const response = await http.ask(path, { ...init, method });
    const [bare = ""] = path.split("?");
    const at = `/paths/${bare.replaceAll("/", "~1")}/${method.toLowerCase()}/responses`;
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
    const text = await response.text();
    const documents = type.endsWith("ndjson") ? text.split("\n").slice(0, -1) : [text];
    const status = `${at}/${response.status}`;
    const reference = resolved(status);
    const validate = ajv.getSchema(
      `openapi#${reference}/content/${type.replace("/", "~1")}/schema`,
    );
    assert.ok(validate !== undefined, `${method} ${path}: ${response.status} ${type}`);
    assert.ok(documents.length > 0);
    for (const document of documents) {
      assert.equal(validate(JSON.parse(document)), true, JSON.stringify(validate.errors));
    }
    return response.status;
  }

  /** Where what stands at `pointer` is described, if that is elsewhere. */
  function resolved(pointer: string): string {
    let found = description;
    for (const key of pointer.slice(1).split("/")) {
      found = found?.[key.replaceAll("~1", "/")];
    }
    assert.ok(found !== undefined, pointer);
    const { $ref: reference } = found;
    return typeof reference === "string" ? reference.slice(1) : pointer;
  }

  test("good ones and problems", async () => {
    const lines = { "Content-Type": "application/x-ndjson" };
    const numbered = { "Kibitz-Publisher": "999", "Kibitz-Sequence": "1" };
    const answers: readonly (readonly [number, "GET" | "POST", string, RequestInit])[] = [
      [200, "GET", "/v1/status", {}],
      [200, "POST", "/v1/publishers", {}],
      [200, "POST", "/v1/entries", { body: "x" }],
      [200, "POST", "/v1/entries", { body: Uint8Array.of(0xff) }],
      [200, "POST", "/v1/entries", { body: "x\ny", headers: lines }],
      [200, "GET", "/v1/entries", {}],
      [400, "GET", "/v1/entries?from=0", {}],
      [409, "POST", "/v1/entries", { body: "x", headers: numbered }],
      [413, "POST", "/v1/entries", { body: new Uint8Array(1_048_577) }],
      [415, "POST", "/v1/entries", { body: "x", headers: { "Content-Type": "multipart/mixed" } }],
      [200, "GET", "/v1/openapi.json", {}],
    ];
    for (const [status, method, path, init] of answers) {
      assert.equal(await checked(method, path, init), status, `${method} ${path}`);
    }
  });
});
