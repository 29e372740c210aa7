/**
 * Segments: files of fixed size, zero-filled and synced before their first use, with a header that
 * says to whom they belong. A file is never used twice, so what was not written is zero.
 */
import { assert } from "../../consensus/index.ts";
import { getHex16, putHex16, viewOf } from "../codec/bytes.ts";
import { isZero } from "../codec/zeros.ts";
import { crc32 } from "../codec/crc32.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import { foreign, newerVersion, olderVersion } from "./damage.ts";
import { temporarySuffix } from "./sealed-file.ts";

/** To whom files belong; written in each of them. */
export interface StorageIdentity {
  /** 16 hex digits. */
  readonly republic: string;
  readonly id: string;
  readonly cookie: string;
}

/**
 * What a disk writes whole or not at all. A drive with larger sectors must keep its other bytes
 * when power fails (as SQLite assumes of all); where it does not, the damage is noticed.
 */
export const sectorBytes = 512;

const segmentVersion = 2;
/** Offsets are 32 bits. */
export const segmentBytesLimit: number = 2 ** 32 - sectorBytes;
const segmentMagic = 0x53_5a_42_4b;
const fillStepBytes = 1024 * 1024;
const zeros = new Uint8Array(fillStepBytes);
const checksumAt = sectorBytes - 4;

export interface SegmentHeader {
  /** Numbers files; never used again. */
  readonly generation: number;
  readonly size: number;
  /** Checksum of the header: seeds all other checksums of the file. */
  readonly seed: number;
}

export function segmentName(generation: number): string {
  return `segment-${String(generation).padStart(8, "0")}`;
}

const segmentPattern = /^segment-\d{8,16}$/;

export function isSegmentName(name: string): boolean {
  return segmentPattern.test(name);
}

/** The generation of a segment, by the name or path of its file. */
export function generationOf(name: string): number {
  return Number(name.slice(name.lastIndexOf("-") + 1));
}

/** The first sector of a segment. */
export function encodeSegmentHeader(
  identity: StorageIdentity,
  generation: number,
  size: number,
): { readonly bytes: Uint8Array; readonly header: SegmentHeader } {
  assert(size % sectorBytes === 0 && size <= segmentBytesLimit, "a segment is whole sectors");
  const bytes = new Uint8Array(sectorBytes);
  const view = viewOf(bytes);
  view.setUint32(0, segmentMagic, true);
  view.setUint32(4, segmentVersion, true);
  view.setFloat64(8, generation, true);
  view.setFloat64(16, size, true);
  putHex16(view, 24, identity.republic);
  putHex16(view, 32, identity.cookie);
  bytes[40] = identity.id.length;
  bytes.set(new TextEncoder().encode(identity.id), 41);
  const seed = crc32(bytes.subarray(0, checksumAt));
  view.setUint32(checksumAt, seed, true);
  return { bytes, header: { generation, size, seed } };
}

/**
 * Refuses the first sector of a segment that is whole and not this owner's, or of another format;
 * one that is not whole says nothing.
 * @throws {KibitzerError} `KBZ_VERSION`, `KBZ_REPUBLIC`.
 */
export function refuseSegmentHeader(
  path: string,
  bytes: Uint8Array,
  identity: StorageIdentity,
): void {
  const view = viewOf(bytes);
  const seed = crc32(bytes.subarray(0, checksumAt));
  if (view.getUint32(0, true) !== segmentMagic || view.getUint32(checksumAt, true) !== seed) return;
  const version = view.getUint32(4, true);
  if (version > segmentVersion) throw newerVersion(path, version, segmentVersion);
  if (version < segmentVersion) throw olderVersion(path, version, segmentVersion);
  const idLength = Math.min(bytes[40] ?? 0, 63);
  const id = new TextDecoder().decode(bytes.subarray(41, 41 + idLength));
  const found = describe({ republic: getHex16(view, 24), id, cookie: getHex16(view, 32) });
  if (found !== describe(identity)) throw foreign(path, describe(identity), found);
}

/** What seeds the checksums of a segment that had `size` bytes when it was made. */
export function seedOf(identity: StorageIdentity, generation: number, size: number | null): number {
  assert(size !== null, "only segments of the journal are read");
  return encodeSegmentHeader(identity, generation, size).header.seed;
}

/** For messages. */
export function describe(identity: StorageIdentity): string {
  return `republic ${identity.republic}, node ${identity.id}, cookie ${identity.cookie}`;
}

/**
 * A segment in the making, under a temporary name. Filled in steps of the caller's choosing; usable
 * only once `finish` resolved.
 */
export class SegmentDraft {
  readonly header: SegmentHeader;
  readonly #files: FileSystem;
  readonly #directory: string;
  readonly #file: FileHandle;
  #filled: number;

  private constructor(
    files: FileSystem,
    directory: string,
    file: FileHandle,
    made: { readonly header: SegmentHeader; readonly filled: number },
  ) {
    this.#files = files;
    this.#directory = directory;
    this.#file = file;
    this.header = made.header;
    this.#filled = made.filled;
  }

  /** `first` is what follows the header at once; the rest will be zero. */
  static async create(
    files: FileSystem,
    directory: string,
    encoded: { readonly bytes: Uint8Array; readonly header: SegmentHeader },
    first: readonly Uint8Array[],
  ): Promise<SegmentDraft> {
    const path = `${directory}/${segmentName(encoded.header.generation)}${temporarySuffix}`;
    const file = await files.open(path, "create");
    const pieces = [encoded.bytes, ...first];
    const filled = pieces.reduce((sum, piece) => sum + piece.length, 0);
    assert(filled <= encoded.header.size, "a segment begins with what fits");
    try {
      await file.write(pieces, 0);
    } catch (error) {
      await file.close();
      await files.remove(path);
      throw error;
    }
    return new SegmentDraft(files, directory, file, { header: encoded.header, filled });
  }

  get missing(): number {
    return this.header.size - this.#filled;
  }

  /** Writes at most `bytes` more zeros. */
  async fill(bytes: number): Promise<void> {
    const count = Math.min(bytes, this.missing, fillStepBytes);
    if (count <= 0) return;
    await this.#file.write([zeros.subarray(0, count)], this.#filled);
    this.#filled += count;
    // Synced bit by bit, so that the last sync is short; an unlucky group never waits for 64 MiB.
    if (this.#filled % (4 * fillStepBytes) < count) await this.#file.datasync();
  }

  /** The file under its own name, whole and durable, directory entry included. */
  async finish(): Promise<FileHandle> {
    while (this.missing > 0) await this.fill(fillStepBytes);
    await this.#file.datasync();
    const path = `${this.#directory}/${segmentName(this.header.generation)}`;
    await this.#files.rename(path + temporarySuffix, path);
    await this.#files.syncDirectory(this.#directory);
    return this.#file;
  }

  /** Gives up; the temporary file is removed when the directory is opened again. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  /** Gives up before it has its own name, and gives its space back. */
  async discard(): Promise<void> {
    await this.#file.close();
    const path = `${this.#directory}/${segmentName(this.header.generation)}${temporarySuffix}`;
    await this.#files.remove(path);
  }
}

/** Reads a file forward through one large buffer; what lies past its end reads as zero. */
export class SegmentWindow {
  readonly #file: Pick<FileHandle, "read">;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(file: Pick<FileHandle, "read">) {
    this.#file = file;
  }

  /** `length` bytes from `offset` on; valid for good, since a buffer is never filled twice. */
  async at(offset: number, length: number): Promise<Uint8Array> {
    const from = offset - this.#start;
    if (from >= 0 && from + length <= this.#bytes.length) {
      return this.#bytes.subarray(from, from + length);
    }
    const bytes = new Uint8Array(Math.max(length, fillStepBytes));
    await this.#file.read(bytes, offset);
    this.#bytes = bytes;
    this.#start = offset;
    return bytes.subarray(0, length);
  }

  /** The first offset from `from` up to `to` whose byte is not zero, or null. */
  async firstNonZero(from: number, to: number): Promise<number | null> {
    for (let offset = from; offset < to; offset += fillStepBytes) {
      const bytes = await this.at(offset, Math.min(fillStepBytes, to - offset));
      if (isZero(bytes)) continue;
      return offset + bytes.findIndex((byte) => byte !== 0);
    }
    return null;
  }
}
