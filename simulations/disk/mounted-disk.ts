/** A simulated disk as one process sees it: every call is an operation of the disk. */
import type { FileHandle, FileSystem } from "../../src/world.ts";
import type { OperationKind, SimulatedDisk } from "./disk.ts";
import { directoryOf } from "./simulated-directories.ts";
import { SimulatedFile } from "./simulated-file.ts";
import type { Life } from "../simulator.ts";
import { SystemError } from "./system-error.ts";

export class MountedDisk implements FileSystem {
  readonly #disk: SimulatedDisk;
  readonly #life: Life;

  constructor(disk: SimulatedDisk, life: Life) {
    this.#disk = disk;
    this.#life = life;
  }

  open(path: string, mode: "read" | "write" | "create"): Promise<FileHandle> {
    return this.#operate("write", `open ${path} ${mode}`, () => {
      if (this.#disk.strikes(this.#disk.faults.openErrorChance, "K18", `open ${path}`)) {
        throw new SystemError(this.#disk.prng.pick(["EMFILE", "EACCES"]), "open", path);
      }
      if (mode !== "create") {
        const file = this.#disk.find(path);
        return new OpenFile(this.#disk, this.#life, { path, file, writable: mode === "write" });
      }
      const { directories } = this.#disk;
      if (directories.file(path) !== undefined) throw new SystemError("EEXIST", "open", path);
      this.#requireDirectory(directoryOf(path), path);
      this.#disk.reserve(4096, path, "open");
      const file = new SimulatedFile();
      directories.create(path, file);
      return new OpenFile(this.#disk, this.#life, { path, file, writable: true });
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#operate("read", `list ${path}`, () => {
      this.#requireDirectory(path, path);
      return this.#disk.directories.list(path);
    });
  }

  exists(path: string): Promise<boolean> {
    return this.#operate("read", `exists ${path}`, () => {
      const { directories } = this.#disk;
      return directories.file(path) !== undefined || directories.hasDirectory(path);
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#operate("sync", `mkdir ${path}`, () => this.#disk.directories.makeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operate("write", `rename ${from} ${to}`, () => {
      if (!this.#disk.directories.hasDirectory(from)) this.#disk.find(from);
      if (this.#disk.directories.holdsFiles(to)) throw new SystemError("ENOTEMPTY", "rename", to);
      // A directory may have to grow for a name.
      this.#disk.reserve(1, to, "rename");
      this.#disk.directories.rename(from, to);
    });
  }

  remove(path: string): Promise<void> {
    return this.#operate("write", `remove ${path}`, () => {
      this.#disk.find(path);
      this.#disk.directories.remove(path);
    });
  }

  removeTree(path: string): Promise<void> {
    return this.#operate("write", `rmtree ${path}`, () => {
      this.#disk.directories.removeTree(path);
    });
  }

  syncDirectory(path: string): Promise<void> {
    const { directories } = this.#disk;
    const pending = directories.pending(path);
    return this.#operate("sync", `syncdir ${path}`, () => {
      this.#requireDirectory(path, path);
      if (this.#disk.strikes(this.#disk.faults.syncErrorChance, "K13", `directory ${path}`)) {
        throw this.#disk.failSync(this.#life, "fsync", path);
      }
      directories.sync(pending);
    });
  }

  lock(path: string): Promise<AsyncDisposable> {
    return this.#operate("write", `lock ${path}`, () => {
      const { directories } = this.#disk;
      this.#requireDirectory(directoryOf(path), path);
      if (directories.file(path) === undefined) directories.create(path, new SimulatedFile());
      return this.#disk.lock(this.#life, path);
    });
  }

  #requireDirectory(directory: string, path: string): void {
    if (!this.#disk.directories.hasDirectory(directory)) {
      throw new SystemError("ENOENT", "open", path);
    }
  }

  #operate<Value>(kind: OperationKind, label: string, perform: () => Value): Promise<Value> {
    return this.#disk.operate(this.#life, { kind, label }, perform);
  }
}

/** K7, K9: one sector of what was read is older than it should be, or another one. */
function misread(
  disk: SimulatedDisk,
  { path, file }: Opened,
  bytes: Uint8Array,
  position: number,
): void {
  const { staleReadChance, misdirectedReadChance } = disk.faults;
  if (staleReadChance === 0 && misdirectedReadChance === 0) return;
  const room = Math.min(bytes.length, file.settled - position);
  const start = (sectorBytes - (position % sectorBytes)) % sectorBytes;
  if (room - start < sectorBytes) return;
  const isStale = disk.prng.chance(staleReadChance);
  if (!isStale && !disk.prng.chance(misdirectedReadChance)) return;
  const sectors = Math.floor((room - start) / sectorBytes);
  const at = start + sectorBytes * disk.prng.integer(0, sectors - 1);
  const sector = new Uint8Array(sectorBytes);
  // What a log's sector held before are the zeros that it was made of.
  const elsewhere = Math.max(0, file.settled - sectorBytes);
  if (!isStale) file.read(sector, sectorBytes * Math.floor((elsewhere / sectorBytes) * 0.7));
  const target = bytes.subarray(at, at + sectorBytes);
  if (Buffer.compare(target, sector) === 0) return;
  target.set(sector);
  disk.misread(isStale ? "K9" : "K7", `read ${path} at ${position + at}`);
}

const sectorBytes = 512;

interface Opened {
  readonly path: string;
  readonly file: SimulatedFile;
  readonly writable: boolean;
}

class OpenFile implements FileHandle {
  readonly #disk: SimulatedDisk;
  readonly #life: Life;
  readonly #opened: Opened;
  #closed = false;
  /** Whether the process was told that a sync of this file has failed. */
  #hasFailed = false;

  constructor(disk: SimulatedDisk, life: Life, opened: Opened) {
    this.#disk = disk;
    this.#life = life;
    this.#opened = opened;
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    const { path, file } = this.#opened;
    const bytes = Buffer.concat(chunks);
    return this.#operate("write", `write ${path} ${position}+${bytes.length}`, () => {
      this.#requireWritable("write");
      this.#disk.reserve(position + bytes.length - file.size, path);
      if (this.#disk.strikes(this.#disk.faults.writeErrorChance, "K12", `write ${path}`)) {
        file.write(bytes.subarray(0, this.#disk.prng.integer(0, bytes.length)), position);
        throw new SystemError("EIO", "write", path);
      }
      file.write(bytes, position);
    });
  }

  read(target: Uint8Array, position: number): Promise<number> {
    const { path, file } = this.#opened;
    return this.#operate("read", `read ${path} ${position}+${target.length}`, () => {
      this.#requireOpen("read");
      if (this.#disk.strikes(this.#disk.faults.readErrorChance, "K12", `read ${path}`)) {
        this.#disk.hasFailedToRead = true;
        throw new SystemError("EIO", "read", path);
      }
      const count = file.read(target, position);
      misread(this.#disk, this.#opened, target.subarray(0, count), position);
      return count;
    });
  }

  datasync(): Promise<void> {
    const { path, file } = this.#opened;
    if (this.#hasFailed) this.#disk.syncWatcher?.repeated(path);
    const pending = file.pending();
    return this.#operate("sync", `sync ${path}`, () => {
      this.#requireOpen("fdatasync");
      if (this.#disk.strikes(this.#disk.faults.syncErrorChance, "K13", `sync ${path}`)) {
        file.failSync(pending, this.#disk.prng);
        throw this.#failSync();
      }
      if (file.owesError) {
        if (file.tellLate(pending, this.#disk.prng) > 0) this.#disk.wounds.suspect();
        throw this.#failSync();
      }
      const { lateErrorChance } = this.#disk.faults;
      if (this.#disk.strikes(lateErrorChance, "K14", `sync ${path}`)) file.syncHalf(pending);
      else file.sync(pending);
    });
  }

  size(): Promise<number> {
    return this.#operate("read", `size ${this.#opened.path}`, () => {
      this.#requireOpen("fstat");
      return this.#opened.file.size;
    });
  }

  truncate(size: number): Promise<void> {
    const { path, file } = this.#opened;
    return this.#operate("write", `truncate ${path} ${size}`, () => {
      this.#requireWritable("ftruncate");
      this.#disk.reserve(size - file.size, path);
      file.truncate(size);
    });
  }

  close(): Promise<void> {
    return this.#operate("write", `close ${this.#opened.path}`, () => {
      this.#requireOpen("close");
      this.#closed = true;
    });
  }

  #failSync(): SystemError {
    this.#hasFailed = true;
    return this.#disk.failSync(this.#life, "fdatasync", this.#opened.path);
  }

  #requireOpen(call: string): void {
    if (this.#closed) throw new SystemError("EBADF", call, this.#opened.path);
  }

  #requireWritable(call: string): void {
    this.#requireOpen(call);
    if (!this.#opened.writable) throw new SystemError("EBADF", call, this.#opened.path);
  }

  #operate<Value>(kind: OperationKind, label: string, perform: () => Value): Promise<Value> {
    return this.#disk.operate(this.#life, { kind, label }, perform);
  }
}
