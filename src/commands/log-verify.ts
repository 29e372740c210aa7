/** `kibitz log verify`: reads all of a data directory, names what is damaged; writes nothing. */
import Table from "cli-table3";
import { resolve } from "node:path";
import { KibitzerError } from "../kibitzer-error.ts";
import { RecordingReader } from "../recording/recording-reader.ts";
import type { Finding } from "../storage/recovered.ts";
import { nodeFiles } from "../storage/node-files.ts";
import type { FileSystem } from "../world.ts";
import { exitCodes } from "./exit-codes.ts";
import { inspectDirectory, type Inspection } from "./inspect-directory.ts";
import { lockIfThere } from "./log-inspect.ts";
import { coloured, type Output } from "./output.ts";

/** What a directory was found to be, file by file. */
export interface Verification {
  readonly directory: string;
  readonly files: readonly VerifiedFile[];
  /** Slots of which no intact record is here; null when the journal cannot be read. */
  readonly damagedSlots: readonly { readonly first: number; readonly last: number }[] | null;
  /** In words, each with file and place where these are known. */
  readonly damage: readonly string[];
  /** How many of them are in the journal's files alone, whose slots may stand elsewhere by now. */
  readonly damagedRecords: number;
}

interface VerifiedFile {
  readonly path: string;
  readonly bytes: number;
  /** Intact ones, of a segment; null of any other file. */
  readonly groups: number | null;
  readonly records: number | null;
  readonly isIntact: boolean;
}

export async function verify(
  path: string,
  options: { readonly json?: boolean },
  output: Output,
): Promise<number> {
  const directory = resolve(path);
  const files = nodeFiles();
  await using _lock = await lockIfThere(directory, files);
  const found = await verifyDirectory(directory, files);
  if (options.json === true) output.json(found);
  else output.line(verificationText(found));
  for (const damage of found.damage) output.note(coloured("red", damage, process.stderr));
  return isWhole(found) ? exitCodes.ok : exitCodes.integrity;
}

/** Bytes stay damaged for good; once the slots that were there stand elsewhere, nothing lacks. */
export function isWhole({ damage, damagedRecords, damagedSlots }: Verification): boolean {
  return damage.length === 0 || (damagedRecords === damage.length && damagedSlots?.length === 0);
}

/** @throws {KibitzerError} `KBZ_NOT_FOUND` when there is no node's data there. */
export async function verifyDirectory(directory: string, files: FileSystem): Promise<Verification> {
  const inspection = await inspectDirectory(directory, files);
  const recording = await recordingFindings(directory, files);
  const damage = [...inspection.damage, ...recording.map(({ text }) => text)];
  const findings = [...inspection.findings, ...recording];
  const inRecords = inspection.findings.filter(({ path }) =>
    /\/journal\/segment-[^/]*$/.test(path),
  );
  return {
    directory,
    files: inspection.files.map((file) => verifiedFile(directory, file, inspection, findings)),
    damagedSlots: inspection.log?.damaged ?? null,
    damage,
    damagedRecords: inRecords.length,
  };
}

function verifiedFile(
  directory: string,
  { path, bytes }: Inspection["files"][number],
  { segments, damage }: Inspection,
  findings: readonly Finding[],
): VerifiedFile {
  const segment = segments.find(({ file }) => path === `journal/${file}`);
  const full = `${directory}/${path}`;
  const isNamed =
    findings.some((finding) => finding.path === full) || damage.some((text) => names(text, full));
  return {
    path,
    bytes,
    groups: segment?.groups ?? null,
    records: segment?.records ?? null,
    isIntact: !isNamed,
  };
}

/** Whether a message speaks of this very file, and not of one whose name begins alike. */
function names(text: string, path: string): boolean {
  const at = text.indexOf(path);
  return at >= 0 && !/^[-\w]/.test(text.slice(at + path.length));
}

/** A recording is never synced: what it lacks at its end is no damage. */
async function recordingFindings(
  directory: string,
  files: FileSystem,
): Promise<readonly Finding[]> {
  const path = `${directory}/recording`;
  if (!(await files.exists(path))) return [];
  try {
    for await (const _ of new RecordingReader(files, path).frames()) continue;
    return [];
  } catch (error) {
    if (!(error instanceof KibitzerError) || error.code !== "KBZ_DAMAGED") throw error;
    const named = /The file (\S+) is damaged at byte (\d+)/.exec(error.message);
    return [{ path: named?.[1] ?? path, offset: Number(named?.[2] ?? 0), text: error.message }];
  }
}

/** The table for people. */
export function verificationText(found: Verification): string {
  const style = { head: [], border: [], compact: true };
  const table = new Table({ head: ["file", "bytes", "groups", "records", "state"], style });
  for (const { path, bytes, groups, records, isIntact } of found.files) {
    table.push([path, bytes, groups ?? "–", records ?? "–", isIntact ? "intact" : "DAMAGED"]);
  }
  const bytes = found.files.reduce((sum, file) => sum + file.bytes, 0);
  const slots = found.damagedSlots?.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lost = slots === undefined ? "the journal cannot be read" : lostText(slots);
  const verdict =
    found.damage.length === 0 ? "all intact" : `damaged places: ${found.damage.length}, ${lost}`;
  return `${table.toString()}\n${found.files.length} files, ${bytes} bytes: ${verdict}`;
}

/** What was damaged stays so; after a repair it stands elsewhere, too. */
function lostText(slots: number): string {
  if (slots === 0) return "every slot is there all the same";
  return `slots lost: ${slots}; see "kibitz log repair"`;
}
