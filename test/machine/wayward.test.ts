/** Real processes whose state machines are not deterministic: the minority stops, or all do. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { eventually } from "../processes/kit.ts";

const program = join(import.meta.dirname, "wayward-node.ts");

/** One process, and the lines that it said. */
class WaywardProcess {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(t: TestContext, args: readonly string[]) {
    this.#child = spawn(process.execPath, ["--no-warnings", program, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, [`ONLY_${args[1]}`]: "1" },
    });
    if (this.#child.stdout !== null) {
      createInterface(this.#child.stdout).on("line", (line) => this.lines.push(line));
    }
    t.after(() => this.#child.kill("SIGKILL"));
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  publish(text: string): void {
    this.#child.stdin?.write(`${text}\n`);
  }

  async says(pattern: RegExp): Promise<string> {
    const found = async (): Promise<string | null> => {
      return this.lines.find((line) => pattern.test(line)) ?? null;
    };
    return await eventually(`a line like ${pattern}`, found);
  }
}

interface Started {
  readonly directory: string;
  readonly nodes: readonly WaywardProcess[];
}

async function start(t: TestContext, slips: readonly string[]): Promise<Started> {
  const directory = mkdtempSync(join(tmpdir(), "kibitz-wayward-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const begin = async (at: number, contact: string): Promise<WaywardProcess> => {
    const node = new WaywardProcess(t, [directory, "abc"[at] ?? "", contact, slips[at] ?? "none"]);
    await node.says(/^ready/);
    return node;
  };
  const first = await begin(0, "");
  const contact = `unix:${directory}/a.socket`;
  const others = slips.slice(1).map((_, at) => begin(at + 1, contact));
  return { directory, nodes: [first, ...(await Promise.all(others))] };
}

test("P13 a machine that strays stops its node, each time; the others go on", async (t) => {
  const { directory, nodes } = await start(t, ["none", "none", "clock"]);
  const [first, second, wayward] = nodes;
  assert.ok(first !== undefined && second !== undefined && wayward !== undefined);
  const stops = async (node: WaywardProcess): Promise<void> => {
    const ended = await node.says(/^ended/);
    assert.match(ended, /KBZ_MACHINE_DIVERGED .*up to slot \d+ than that of [ab], [ab]/);
  };
  first.publish("one");
  await first.says(/^published 1$/);
  await stops(wayward);
  for (const slip of ["random", "order"]) {
    await stops(new WaywardProcess(t, [directory, "c", "again", slip]));
  }
  first.publish("two");
  await first.says(/^published 2$/);
  assert.ok(first.isRunning && second.isRunning);
  const right = new WaywardProcess(t, [directory, "c", "again", "none"]);
  right.publish("three");
  await right.says(/^published 3$/);
  assert.ok(right.isRunning, "corrected, it is one of them again");
});

test("P13 where no two machines agree nobody is left to go on", async (t) => {
  const { nodes } = await start(t, ["random", "random", "random"]);
  nodes[0]?.publish("one");
  await Promise.all(nodes.map(async (node) => await node.says(/^ended KBZ_MACHINE_DIVERGED/)));
});
