/**
 * Commands as the documentation shows them, held against what there is: the program's own commands
 * and options, the scripts of the package, the files of the tree. Runs none of them.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { createProgram } from "../../src/commands/program.ts";
import { captureOutput } from "../commands/captured-output.ts";
import { root } from "./code-blocks.ts";

/** Programs of others, whose options are none of our business. */
const others: ReadonlySet<string> = new Set(
  [
    ["awk", "cat", "cd", "chmod", "chown", "cp", "curl", "cut", "df", "diff", "docker", "du"],
    ["echo", "env", "export", "git", "grep", "gunzip", "gzip", "head", "install", "journalctl"],
    ["jq", "kill", "kubectl", "less", "ls", "mkdir", "mv", "openssl", "printf", "promtool", "rm"],
    ["sed", "sha256sum", "sleep", "sort", "sudo", "sync", "systemctl", "systemd-analyze", "tail"],
    ["tar", "tee", "test", "touch", "tr", "wc", "zcat"],
  ].flat(),
);

const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
).scripts;

/** The commands in `code`; of a session, what is typed behind `$ `. */
export function commandsIn(code: string, language: "sh" | "console"): readonly string[] {
  const lines = code.replaceAll("\\\n", " ").split("\n");
  const typed =
    language === "sh"
      ? lines
      : lines.flatMap((line) => (line.startsWith("$ ") ? [line.slice(2)] : []));
  return (
    typed
      .map((line) => line.replace(/(^|\s)#.*$/, ""))
      // What is put into a variable is a command of its own.
      .map((line) => line.replace(/\b\w+=\$\((.*)\)/, "$1"))
      .flatMap((line) => line.match(/(?:"[^"]*"|'[^']*'|[^"'|;&]|(?<!&)&(?!&))+/g) ?? [])
      .map((command) => command.trim())
      .filter((command) => command !== "")
  );
}

/** What is wrong with a command, or null. */
export function faultOf(command: string): string | null {
  const words = command.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const start = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  const [program = "", ...args] = words.slice(Math.max(0, start));
  switch (program) {
    case "kibitz":
    case "kibitzer":
      return faultOfKibitz(args);
    case "npx":
      return faultOf(args.filter((arg) => arg !== "--yes").join(" "));
    case "npm":
      return faultOfNpm(args);
    case "node":
      return faultOfNode(args);
    default:
      return others.has(program) ? null : `nobody here knows the program "${program}"`;
  }
}

function faultOfKibitz(args: readonly string[]): string | null {
  let command: Command = createProgram(captureOutput().output, () => undefined);
  const flags: string[] = [];
  for (const arg of args) {
    if (arg.startsWith("-")) {
      flags.push(arg.replace(/=.*$/, ""));
      continue;
    }
    const part = command.commands.find((part) => part.name() === arg);
    if (part !== undefined) command = part;
    else if (command.commands.length > 0) return `there is no command "${arg}"`;
  }
  const unknown = flags.filter((flag) => !isOption(command, flag));
  return unknown.length === 0 ? null : `${command.name()} has no option ${unknown.join(", ")}`;
}

function isOption(command: Command, flag: string): boolean {
  if (["-", "-h", "--help"].includes(flag)) return true;
  const known = [...command.options, ...(command.parent?.options ?? [])];
  return known.some(({ short, long }) => flag === short || flag === long);
}

function faultOfNpm(args: readonly string[]): string | null {
  const [verb = "", ...rest] = args.filter((arg) => arg !== "-s");
  if (["ci", "install", "pack"].includes(verb)) return null;
  const name = verb === "run" ? rest[0] : verb;
  const script = scripts[name ?? ""];
  if (script === undefined) return `package.json has no script "${name}"`;
  const [, own] = /^exec node src\/cli\.ts (.*)$/.exec(script) ?? [];
  const handed = rest.includes("--") ? rest.slice(rest.indexOf("--") + 1) : [];
  return own === undefined ? null : faultOfKibitz([...own.split(" "), ...handed]);
}

function faultOfNode(args: readonly string[]): string | null {
  const files = args.filter((arg) => /\.[cm]?[jt]s$/.test(arg) && !/["'*]/.test(arg));
  const missing = files.filter((file) => !existsSync(join(root, file)));
  return missing.length === 0 ? null : `there is no file ${missing.join(", ")}`;
}
