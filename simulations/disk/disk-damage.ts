/**
 * Damage at rest, of one disk: bits that rot, sectors that are lost, stale or somebody else's, and
 * files that are gone. Only where the node can notice it: the last synced write of a log cannot be
 * told from one that never arrived, and stays whole.
 */
import { manifestName, manifestVersion } from "../../src/storage/manifest.ts";
import { unseal } from "../../src/storage/sealed-file.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Prng } from "../prng.ts";
import type { SimulatedFile } from "./simulated-file.ts";

/** What may happen to bytes and files. */
export const damageKinds = [
  "bit",
  "sector",
  "run",
  "lost",
  "stale",
  "misdirected",
  "gone",
] as const;
export type DamageKind = (typeof damageKinds)[number];

const ids: Readonly<Record<DamageKind, string>> = {
  bit: "K5",
  sector: "K5",
  run: "K5",
  lost: "K8",
  stale: "K9",
  misdirected: "K7",
  gone: "K16",
};

const sectorBytes = 512;
const notSmall = /\/(segment-\d+|lock|recording-\d+)$|\.tmp$/;

interface Place {
  readonly path: string;
  readonly file: SimulatedFile;
}

/** Carries out one piece of damage; returns its id and place, or null when there was no room. */
export function damageDisk(
  disk: SimulatedDisk,
  prng: Prng,
  kind: DamageKind,
): { readonly id: string; readonly detail: string } | null {
  const id = ids[kind];
  const detail = kind === "gone" ? loseFile(disk, prng) : changeBytes(disk, prng, kind);
  return detail === null ? null : { id, detail: `disk ${disk.name} ${kind} ${detail}` };
}

/** Replaces synced bytes, and notes what must be noticed; false when nothing changed. */
export function wound(
  disk: SimulatedDisk,
  { path, file }: Place,
  position: number,
  bytes: Uint8Array,
): boolean {
  const before = new Uint8Array(Math.min(bytes.length, file.size - position));
  file.read(before, position);
  if (Buffer.compare(before, bytes.subarray(0, before.length)) === 0) return false;
  file.damage(bytes, position);
  if (path.includes("/recording/")) {
    disk.wounds.isRecordingDamaged = true;
    return true;
  }
  const isCertain = isUsedSegment(disk, { path, file }) && position + bytes.length <= file.settled;
  if (isCertain) disk.wounds.add({ path, file, position, bytes: before });
  else if (path.includes("/segment-")) disk.wounds.suspect();
  else disk.wounds.scratch();
  return true;
}

/**
 * Whether a group was written to it and the manifest names it: the others hold nothing that could
 * be missed.
 */
export function isUsedSegment(disk: SimulatedDisk, { path, file }: Place): boolean {
  const match = /^(.*)\/segment-(\d+)$/.exec(path);
  if (match === null || !isNamed(disk, `${match[1]}/${manifestName}`, Number(match[2])))
    return false;
  const first = new Uint8Array(1);
  return file.read(first, sectorBytes) === 1 && first[0] !== 0;
}

function isNamed(disk: SimulatedDisk, path: string, generation: number): boolean {
  const bytes = disk.peek(path);
  try {
    const manifest = bytes === null ? null : unseal(path, manifestName, manifestVersion, bytes);
    return JSON.stringify(manifest).includes(`"generation":${generation},`);
  } catch {
    // Whoever starts on it must notice that, whatever else is wrong.
    return true;
  }
}

function changeBytes(disk: SimulatedDisk, prng: Prng, kind: DamageKind): string | null {
  const place = pickPlace(disk, prng, kind);
  if (place === null) return null;
  const { path, file } = place;
  const isLog = isUsedSegment(disk, { path, file });
  const end = isLog ? file.settled : file.size;
  if (end < 1) return null;
  const position = prng.integer(0, end - 1);
  const made = replacement(place, prng, kind, { position, end });
  if (made === null || !wound(disk, place, made.position, made.bytes)) return null;
  return `${path} at ${made.position}+${made.bytes.length}`;
}

function replacement(
  { file }: Place,
  prng: Prng,
  kind: DamageKind,
  { position, end }: { readonly position: number; readonly end: number },
): { readonly position: number; readonly bytes: Uint8Array } | null {
  const start = position - (position % sectorBytes);
  const sectors = kind === "run" ? prng.integer(2, 8) : 1;
  const length = Math.min(sectors * sectorBytes, end - start);
  switch (kind) {
    case "bit": {
      const bytes = new Uint8Array(1);
      file.read(bytes, position);
      bytes[0] = (bytes[0] ?? 0) ^ (1 << prng.integer(0, 7));
      return { position, bytes };
    }
    case "sector":
    case "run": {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 1) bytes[at] = prng.integer(1, 255);
      return { position: start, bytes };
    }
    case "lost":
      return { position: start, bytes: new Uint8Array(length) };
    case "stale": {
      // A log's sector was zero before; a small file has an earlier version.
      const bytes = new Uint8Array(file.before?.size ?? length);
      if (file.before === null) return { position: start, bytes };
      file.before.read(bytes, 0);
      return { position: 0, bytes };
    }
    case "misdirected": {
      const bytes = new Uint8Array(length);
      const from = sectorBytes * prng.integer(0, Math.max(0, Math.floor(end / sectorBytes) - 1));
      return file.read(bytes, from) < length ? null : { position: start, bytes };
    }
    case "gone":
      return null;
  }
}

/**
 * Segments mostly; sometimes a small file. An older version of one of the two promises is found out
 * by the other; of both, or of a file that is there once, only by peers.
 */
function pickPlace(disk: SimulatedDisk, prng: Prng, kind: DamageKind): Place | null {
  const places = disk.directories.files().map(([path, file]) => ({ path, file }));
  const logs = places.filter((place) => isUsedSegment(disk, place));
  const isOld = kind === "stale" || kind === "lost";
  // There are many recordings, and little depends on them.
  const unwanted = prng.chance(0.2) ? /\/(segment-\d+|lock)$|\.tmp$/ : notSmall;
  const small = places.filter(({ path }) =>
    isOld ? path.endsWith("/promise-1") : !unwanted.test(path),
  );
  const from = prng.chance(0.6) || small.length === 0 ? logs : small;
  return from.length === 0 ? null : prng.pick(from);
}

function loseFile(disk: SimulatedDisk, prng: Prng): string | null {
  const { directories } = disk;
  const places = directories.files().filter(([path, file]) => {
    return isUsedSegment(disk, { path, file }) || /\/(node|manifest|promise)(-[12])?$/.test(path);
  });
  const hasJournal = places.some(([path, file]) => isUsedSegment(disk, { path, file }));
  if (!hasJournal) return null;
  const [path] = prng.pick(places);
  directories.lose(path);
  disk.wounds.lose(path);
  return path;
}
