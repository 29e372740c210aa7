/** What the disk gives without a cluster: the yardstick that a measurement is held against. */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

const fileBytes = 16 * 2 ** 20;

/**
 * Writes of `size` bytes each, one after the other into a file that has its blocks already, and
 * each followed by a sync: how many a second.
 */
export async function rawSyncRate(directory: string, size: number, seconds = 1): Promise<number> {
  const path = join(directory, "raw-disk");
  await using file = await open(path, "w");
  await file.write(new Uint8Array(fileBytes));
  await file.datasync();
  const bytes = new Uint8Array(size).fill(0x2e);
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < seconds * 1000) {
    await file.write(bytes, 0, size, (count * size) % (fileBytes - size));
    await file.datasync();
    count += 1;
  }
  const elapsed = (performance.now() - begun) / 1000;
  await rm(path);
  return count / elapsed;
}
