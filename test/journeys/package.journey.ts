/**
 * The package as users get it: packed, installed where nothing else is, with install scripts off,
 * and run on each Node.js that is supported. Tells how much is installed.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root } from "../processes/child.ts";
import { freePorts, Kit } from "../processes/kit.ts";

const run = promisify(execFile);

const packagesMax = 40;
const bytesMax = 25_000_000;
/** The oldest line that is supported, and the newest; what the tests run on is between them. */
const others = ["22", "26"];
const embeddedLinesMax = 20;

const kit = Kit.make();
const app = kit.path("app");
const nodes = new Map<string, string>();

async function told(command: string, args: readonly string[], cwd: string): Promise<string> {
  return (await run(command, args, { cwd, timeout: 300_000, maxBuffer: 1 << 26 })).stdout;
}

before(async () => {
  await told("npm", ["pack", "--pack-destination", kit.directory], root);
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), `{ "private": true, "type": "module" }\n`);
  const [tarball = ""] = readdirSync(kit.directory).filter((name) => name.endsWith(".tgz"));
  const quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  await told("npm", ["install", ...quietly, kit.path(tarball)], app);
});

after(async () => await kit.close());

/** The Node.js of such a version, which npm brings; or this one. */
async function nodeOf(version: string | null): Promise<string> {
  if (version === null) return process.execPath;
  const found = nodes.get(version);
  if (found !== undefined) return found;
  const node = ["exec", "--yes", `--package=node@${version}`, "--", "node"];
  const path = (await told("npm", [...node, "-p", "process.execPath"], kit.directory)).trim();
  nodes.set(version, path);
  return path;
}

function bytesOf(path: string): number {
  const entries = readdirSync(path, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce(
    (sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size,
    0,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

test("what is installed stays within its bounds", (t) => {
  const lock = readFileSync(join(app, "node_modules/.package-lock.json"), "utf8");
  const { packages }: { packages: Readonly<Record<string, unknown>> } = JSON.parse(lock);
  const count = Object.keys(packages).length;
  const bytes = bytesOf(join(app, "node_modules"));
  const own = bytesOf(join(app, "node_modules/kibitzer"));
  t.diagnostic(`${count} packages, ${megabytes(bytes)} MB, of which ${megabytes(own)} MB its own`);
  assert.ok(count <= packagesMax, `${count} packages: ${Object.keys(packages).join(" ")}`);
  assert.ok(bytes <= bytesMax, `${bytes} bytes`);
});

test("its types resolve as its code does", async () => {
  const manifest = import.meta.resolve("@arethetypeswrong/cli/package.json");
  const attw = fileURLToPath(new URL("dist/index.js", manifest));
  const [tarball = ""] = readdirSync(kit.directory).filter((name) => name.endsWith(".tgz"));
  const args = [attw, kit.path(tarball), "--profile", "esm-only", "--format", "json"];
  await told(process.execPath, args, kit.directory);
});

/** Runs a program of the tree beside the installed package, with the fixed ports replaced. */
async function runs(node: string, source: string, directory: string): Promise<string> {
  const here = join(app, directory);
  mkdirSync(here);
  const port = await freePorts(3);
  const code = readFileSync(join(root, source), "utf8");
  const own = code.replaceAll(/\b770([012])\b/g, (_, at: string) => `${port + Number(at)}`);
  writeFileSync(join(here, "program.ts"), own);
  return await told(node, ["--no-warnings", "program.ts"], here);
}

/** A cluster of processes, something published and read: what the README begins with. */
async function tour(node: string, directory: string): Promise<void> {
  const cli = join(app, "node_modules/kibitzer/dist/kibitz/cli.js");
  const port = String(await freePorts(3));
  const data = join(app, directory, "cluster");
  const dev = kit.start(["dev", "--json", "--data", data, "--port", port], { cli, node });
  await dev.untilEvent("ready");
  const says = async (...args: readonly string[]): Promise<readonly string[]> => {
    const environment = { KIBITZER_ENDPOINTS: `ws://127.0.0.1:${port}` };
    const child = kit.start(args, { cli, node, environment });
    child.endInput();
    const { code } = await child.ended();
    assert.equal(code, 0, child.stderr);
    return child.lines;
  };
  assert.deepEqual(await says("publish", "hello", "world"), ["1", "2"]);
  assert.deepEqual(await says("tail"), ["hello", "world"]);
  const [status = ""] = await says("status", "--json");
  assert.equal(JSON.parse(status).government.parliament.length, 3);
  for (const [path, pattern] of [
    ["/metrics", /^kibitzer_/m],
    ["/v1/openapi.json", /"openapi"/],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.match(await response.text(), pattern);
  }
  const config = join(app, directory, "kibitz.yaml");
  writeFileSync(config, `data: ${data}/a\n`);
  await says("config", "check", "--config", config);
  assert.deepEqual(await dev.kill("SIGTERM"), { code: 0, signal: null });
}

const doors = ["", "/client", "/kv", "/consensus", "/transport", "/simulations"];

for (const version of [null, ...others]) {
  const name = `Node.js ${version ?? "here"}`;
  test(`on ${name} every door opens, and kibitz runs a cluster`, async (t) => {
    const node = await nodeOf(version);
    t.diagnostic((await told(node, ["--version"], app)).trim());
    const smoke = await runs(node, "test/journeys/package-smoke.ts", `smoke-${version}`);
    assert.deepEqual(
      smoke.trim().split("\n"),
      doors.map((door) => `kibitzer${door}`),
    );
    await tour(node, `tour-${version}`);
  });

  test(`P21 on ${name} twenty lines embed a cluster`, async (t) => {
    const source = "examples/embedded-cluster.ts";
    const lines = readFileSync(join(root, source), "utf8").trim().split("\n").length;
    assert.ok(lines <= embeddedLinesMax, `${lines} lines`);
    assert.equal(await runs(await nodeOf(version), source, `embedded-${version}`), "1 hello\n");
    t.diagnostic(`${lines} lines`);
  });
}
