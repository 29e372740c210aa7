/**
 * Programs of the system that the attacks need, and running them. Says which package is missing;
 * never goes on without one.
 */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Runs a program to its end. @throws what it said on stderr, when it fails. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, args, { encoding: "utf8" });
  return stdout;
}

/** The same with `input` on its standard input. */
export async function feed(
  input: string,
  program: string,
  ...args: readonly string[]
): Promise<void> {
  const running = execute(program, args, { encoding: "utf8" });
  running.child.stdin?.end(input);
  await running;
}

/** Each with the Debian package that brings it. */
const programs: Readonly<Record<string, string>> = {
  ip: "iproute2",
  iptables: "iptables",
  strace: "strace",
  unshare: "util-linux",
  nsenter: "util-linux",
  mount: "mount",
  umount: "mount",
  "mkfs.ext4": "e2fsprogs",
};

const clockLibraries = [
  "/usr/lib/*/faketime/libfaketimeMT.so.1",
  "/usr/lib/faketime/libfaketimeMT.so.1",
];

/** The library that gives a process another clock, or null where it is not installed. */
export function clockLibrary(): string | null {
  return globSync(clockLibraries)[0] ?? null;
}

/** What this computer lacks for the attacks, one sentence each; empty when nothing is missing. */
export function missing(): readonly string[] {
  const found: string[] = [];
  if (process.platform !== "linux") return ["It needs Linux: namespaces, iptables and strace."];
  if (process.getuid?.() !== 0) found.push("It needs root: for namespaces and mounts.");
  const absent = Object.entries(programs).filter(([program]) => !isInstalled(program));
  const packages = new Set(absent.map(([, name]) => name));
  if (clockLibrary() === null) packages.add("libfaketime");
  if (packages.size > 0) {
    found.push(`Packages are missing: apt-get install --yes ${[...packages].join(" ")}`);
  }
  if (!existsSync("/dev/loop-control")) found.push("It needs loop devices: modprobe loop");
  return found;
}

function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v "$1"`, "sh", program]).status === 0;
}
