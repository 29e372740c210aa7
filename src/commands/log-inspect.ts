/** `kibitz log inspect`: what a data directory holds, as a table. Never writes, never repairs. */
import Table from "cli-table3";
import { resolve } from "node:path";
import { formatBallot } from "../../consensus/index.ts";
import { nodeFiles } from "../storage/node-files.ts";
import { exitCodes } from "./exit-codes.ts";
import { inspectDirectory, type Inspection } from "./inspect-directory.ts";
import { coloured, type Output } from "./output.ts";

export async function inspect(
  path: string,
  options: { readonly json?: boolean },
  output: Output,
): Promise<number> {
  const directory = resolve(path);
  const files = nodeFiles();
  await using _lock = await lockIfThere(directory, files);
  const found = await inspectDirectory(directory, files);
  if (options.json === true) output.json({ directory, ...found });
  else output.line(inspectionText(directory, found));
  for (const damage of found.damage) output.note(coloured("red", damage, process.stderr));
  return found.damage.length === 0 ? exitCodes.ok : exitCodes.integrity;
}

/** A running node changes its files while they are read; a copy without a lock file is at rest. */
export async function lockIfThere(
  directory: string,
  files: ReturnType<typeof nodeFiles>,
): Promise<AsyncDisposable | null> {
  const path = `${directory}/lock`;
  return (await files.exists(path)) ? await files.lock(path) : null;
}

/** The tables for people. */
export function inspectionText(directory: string, found: Inspection): string {
  const { node, log } = found;
  const lines = [`directory  ${directory}`];
  if (node !== null) {
    const republic = node.republic === null ? "none yet" : node.republic.name;
    lines.push(
      `node       ${node.id}, cookie ${node.cookie}, started ${node.starts} times`,
      `republic   ${republic}${node.republic === null ? "" : ` (${node.republic.identity})`}`,
    );
  }
  for (const { file, promised } of found.promises) {
    lines.push(`${file}  ${promised === null ? "damaged" : formatBallot(promised)}`);
  }
  if (log !== null) {
    lines.push(
      `accepted   ${formatBallot(log.accepted)}`,
      `log        ${log.length} slots, ${log.decided} known to be decided`,
      ...log.refounded.map(({ cause, slot, when, republic }) => {
        const date = new Date(when).toISOString();
        return `${cause.padEnd(11)}at slot ${slot}, ${date}, as ${republic.identity}`;
      }),
      `writes     up to ${log.writeLast}${log.torn ? "; a torn one after it is not counted" : ""}`,
    );
  }
  const style = { head: [], border: [], compact: true };
  const segments = new Table({ head: ["segment", "slots", "bytes", "state"], style });
  for (const { file, slots, bytes, closed } of found.segments) {
    const range = slots === null ? "–" : `${slots.first}–${slots.last}`;
    segments.push([file, range, bytes, closed ? "closed" : "open"]);
  }
  const files = new Table({ head: ["file", "bytes"], style });
  for (const { path, bytes } of found.files) files.push([path, bytes]);
  return [...lines, segments.toString(), files.toString()].join("\n");
}
