/**
 * The file system of the machine: the one file of the node that imports `node:fs`. Adds nothing to
 * the system's calls but the rules of `FileSystem`; retries nothing.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { KibitzerError } from "../kibitzer-error.ts";
import type { FileHandle, FileSystem } from "../world.ts";

/** What the system takes in one vectored call (IOV_MAX). */
const piecesMax = 1024;
/**
 * So little is copied to the system's cache at once, which costs less than to wake a thread; but
 * only while the disk is quick: a write to one that hangs may hang, too, and must not hold all up.
 */
const atOnceBytesMax = 64 * 1024;
const quickSyncMs = 25;
const flags = { read: "r", write: "r+", create: "wx+" } as const;

export function nodeFiles(): FileSystem {
  return {
    open: async (path, mode) => new NodeFile(await descriptor(path, flags[mode]), path),
    list: async (path) => (await fs.promises.readdir(path)).toSorted(),
    exists: async (path) => {
      try {
        await fs.promises.access(path);
        return true;
      } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
      }
    },
    makeDirectory,
    rename: async (from, to) => fs.promises.rename(from, to),
    remove: async (path) => fs.promises.unlink(path),
    removeTree: async (path) => fs.promises.rm(path, { recursive: true, force: true }),
    syncDirectory,
    lock,
  };
}

class NodeFile implements FileHandle {
  readonly #fd: number;
  readonly #path: string;
  /** How long its last sync took; what is never synced is written by a thread. */
  #syncMs = Infinity;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let at = position;
    for (let first = 0; first < chunks.length; first += piecesMax) {
      at = await this.#writeSome(chunks.slice(first, first + piecesMax), at);
    }
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let count = 0;
    while (count < target.length) {
      const done = await this.#readSome(target, count, position + count);
      if (done === 0) break;
      count += done;
    }
    return count;
  }

  async datasync(): Promise<void> {
    const began = performance.now();
    this.#syncMs = Infinity;
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => {
        this.#syncMs = performance.now() - began;
        this.#settle(error, resolve, reject);
      });
    });
  }

  async size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#fd, (error, stats) => this.#settle(error, () => resolve(stats.size), reject));
    });
  }

  async truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#fd, size, (error) => this.#settle(error, resolve, reject));
    });
  }

  async close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#fd, (error) => this.#settle(error, resolve, reject));
    });
  }

  /** The system may take a part only; the rest goes in another call. Returns where it ended. */
  async #writeSome(chunks: readonly Uint8Array[], position: number): Promise<number> {
    let left = chunks.filter((chunk) => chunk.length > 0);
    let at = position;
    while (left.length > 0) {
      const done = await this.#writev(left, at);
      at += done;
      left = remaining(left, done);
    }
    return at;
  }

  async #writev(chunks: readonly Uint8Array[], position: number): Promise<number> {
    const isAtOnce = this.#syncMs <= quickSyncMs && bytesOf(chunks) <= atOnceBytesMax;
    const count = await (isAtOnce
      ? this.#writevAtOnce(chunks, position)
      : this.#writevByThread(chunks, position));
    if (count === 0) throw new Error("the system wrote nothing");
    return count;
  }

  #writevAtOnce(chunks: readonly Uint8Array[], position: number): number {
    try {
      const only = chunks[0];
      return chunks.length === 1 && only !== undefined
        ? fs.writeSync(this.#fd, only, 0, only.length, position)
        : fs.writevSync(this.#fd, chunks, position);
    } catch (error) {
      throw this.#named(error);
    }
  }

  async #writevByThread(chunks: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, count: number): void =>
        this.#settle(error, () => resolve(count), reject);
      const only = chunks[0];
      if (chunks.length === 1 && only !== undefined) {
        fs.write(this.#fd, only, 0, only.length, position, done);
      } else {
        fs.writev(this.#fd, chunks, position, done);
      }
    });
  }

  async #readSome(target: Uint8Array, offset: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, target, offset, target.length - offset, position, (error, count) =>
        this.#settle(error, () => resolve(count), reject),
      );
    });
  }

  #settle(error: Error | null, resolve: () => void, reject: (error: Error) => void): void {
    settle(error === null ? null : this.#named(error), resolve, reject);
  }

  /** The system names no file in the errors of an open one. */
  #named<Thrown>(error: Thrown): Thrown {
    if (error instanceof Error) error.message += ` '${this.#path}'`;
    return error;
  }
}

/** Size and free space of the volume that `path` is on; null where that cannot be told. */
export async function volumeOf(
  path: string,
): Promise<{ readonly bytes: number; readonly freeBytes: number } | null> {
  try {
    const { bsize, blocks, bavail } = await fs.promises.statfs(path);
    return { bytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return null;
  }
}

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
}

function settle(error: Error | null, resolve: () => void, reject: (error: Error) => void): void {
  if (error === null) resolve();
  else reject(error);
}

/** What is left of `chunks` after their first `count` bytes. */
function remaining(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const left: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip < chunk.length) left.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}

async function descriptor(path: string, flag: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // Only the owner may read users' data.
    fs.open(path, flag, 0o600, (error, fd) => settle(error, () => resolve(fd), reject));
  });
}

/** Without Node's own `recursive`, which never ends where the system makes nothing, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  const parent = dirname(path);
  if (await isDirectory(path)) {
    // Who made it may have died before its name was durable.
    await syncReadable(parent);
    return;
  }
  if (parent !== path) await makeDirectory(parent);
  try {
    await fs.promises.mkdir(path, 0o700);
  } catch (error) {
    // Another process may have made it in the meantime.
    if (codeOf(error) !== "EEXIST" || !(await isDirectory(path))) throw error;
  }
  // The new name is an entry of the directory above it.
  await syncDirectory(parent);
}

/** One that this user may not read is another's, and so is what it holds. */
async function syncReadable(path: string): Promise<void> {
  try {
    await syncDirectory(path);
  } catch (error) {
    if (codeOf(error) !== "EACCES") throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await fs.promises.stat(path)).isDirectory();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = new NodeFile(await descriptor(path, "r"), path);
  try {
    await directory.datasync();
  } finally {
    await directory.close();
  }
}

/**
 * The system drops a file lock when its process dies, however it dies. SQLite holds it for us,
 * since Node has no call for locks; nothing else in this process may open the file (contract C5).
 */
async function lock(path: string): Promise<AsyncDisposable> {
  const Database = await sqlite();
  let database: DatabaseSync | null = null;
  try {
    database = new Database(path);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    throw lockError(path, error);
  }
  const held = database;
  return {
    [Symbol.asyncDispose]: async () => {
      if (held.isOpen) held.close();
    },
  };
}

/** Node 22 warns of an experiment when the module is loaded; the part used here is settled. */
async function sqlite(): Promise<typeof DatabaseSync> {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    const module = await import("node:sqlite");
    return module.DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
}

const sqliteBusy = 5;
const sqliteForeign = 26;

function lockError(path: string, cause: unknown): KibitzerError {
  const { errcode, message } = sqliteError(cause);
  if (errcode === sqliteBusy) {
    return new KibitzerError(
      "KBZ_IN_USE",
      `The data directory is in use: ${path} is held by another process. ` +
        "Stop that one first, or choose another directory.",
      { retryable: true, outcome: "none" },
    );
  }
  const details = { retryable: false, outcome: "none", cause } as const;
  if (errcode === sqliteForeign) {
    return new KibitzerError(
      "KBZ_DAMAGED",
      `The lock file ${path} holds what kibitzer did not write. No data is lost with it: make ` +
        "sure that no node runs in this directory, remove the file, and start again.",
      details,
    );
  }
  return new KibitzerError(
    "KBZ_JOURNAL_FAILED",
    `Cannot lock ${path}: ${message}. Check that it is a file that may be written, and that its ` +
      "disk has space.",
    details,
  );
}

function sqliteError(error: unknown): { readonly errcode: unknown; readonly message: string } {
  if (!(error instanceof Error)) return { errcode: null, message: String(error) };
  return { errcode: "errcode" in error ? error.errcode : null, message: error.message };
}

/** A path that leads through a file leads nowhere. */
function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}
