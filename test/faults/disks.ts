/**
 * Disks of the attacks' own: small ones that fill up, and file systems in an image, whose copy at
 * any moment is what a loss of power leaves. They are mounted in the mount namespace of this
 * process, and gone with it.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./system.ts";

const imageMiB = 96;

export interface Disk {
  /** An empty directory at first. */
  readonly directory: string;
  unmount(): Promise<void>;
}

/** A disk in memory that is full after so many bytes. */
export async function mountSmall(path: string, kib: number): Promise<Disk> {
  mkdirSync(path, { recursive: true });
  await run("mount", "-t", "tmpfs", "-o", `size=${kib}k`, "none", path);
  return { directory: join(path, "data"), unmount: async () => await unmount(path) };
}

/** An ext4 file system in a file. */
export class ImageDisk implements Disk {
  readonly directory: string;
  readonly #image: string;
  readonly #mountPoint: string;

  private constructor(path: string) {
    this.#image = `${path}.image`;
    this.#mountPoint = path;
    this.directory = join(path, "data");
  }

  static async make(path: string): Promise<ImageDisk> {
    const disk = new ImageDisk(path);
    mkdirSync(path, { recursive: true });
    await run("truncate", "-s", `${imageMiB}M`, disk.#image);
    await run("mkfs.ext4", "-q", "-F", disk.#image);
    await disk.#mount();
    return disk;
  }

  /** Copies the image as it is now; who writes to it must stand still. */
  async copy(): Promise<void> {
    await run("cp", "--sparse=always", this.#image, `${this.#image}.copy`);
  }

  /** Puts the copy in the place of the disk; nobody may use it. */
  async useCopy(): Promise<void> {
    await this.unmount();
    rmSync(this.#image);
    await run("mv", `${this.#image}.copy`, this.#image);
    await this.#mount();
  }

  /** From now on nothing can be written. */
  async makeReadOnly(): Promise<void> {
    await run("mount", "-o", "remount,ro", this.#mountPoint);
  }

  async makeWritable(): Promise<void> {
    await run("mount", "-o", "remount,rw", this.#mountPoint);
  }

  async unmount(): Promise<void> {
    await unmount(this.#mountPoint);
  }

  async #mount(): Promise<void> {
    await run("mount", "-o", "loop", this.#image, this.#mountPoint);
  }
}

async function unmount(path: string): Promise<void> {
  await run("umount", path);
}
