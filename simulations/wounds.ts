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
      if (directories.file(path) === undefined) return `${path} is missing`;
    }
    for (const { path, file, position, bytes } of this.#wounds) {
      if (directories.file(path) !== file) continue;
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
