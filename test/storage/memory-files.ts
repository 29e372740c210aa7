/**
 * A file system in memory that can lose power: what was not synced survives in any part, by the
 * sector or by the byte. Small on purpose; has no latency and no errors but those asked for.
 */
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { FileHandle, FileSystem } from "../../src/world.ts";

interface Change {
  readonly bytes: Uint8Array;
  readonly position: number;
}

class MemoryFile {
  cached: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
  changes: Change[] = [];
}

/** Of an unsynced write of `length` bytes at `position`: the parts that survive. */
export type Survivors = (
  length: number,
  position: number,
) => readonly { readonly from: number; readonly to: number }[];

export const nothing: Survivors = () => [];
export const everything: Survivors = (length) => [{ from: 0, to: length }];

/** Names the call that is about to happen, as `datasync /data/promise-1.tmp`. */
export type BeforeCall = (call: string) => void | Promise<void>;

export class MemoryFiles implements FileSystem {
  #names = new Map<string, MemoryFile>();
  #durableNames = new Map<string, MemoryFile>();
  readonly #directories = new Set<string>();
  readonly #locks = new Set<string>();
  /** Directories that were renamed, or removed, by no sync yet. */
  #moved: { readonly from: string; readonly to: string }[] = [];
  #removed: string[] = [];
  /** Throws to make a call fail, waits to make it slow. */
  before: BeforeCall = () => {};
  /** What all files together may take. */
  bytesMax = Infinity;
  /** Every call that changes something, in order. */
  readonly calls: string[] = [];

  async open(path: string, mode: "read" | "write" | "create"): Promise<FileHandle> {
    await this.#call(`open ${path}`, mode === "create");
    let file = this.#names.get(path);
    if (mode === "create") {
      if (file !== undefined) throw systemError("EEXIST", path);
      file = new MemoryFile();
      this.#names.set(path, file);
    }
    if (file === undefined) throw systemError("ENOENT", path);
    return this.#handle(path, file);
  }

  async list(path: string): Promise<readonly string[]> {
    const paths = [...this.#names.keys(), ...this.#directories];
    return paths
      .filter((at) => directoryOf(at) === path)
      .map(nameOf)
      .toSorted();
  }

  async exists(path: string): Promise<boolean> {
    return this.#names.has(path) || this.#directories.has(path);
  }

  async makeDirectory(path: string): Promise<void> {
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) this.#directories.add(at);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call(`rename ${from}`, true);
    if (this.#directories.delete(from)) {
      this.#directories.add(to);
      this.#moved.push({ from, to });
      moveInside(this.#names, { from, to });
      return;
    }
    const file = this.#names.get(from);
    if (file === undefined) throw systemError("ENOENT", from);
    this.#names.delete(from);
    this.#names.set(to, file);
  }

  async removeTree(path: string): Promise<void> {
    await this.#call(`removeTree ${path}`, true);
    for (const name of this.#names.keys()) if (isInside(name, path)) this.#names.delete(name);
    for (const at of this.#directories) if (isInside(at, path)) this.#directories.delete(at);
    this.#removed.push(path);
  }

  async remove(path: string): Promise<void> {
    await this.#call(`remove ${path}`, true);
    if (!this.#names.delete(path)) throw systemError("ENOENT", path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#call(`syncDirectory ${path}`, true);
    for (const name of this.#durableNames.keys()) {
      if (directoryOf(name) === path) this.#durableNames.delete(name);
    }
    for (const [name, file] of this.#names) {
      if (directoryOf(name) === path) this.#durableNames.set(name, file);
    }
    for (const moved of this.#moved) {
      if (directoryOf(moved.to) === path) moveInside(this.#durableNames, moved);
    }
    this.#moved = this.#moved.filter(({ to }) => directoryOf(to) !== path);
    const removed = this.#removed.filter((at) => directoryOf(at) === path);
    this.#removed = this.#removed.filter((at) => directoryOf(at) !== path);
    for (const name of this.#durableNames.keys()) {
      if (removed.some((at) => isInside(name, at))) this.#durableNames.delete(name);
    }
  }

  async lock(path: string): Promise<AsyncDisposable> {
    if (this.#locks.has(path)) {
      throw new KibitzerError("KBZ_IN_USE", `held: ${path}`, { retryable: true, outcome: "none" });
    }
    this.#locks.add(path);
    return { [Symbol.asyncDispose]: async () => void this.#locks.delete(path) };
  }

  /** A copy after the process was killed: the page cache is whole. */
  killed(): MemoryFiles {
    return this.#copy((file) => file.cached, this.#names);
  }

  /** A copy after a loss of power; old handles do not reach it. */
  powerLost(survivors: Survivors): MemoryFiles {
    return this.#copy((file) => {
      let bytes = file.durable;
      for (const change of file.changes) {
        for (const { from, to } of survivors(change.bytes.length, change.position)) {
          bytes = overlay(bytes, change.bytes.subarray(from, to), change.position + from);
        }
      }
      return bytes;
    }, this.#durableNames);
  }

  /** Where files are and what they hold. */
  paths(): readonly string[] {
    return [...this.#names.keys()].toSorted();
  }

  bytesOf(path: string): Uint8Array {
    const file = this.#names.get(path);
    if (file === undefined) throw systemError("ENOENT", path);
    return file.cached;
  }

  /** Puts a file there, durably. */
  put(path: string, bytes: Uint8Array): void {
    const file = new MemoryFile();
    file.cached = bytes;
    file.durable = bytes;
    this.#names.set(path, file);
    this.#durableNames.set(path, file);
  }

  delete(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  #copy(bytesOf: (file: MemoryFile) => Uint8Array, names: Map<string, MemoryFile>): MemoryFiles {
    const copy = new MemoryFiles();
    for (const path of this.#directories) copy.#directories.add(path);
    for (const name of names.keys()) void copy.makeDirectory(directoryOf(name));
    for (const [name, file] of names) copy.put(name, Uint8Array.from(bytesOf(file)));
    return copy;
  }

  get bytes(): number {
    return [...this.#names.values()].reduce((sum, { cached }) => sum + cached.length, 0);
  }

  #reserve(bytes: number, call: string): void {
    if (bytes > 0 && this.bytes + bytes > this.bytesMax) throw systemError("ENOSPC", call);
  }

  async #call(call: string, changes: boolean): Promise<void> {
    if (changes) this.calls.push(call);
    await this.before(call);
  }

  #handle(path: string, file: MemoryFile): FileHandle {
    return {
      write: async (chunks, position) => {
        await this.#call(`write ${path}`, true);
        const bytes = Buffer.concat(chunks);
        this.#reserve(position + bytes.length - file.cached.length, `write ${path}`);
        file.cached = overlay(file.cached, bytes, position);
        file.changes.push({ bytes, position });
      },
      read: async (target, position) => {
        await this.#call(`read ${path}`, false);
        const part = file.cached.subarray(position, position + target.length);
        target.set(part);
        return part.length;
      },
      datasync: async () => {
        const { changes } = file;
        const { cached } = file;
        await this.#call(`datasync ${path}`, true);
        file.durable = Uint8Array.from(cached);
        file.changes = file.changes.filter((change) => !changes.includes(change));
      },
      size: async () => file.cached.length,
      truncate: async (size) => {
        await this.#call(`truncate ${path}`, true);
        file.cached = overlay(new Uint8Array(size), file.cached.subarray(0, size), 0);
      },
      close: async () => {},
    };
  }
}

/** `bytes` with `part` at `position`, longer when need be; a copy only when it grows. */
function overlay(bytes: Uint8Array, part: Uint8Array, position: number): Uint8Array {
  const made = new Uint8Array(Math.max(bytes.length, position + part.length));
  made.set(bytes);
  made.set(part, position);
  return made;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function moveInside<File>(
  names: Map<string, File>,
  { from, to }: { readonly from: string; readonly to: string },
): void {
  for (const [name, file] of names) {
    if (!isInside(name, from)) continue;
    names.delete(name);
    names.set(to + name.slice(from.length), file);
  }
}

export function systemError(code: string, path: string): Error {
  const [syscall] = path.split(" ");
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall });
}
