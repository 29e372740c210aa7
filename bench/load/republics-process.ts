/**
 * Hosts a member of each of many republics in one process. Its one argument is a `HostTask` as
 * JSON; it prints the endpoints of its nodes once they are members, and then obeys one `HostOrder`
 * a line.
 */
import { createHistogram } from "node:perf_hooks";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Kibitzer, type KibitzerOptions } from "../../src/index.ts";
import { openLoop } from "../../src/load/open-loop.ts";
import { nodeWorld } from "../../src/system/node-world.ts";
import type { FileHandle, World } from "../../src/world.ts";
import type { HostOrder, HostTask, Played } from "./republics-task.ts";
import { plainEntry } from "./stamp.ts";

const size = 128;
/** So many nodes are opened at the same time. */
const openedAtOnce = 10;
let syncs = 0;

/** The computer's own, with its syncs counted. */
function countingWorld(): World {
  const world = nodeWorld();
  const { files } = world;
  const open = async (path: string, mode: "read" | "write" | "create"): Promise<FileHandle> => {
    const handle = await files.open(path, mode);
    const datasync = handle.datasync.bind(handle);
    handle.datasync = async () => {
      syncs += 1;
      await datasync();
    };
    return handle;
  };
  return { ...world, files: { ...files, open } };
}

async function member({ id, directory, founders }: HostTask, at: number): Promise<Kibitzer> {
  const listen = ["ws://127.0.0.1:0"];
  const world = countingWorld();
  const where: KibitzerOptions = { id, directory: join(directory, String(at)), listen, world };
  const node = await Kibitzer.open({ ...where, parliamentSize: 3 });
  const founder = founders[at];
  if (founder === undefined) await node.bootstrap(`republic-${at}`);
  else await node.join(`republic-${at}`, founder);
  return node;
}

/** The same rate everywhere, one republic after the other. */
async function play(
  nodes: readonly Kibitzer[],
  { perSecond, seconds }: Extract<HostOrder, { kind: "play" }>,
): Promise<Played> {
  const latency = createHistogram();
  const entry = plainEntry(size);
  const rate = perSecond * nodes.length;
  let turn = 0;
  const begun = performance.now();
  const acknowledged = await openLoop({
    rate,
    count: rate * seconds,
    goesOn: () => true,
    call: async () => {
      const node = nodes[turn % nodes.length];
      turn += 1;
      await node?.publish(entry);
    },
    took: (ms) => latency.record(Math.max(1, Math.round(ms * 1000))),
  });
  return {
    acknowledged,
    seconds: (performance.now() - begun) / 1000,
    p50: latency.percentile(50) / 1000,
    p99: latency.percentile(99) / 1000,
  };
}

const task: HostTask = JSON.parse(process.argv[2] ?? "");
const nodes: Kibitzer[] = [];
for (let from = 0; from < task.republics; from += openedAtOnce) {
  const some = Math.min(openedAtOnce, task.republics - from);
  const opening = Array.from({ length: some }, async (_, at) => await member(task, from + at));
  nodes.push(...(await Promise.all(opening)));
}
console.log(JSON.stringify(nodes.map(({ url }) => url)));
for await (const line of createInterface({ input: process.stdin })) {
  const order: HostOrder = JSON.parse(line);
  console.log(JSON.stringify(order.kind === "syncs" ? syncs : await play(nodes, order)));
}
