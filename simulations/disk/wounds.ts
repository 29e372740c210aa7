/**
 * What is wrong with a disk, as only the harness knows: which bytes are not those that were synced,
 * and which files are gone. Says when a node that starts on it must notice; damages nothing itself.
 */
import type { SimulatedDirectories } from "./simulated-directories.ts";
import type { SimulatedFile } from "./simulated-file.ts";

interface Wound {
  readonly path: string;
  readonly file: SimulatedFile;
  readonly position: number;
  /** What stood there. */
  readonly bytes: Uint8Array;
}

export class Wounds {
  /** Whether a recording is not what was written: that harms no node. */
  isRecordingDamaged = false;
  #isSuspect = false;
  #count = 0;
  #isGrave = false;
  readonly #wounds: Wound[] = [];
  readonly #missing = new Set<string>();

  /** Whether the node on this disk may find damage, and is not blamed for stopping. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Whether what was done so far is such that the node must survive it, with help of others. */
  get mustSurvive(): boolean {
    return this.#count === 1 && !this.#isGrave;
  }

  /** Something may look damaged, or may not. */
  suspect(): void {
    this.#isSuspect = true;
    this.#isGrave = true;
  }

  /** One of two copies of a small file may not be what was written. */
  scratch(): void {
    this.#isSuspect = true;
    this.#count += 1;
  }

  /** `bytes` stood there, were synced, and are not there any more. */
  add(wound: Wound): void {
    this.#isSuspect = true;
    this.#count += 1;
    this.#wounds.push(wound);
  }

  lose(path: string): void {
    this.#isSuspect = true;
    this.#count += 1;
    // Where the log ended in a file that is gone is not always known from others.
    this.#isGrave ||= path.includes("/segment-");
    this.#missing.add(path);
  }

  /** What a node that starts now must notice, or null. */
  refusal(directories: SimulatedDirectories): string | null {
    for (const path of this.#missing) {
      if (!isNeeded(directories, path)) continue;
      if (directories.file(path) === undefined) return `${path} is missing`;
    }
    for (const { path, file, position, bytes } of this.#wounds) {
      if (directories.file(path) !== file || !isRead(directories, path)) continue;
      const found = new Uint8Array(bytes.length);
      file.read(found, position);
      if (Buffer.compare(found, bytes) !== 0) return `${path} is damaged at byte ${position}`;
    }
    return null;
  }

  clear(): void {
    this.#isSuspect = false;
    this.#count = 0;
    this.#isGrave = false;
    this.isRecordingDamaged = false;
    this.#wounds.length = 0;
    this.#missing.clear();
  }
}

interface Named {
  readonly segments: readonly { readonly generation: number }[];
  readonly starts?: readonly { readonly generation: number }[];
}

/** The manifest beside the segment `path`, and which segment that is; null for any other file. */
function segmentIn(
  directories: SimulatedDirectories,
  path: string,
): { readonly generation: number; readonly manifest: Named } | null {
  const match = /^(.*)\/segment-(\d+)$/.exec(path);
  const file = match === null ? undefined : directories.file(`${match[1]}/manifest`);
  if (match === null || file === undefined) return null;
  const bytes = new Uint8Array(file.size);
  file.read(bytes, 0);
  const text = Buffer.from(bytes).toString("utf8");
  try {
    const manifest: Named = JSON.parse(text.slice(text.indexOf("\n") + 1));
    return { generation: Number(match[2]), manifest };
  } catch {
    return null;
  }
}

/** Whether a start would miss the file: truncation may have been about to remove it. */
function isNeeded(directories: SimulatedDirectories, path: string): boolean {
  const found = segmentIn(directories, path);
  if (found === null) return true;
  return found.manifest.segments.some(({ generation }) => generation === found.generation);
}

/** Whether a start reads the file: what is before the newest snapshot is looked at when needed. */
export function isRead(directories: SimulatedDirectories, path: string): boolean {
  const found = segmentIn(directories, path);
  if (found === null) return true;
  return found.generation >= (found.manifest.starts?.at(-1)?.generation ?? 0);
}
