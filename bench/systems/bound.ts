/** The bound: what the same shape costs without consensus, recovery, checks and many clients. */
import { join, resolve } from "node:path";
import { BoundPublisher } from "../bound/publisher.ts";
import { ServerProcess } from "../processes.ts";
import type { Publisher, Running, System, Where } from "./system.ts";

const server = resolve(import.meta.dirname, "../bound/server.ts");
const disksNeeded = 2;

/** A leader and two followers; the leader alone serves. */
function launch({ directory, port }: Where): Running {
  const ports = [port, port + 1, port + 2];
  const processes = ports.map((own, at) => {
    const role = at === 0 ? [disksNeeded, ...ports.slice(1)] : [1];
    const args = [join(directory, `log-${at}`), own, ...role].map(String);
    return new ServerProcess([process.execPath, server, ...args]);
  });
  return {
    endpoints: [String(port)],
    pids: () => processes.map(({ pid }) => pid),
    whole: async () => await processes[0]?.says("listening"),
    stop: async () => {
      await Promise.all(processes.map((child) => child.end("SIGTERM")));
    },
  };
}

export const bound: System = {
  name: "bound",
  durability: "synced by two of three; no consensus, no recovery, no checks",
  hasBulk: true,
  isInstalled: () => true,
  launch,
  connect: async (endpoints: readonly string[]): Promise<Publisher> =>
    await BoundPublisher.connect(Number(endpoints[0])),
};
