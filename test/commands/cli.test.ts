/**
 * The program as its users start it: help, usage errors, exit codes. No cluster. Each exit code is
 * seen once from outside its process; the many lines that lead to it are run in this one.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "./ask.ts";

const cli = join(import.meta.dirname, "../../src/cli.ts");

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString();
}

function kibitz(
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("KIBITZER_"));
  const env = { ...Object.fromEntries(inherited), ...settings };
  const child = spawn(process.execPath, [cli, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stdout: text(stdout), stderr: text(stderr) });
    });
  });
}

const commands = [
  "dev",
  "start",
  "config check",
  "config schema",
  "publish",
  "tail",
  "status",
  "member exile",
  "transfer",
  "backup",
  "restore",
  "recover",
  "replay",
  "log inspect",
  "bench",
];

test("every command has help, on stdout", async () => {
  const helps = await Promise.all(commands.map((name) => ask([...name.split(" "), "--help"])));
  for (const [at, { code, stdout, stderr }] of helps.entries()) {
    assert.equal(code, 0, stderr);
    assert.match(String(stdout), new RegExp(`^Usage: kibitz ${commands[at]}`));
    assert.equal(stderr, "");
  }
});

test("the help of simulate is the simulator's own, which prints it itself", async () => {
  const [long, short] = await Promise.all([
    kibitz(["simulate", "--help"]),
    kibitz(["simulate", "-h"]),
  ]);
  assert.deepEqual([long.code, long.stderr], [0, ""]);
  assert.match(long.stdout, /^Usage: kibitz simulate/);
  for (const name of ["seed", "seeds", "from", "seconds", "json"]) {
    assert.match(long.stdout, new RegExp(`^ +--${name}`, "m"));
  }
  assert.deepEqual(short, long);
});

test("without arguments there is help with examples; --version is the package's", async () => {
  const [bare, version] = await Promise.all([kibitz([]), kibitz(["--version"])]);
  assert.equal(bare.code, 0);
  assert.match(bare.stdout, /Examples:[\s\S]*kibitz dev/);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

const wrong: readonly (readonly [readonly string[], RegExp])[] = [
  [["pubish"], /Did you mean publish/],
  [["publish", "--nonsense"], /unknown option/],
  [["publish"], /Nothing to publish/],
  [["publish", "x", "--file", "-"], /found both/],
  [["publish", "x", "--timeout", "30"], /duration/],
  [["tail", "--from", "0"], /whole number/],
  [["status", "--endpoints", "http://127.0.0.1"], /Use ws:/],
  [["member"], /Usage: kibitz member/],
  [["member", "exile"], /missing required argument/],
  [["member", "exile", "b", "c"], /too many arguments/],
  [["member", "exile", "No Id"], /Wanted the id of a node.*found No Id/],
  [["transfer", "../b"], /Wanted the id of a node/],
  [["replay"], /missing required argument/],
  [["dev", "--nodes", "0"], /whole number/],
  [["start"], /--data/],
  [["start", "--data", "d", "--bootstrap", "r", "--parliament-size", "4"], /odd number/],
];

test("a wrong command line ends with 2 and says what was wanted", async () => {
  const [[first, says] = [[], /never/]] = wrong;
  const [ends, outside] = await Promise.all([
    Promise.all(wrong.map(([args]) => ask(args))),
    kibitz(first),
  ]);
  for (const [at, { code, stdout, stderr }] of ends.entries()) {
    assert.equal(code, 2, `${wrong[at]?.[0].join(" ")}: ${stderr}`);
    assert.match(stderr, wrong[at]?.[1] ?? /never/);
    assert.equal(stdout.length, 0);
  }
  assert.deepEqual([outside.code, outside.stdout], [2, ""]);
  assert.match(outside.stderr, says);
});

test("the environment is checked like the command line", async () => {
  const { code, stderr } = await kibitz(["status"], { KIBITZER_ENDPOINTS: "nowhere" });
  assert.equal(code, 2);
  assert.match(stderr, /KIBITZER_ENDPOINTS/);
});

test("a missing file ends with 4, a setting that there is not with 2", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-cli-"));
  try {
    const path = join(directory, "missing.txt");
    assert.equal((await kibitz(["publish", "--file", path])).code, 4);
    const config = join(directory, "config.json");
    writeFileSync(config, '{"nonsense":1}');
    const { code, stderr } = await kibitz(["start", "--config", config]);
    assert.equal(code, 2);
    assert.match(stderr, /"nonsense"/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("no endpoint that answers ends with 3", async () => {
  const closed = await closedPort();
  const options = ["--endpoints", `ws://127.0.0.1:${closed}`, "--timeout", "300ms"];
  const ends = await Promise.all(
    ["status", "tail", "publish x", "member exile b", "transfer"].map((name) =>
      ask([...name.split(" "), ...options]),
    ),
  );
  for (const { code, stdout, stderr } of ends) {
    assert.equal(code, 3, stderr);
    assert.equal(stdout.length, 0);
    assert.match(stderr, /KBZ_UNREACHABLE/);
  }
});

test("dev says which port is taken, and starts nothing", async () => {
  const server = createServer();
  const port = await listening(server);
  const directory = mkdtempSync(join(tmpdir(), "kibitz-cli-"));
  try {
    const data = join(directory, "dev");
    const { code, stderr } = await kibitz(["dev", "--port", String(port), "--data", data]);
    assert.equal(code, 5);
    assert.match(stderr, new RegExp(`Port ${port}.* in use`));
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});

test("a node logs that it stops, and why", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-cli-"));
  try {
    const first = ["--id", "a", "--listen", "ws://127.0.0.1:0", "--bootstrap", "town"];
    const args = ["start", "--data", join(directory, "a"), ...first, "--until-stdin-ends"];
    const { code, stderr } = await kibitz(args);
    assert.equal(code, 0, stderr);
    const events = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).event);
    assert.deepEqual(events.slice(-2), ["stopping", "stopped"]);
    assert.match(stderr, /stopping because of the end of its input/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a node that joins nobody says what is left, and how to try again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-cli-"));
  try {
    const peer = `ws://127.0.0.1:${await closedPort()}`;
    const data = join(directory, "c");
    const first = ["--id", "c", "--listen", "ws://127.0.0.1:0", "--join", peer];
    const { code, stderr } = await kibitz(["start", "--data", data, ...first, "--timeout", "1s"]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /Joined nobody within 1000 ms/);
    assert.ok(stderr.includes(`${data} belongs to node c now`), stderr);
    const again = /to try again: kibitz (start .*)$/m.exec(stderr)?.[1]?.split(" ") ?? [];
    assert.equal((await kibitz([...again, "--timeout", "1s"])).code, 3);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("who waits for an answer is told what for, and in one plain sentence at the end", async () => {
  const port = await closedPort();
  const options = ["--endpoints", `ws://127.0.0.1:${port}`, "--timeout", "1500ms"];
  const { code, stdout, stderr } = await kibitz(["status", ...options]);
  assert.deepEqual([code, stdout], [3, ""]);
  const found = `ws://127.0.0.1:${port} (connect ECONNREFUSED 127.0.0.1:${port})`;
  const [waiting, end, ...rest] = stderr.trimEnd().split("\n");
  assert.equal(waiting, `kibitz: no answer yet from ${found}; still trying, 1.5 s in all`);
  assert.ok(
    end?.startsWith(`kibitz: none of the endpoints answered within 1500 ms: ${found};`),
    end,
  );
  assert.deepEqual(rest, []);
});

function listening(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      resolve(address.port);
    });
  });
}

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
