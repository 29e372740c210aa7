/** Damages an entry where it stands in the log on a disk: it must stand there once. */
import type { SimulatedDisk } from "../disk/disk.ts";
import { wound } from "../disk/disk-damage.ts";

export function woundText(disk: SimulatedDisk, text: string): void {
  let hits = 0;
  for (const [path, file] of disk.directories.files()) {
    if (!path.includes("/segment-")) continue;
    const bytes = Buffer.alloc(file.size);
    file.read(bytes, 0);
    const at = bytes.indexOf(text);
    if (at < 0) continue;
    wound(disk, { path, file }, at, Uint8Array.of((bytes[at] ?? 0) ^ 4));
    hits += 1;
    // It may be that nobody has another copy.
    disk.wounds.suspect();
  }
  if (hits !== 1) throw new Error(`"${text}" stands ${hits} times on ${disk.name}`);
}
