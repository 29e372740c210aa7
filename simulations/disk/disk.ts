/**
 * A simulated disk: the `FileSystem` that a node sees, with latencies, errors and losses drawn from
 * a seed. It outlives processes; what it never does is resolve a call of one that has ended.
 */
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { FileSystem } from "../../src/world.ts";
import { MountedDisk } from "./mounted-disk.ts";
import type { Prng } from "../prng.ts";
import { directoryOf, SimulatedDirectories } from "./simulated-directories.ts";
import { SimulatedFile, type FileImage, type PowerLoss } from "./simulated-file.ts";
import type { Life, Micros, Simulator } from "../simulator.ts";
import { SystemError } from "./system-error.ts";
import { Wounds } from "./wounds.ts";

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** What may go wrong while the power is on; chances are per call. */
export interface DiskFaults {
  readonly readMicros: Range;
  readonly writeMicros: Range;
  readonly syncMicros: Range;
  /** K19: how often and how long a sync hangs. */
  readonly stallChance: number;
  readonly stallMicros: Range;
  /** K12. */
  readonly readErrorChance: number;
  readonly writeErrorChance: number;
  /** K13: the sync fails once, the next one says "ok" and lies. */
  readonly syncErrorChance: number;
  /** K14: a sync says "ok"; the next one fails, and what the first wrote is gone. */
  readonly lateErrorChance: number;
  /** K18: too many open files, or no permission any more. */
  readonly openErrorChance: number;
  /** K9, K7: a sector of what is read is older, or comes from elsewhere. */
  readonly staleReadChance: number;
  readonly misdirectedReadChance: number;
}

export const calmDisk: DiskFaults = {
  readMicros: { min: 20, max: 100 },
  writeMicros: { min: 10, max: 60 },
  syncMicros: { min: 100, max: 1500 },
  stallChance: 0,
  stallMicros: { min: 0, max: 0 },
  readErrorChance: 0,
  writeErrorChance: 0,
  syncErrorChance: 0,
  lateErrorChance: 0,
  openErrorChance: 0,
  staleReadChance: 0,
  misdirectedReadChance: 0,
};

/** All files of a disk, by their paths. */
export type DiskImage = ReadonlyMap<string, FileImage>;

export type OperationKind = "read" | "write" | "sync";

export interface Operation {
  readonly kind: OperationKind;
  /** Name and arguments, for the trace. */
  readonly label: string;
}

export interface SyncWatcher {
  /** `life` is told that a sync has failed: the pages that it meant may be gone. */
  failed(life: Life): void;
  /** A process syncs a file once more, after it was told that a sync of it had failed. */
  repeated(path: string): void;
}

interface InFlight {
  readonly life: Life;
  readonly perform: () => unknown;
}

export class SimulatedDisk {
  readonly name: string;
  faults: DiskFaults = calmDisk;
  /** K15: bytes that all files together may have. */
  capacity: number = Number.MAX_SAFE_INTEGER;
  /** K18: mounted read-only, as a system does after errors. */
  isReadOnly = false;
  /** What was damaged, as far as that can be told. */
  readonly wounds: Wounds = new Wounds();
  /** Called at the beginning of each call, with its number; a sweep may end the life there. */
  onOperation: ((number: number) => void) | null = null;
  /** Who is told of failed syncs, and of what processes then do (D6). */
  syncWatcher: SyncWatcher | null = null;
  readonly #simulator: Simulator;
  readonly #prng: Prng;
  readonly #directories = new SimulatedDirectories();
  readonly #locks = new Map<string, Life>();
  readonly #inFlight = new Set<InFlight>();
  #operations = 0;
  /** Whether the journal has lost sectors that nobody has missed yet. */
  hasLostSectors = false;
  /** Whether a read failed in this life: what it was of counts as damaged to whoever read. */
  hasFailedToRead = false;

  constructor(simulator: Simulator, name: string, prng: Prng) {
    this.#simulator = simulator;
    this.name = name;
    this.#prng = prng;
  }

  get operations(): number {
    return this.#operations;
  }

  /** The disk as the process `life` sees it. */
  mount(life: Life): FileSystem {
    life.onEnd(() => this.#abandon(life));
    return new MountedDisk(this, life);
  }

  /** Takes from all files what was not synced, or part of it. No process may be using the disk. */
  losePower(how: PowerLoss): void {
    const { trace } = this.#simulator;
    const names = this.#directories.losePower(how.survival, this.#prng);
    let dirty = 0;
    for (const [path, file] of this.#directories.files()) {
      if (file.dirty) dirty += 1;
      const { lost, torn, garbage } = file.losePower(how, this.#prng);
      const where = `disk ${this.name} ${path}`;
      if (lost > 0) trace.fault("K2", `${where}: ${lost} sectors lost`);
      this.hasLostSectors ||= lost > 0 && path.includes("/segment-");
      if (torn > 0) trace.fault("K3", `${where}: ${torn} sectors torn`);
      if (garbage > 0) trace.fault("K4", `${where}: ${garbage} sectors of garbage`);
      if (garbage > 0) this.wounds.suspect();
    }
    if (names > 0) trace.fault("K17", `disk ${this.name}: ${names} names lost`);
    trace.note(`disk ${this.name} lost power: ${dirty} files, ${names} names`);
  }

  /** Everything durable, for a later `restore`. */
  image(): DiskImage {
    return new Map(this.#directories.files().map(([path, file]) => [path, file.image()]));
  }

  /** Another content in place of all; no process may be using the disk. */
  restore(image: DiskImage): void {
    const files = [...image].map(([path, file]) => [path, new SimulatedFile(file)] as const);
    this.#directories.replace(new Map(files));
    this.#locks.clear();
    this.wounds.clear();
    this.hasLostSectors = false;
  }

  /** The bytes of a file as a process would read them, or null. For checkers. */
  peek(path: string): Uint8Array | null {
    const file = this.#directories.file(path);
    if (file === undefined) return null;
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    return bytes;
  }

  /** K22: temporary files as a process leaves them that ends while it writes; returns how many. */
  leaveTemporary(directory: string): number {
    // Nobody writes anything else before the file that says who the node is.
    const isNode = this.#directories.file(`${directory}/node`) !== undefined;
    const others = isNode ? ["promise-1", "journal/manifest", "journal/segment-7"] : [];
    let left = 0;
    for (const name of ["node", ...others]) {
      const path = `${directory}/${name}.tmp`;
      if (!this.#directories.hasDirectory(directoryOf(path))) continue;
      if (this.#directories.file(path) !== undefined) continue;
      const file = new SimulatedFile();
      file.write(Buffer.from("kibitzer node 1"), this.#prng.integer(0, 700));
      this.#directories.create(path, file);
      left += 1;
    }
    return left;
  }

  /** All paths, sorted. */
  paths(): readonly string[] {
    return this.#directories.files().map(([path]) => path);
  }

  bytesUsed(): number {
    return this.#directories.files().reduce((sum, [, file]) => sum + file.size, 0);
  }

  /** Carries out `perform` when the latency drawn for it has passed, if `life` lasts that long. */
  operate<Value>(life: Life, operation: Operation, perform: () => Value): Promise<Value> {
    return life.promise((resolve, reject) => {
      this.#operations += 1;
      this.onOperation?.(this.#operations);
      if (!life.alive) return;
      this.#simulator.trace.note(`disk ${this.name} ${operation.label}`);
      const entry: InFlight = { life, perform };
      this.#inFlight.add(entry);
      life.after(this.#latency(operation.kind), () => {
        this.#inFlight.delete(entry);
        try {
          resolve(perform());
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          reject(error);
        }
      });
    });
  }

  /** The file, or the error of a system that does not find it. */
  find(path: string): SimulatedFile {
    const file = this.#directories.file(path);
    if (file === undefined) throw new SystemError("ENOENT", "open", path);
    return file;
  }

  get directories(): SimulatedDirectories {
    return this.#directories;
  }

  /** Draws whether a fault strikes now, and notes it. */
  strikes(chance: number, id: string, detail: string): boolean {
    if (chance === 0 || !this.#prng.chance(chance)) return false;
    this.#simulator.trace.fault(id, `disk ${this.name} ${detail}`);
    return true;
  }

  /** A read gave other bytes than the disk holds. */
  misread(id: string, detail: string): void {
    this.#simulator.trace.fault(id, `disk ${this.name} ${detail}`);
    this.wounds.suspect();
  }

  /** The error of a failed sync, for `life`. */
  failSync(life: Life, call: string, path: string): SystemError {
    this.syncWatcher?.failed(life);
    return new SystemError("EIO", call, path);
  }

  get prng(): Prng {
    return this.#prng;
  }

  /** @throws ENOSPC when the disk cannot grow by `bytes`. */
  reserve(bytes: number, path: string, call: string = "write"): void {
    if (this.isReadOnly) {
      this.#simulator.trace.fault("K18", `disk ${this.name} ${path}: read-only`);
      throw new SystemError("EROFS", call, path);
    }
    if (bytes <= 0 || this.capacity === Number.MAX_SAFE_INTEGER) return;
    if (this.bytesUsed() + bytes <= this.capacity) return;
    this.#simulator.trace.fault("K15", `disk ${this.name} ${path}`);
    throw new SystemError("ENOSPC", call, path);
  }

  lock(life: Life, path: string): AsyncDisposable {
    if (this.#locks.has(path)) {
      this.#simulator.trace.note(`disk ${this.name} ${path} is locked`);
      throw new KibitzerError(
        "KBZ_IN_USE",
        `Wanted the lock ${path}, but a process holds it. Stop that process first.`,
        { retryable: true, outcome: "none" },
      );
    }
    this.#locks.set(path, life);
    return {
      [Symbol.asyncDispose]: async () => {
        await this.operate(life, { kind: "write", label: `unlock ${path}` }, () => {
          if (this.#locks.get(path) === life) this.#locks.delete(path);
        });
      },
    };
  }

  /** What was under way when a process ended may yet have happened, in the order of the calls. */
  #abandon(life: Life): void {
    for (const entry of this.#inFlight) {
      if (entry.life !== life) continue;
      this.#inFlight.delete(entry);
      if (!this.#prng.chance(0.5)) continue;
      try {
        entry.perform();
      } catch (error) {
        // Nobody is left to be told of the error, unless it is a bug of the simulator itself.
        if (!(error instanceof SystemError || error instanceof KibitzerError)) throw error;
      }
    }
    for (const [path, holder] of this.#locks) {
      if (holder === life) this.#locks.delete(path);
    }
  }

  #latency(kind: OperationKind): Micros {
    const { faults } = this;
    if (kind === "sync" && this.strikes(faults.stallChance, "K19", "sync stalls")) {
      return draw(this.#prng, faults.stallMicros);
    }
    const range = { read: faults.readMicros, write: faults.writeMicros, sync: faults.syncMicros };
    return draw(this.#prng, range[kind]);
  }
}

function draw(prng: Prng, { min, max }: Range): number {
  return prng.integer(min, max);
}
