/**
 * `npm run simulate:versions`: the same seeds here from the sources, and built on another Node.js
 * in another time zone and locale with less memory: both must say the same bytes (R4).
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print, runCommand, whole } from "./command-line.ts";

const usage = `Usage: npm run simulate:versions -- [--seeds COUNT] [--node VERSION]

Runs the same simulations on this Node.js and on another one, which npm brings, and compares what
they print. Needs dist/ (npm run build).

  --seeds COUNT   how many seeds (default 20)
  --node VERSION  the other Node.js (default 22.22.0)
  --json          one JSON value`;

const root = join(import.meta.dirname, "..");
const built = join(root, "dist/simulations/simulate.js");

interface Said {
  readonly version: string;
  readonly output: string;
}

async function run(command: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(command[0] ?? "", command.slice(1), {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const output = await text(child.stdout);
  const code = await ended;
  if (code === 0) return output;
  throw new Error(`${command.join(" ")} ended with ${code}:\n${output.slice(-2000)}`);
}

async function here(seeds: string): Promise<Said> {
  const script = join(import.meta.dirname, "simulate.ts");
  const output = await run([process.execPath, script, "--seeds", seeds], { TZ: "UTC" });
  return { version: process.version, output };
}

async function elsewhere(seeds: string, version: string): Promise<Said> {
  const node = ["npm", "exec", "--yes", `--package=node@${version}`, "--", "node"];
  const found = (await run([...node, "--version"], {})).trim();
  const environment = { TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8" };
  const command = [...node, "--max-old-space-size=512", built, "--seeds", seeds, "--jobs", "1"];
  return { version: found, output: await run(command, environment) };
}

/** The first line in which they differ, from 1 on, or null. */
function firstDifference(left: string, right: string): number | null {
  if (left === right) return null;
  const others = right.split("\n");
  return left.split("\n").findIndex((line, at) => line !== others[at]) + 1;
}

async function compare({ seeds, node, json }: Arguments): Promise<number> {
  const own = await here(seeds);
  const other = await elsewhere(seeds, node);
  const line = firstDifference(own.output, other.output);
  const sha256 = createHash("sha256").update(own.output).digest("hex");
  const versions = [own.version, other.version];
  if (json) {
    print(JSON.stringify({ seeds: Number(seeds), versions, same: line === null, line, sha256 }));
  } else if (line === null) {
    const bytes = Buffer.byteLength(own.output);
    print(`${seeds} seeds: the same ${bytes} bytes on ${versions.join(" and ")}, ${sha256}`);
  } else {
    print(`line ${line} differs:`);
    for (const said of [own, other]) {
      print(`  ${said.version}: ${said.output.split("\n")[line - 1]}`);
    }
  }
  return line === null ? 0 : 1;
}

interface Arguments {
  readonly seeds: string;
  readonly node: string;
  readonly json: boolean;
}

function parse(args: readonly string[]): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "20" },
      node: { type: "string", default: "22.22.0" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  whole("seeds", values.seeds, 1);
  if (!existsSync(built)) throw new Error(`${built} is not there: npm run build makes it.`);
  return values;
}

await runCommand({ usage, parse, run: compare });
