/**
 * Reads a recording, one file or a directory of them. A file that was cut anywhere gives its whole
 * frames and is incomplete; one that was changed anywhere is damaged. Never writes.
 */
import { DecodeError } from "../codec/bytes.ts";
import { isZero } from "../codec/zeros.ts";
import { crc32 } from "../codec/crc32.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { damagedRecording, newerVersion } from "../storage/damage.ts";
import type { FileHandle, FileSystem } from "../world.ts";
import {
  decodeFrameHeader,
  decodeOpening,
  frameHeaderBytes,
  isBlankHeader,
  isRecordingName,
  recordingNumber,
  recordingVersion,
  type FrameHeader,
  type Opening,
} from "./frame.ts";

export interface RecordedFrame {
  /** A checkpoint begins each file: the state to go on from. */
  readonly kind: "checkpoint" | "input";
  readonly body: Uint8Array;
  readonly opening: Opening;
  readonly file: string;
  readonly offset: number;
}

const windowBytes = 1024 * 1024;

export class RecordingReader {
  readonly #files: FileSystem;
  readonly #path: string;
  #isComplete = true;
  #isRead = false;

  /** `path` is a file or a directory of a recording. */
  constructor(files: FileSystem, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Known once `frames` has ended: whether every file was closed in order and none is missing. */
  get complete(): boolean {
    return this.#isRead && this.#isComplete;
  }

  /** @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`; `KBZ_NOT_FOUND` for no recording. */
  async *frames(): AsyncGenerator<RecordedFrame, void, void> {
    for await (const run of this.runs()) yield* run;
  }

  /**
   * As `frames`, but only what has to be read from disk is waited for: frames that came together
   * are one run, which is to be read to its end before the next is asked for.
   */
  async *runs(): AsyncGenerator<Iterable<RecordedFrame>, void, void> {
    const paths = await this.#paths();
    let before: number | null = null;
    for (const path of paths) {
      const segment = recordingNumber(path);
      if (before !== null && segment !== before + 1) {
        throw damagedRecording(
          path,
          0,
          `the part of the recording before it, ${before + 1}, is missing`,
        );
      }
      before = segment;
      yield* this.#file(path, segment);
    }
    this.#isRead = true;
  }

  async #paths(): Promise<readonly string[]> {
    if (!(await this.#files.exists(this.#path))) throw notFound(this.#path);
    const name = this.#path.slice(this.#path.lastIndexOf("/") + 1);
    if (isRecordingName(name)) return [this.#path];
    const names = (await this.#names()).filter(isRecordingName);
    if (names.length === 0) throw notFound(this.#path);
    return names
      .toSorted((left, right) => recordingNumber(left) - recordingNumber(right))
      .map((file) => `${this.#path}/${file}`);
  }

  /** Those in the directory; none where it is a file, of whatever make. */
  async #names(): Promise<readonly string[]> {
    try {
      return await this.#files.list(this.#path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return [];
      throw error;
    }
  }

  async *#file(path: string, segment: number): AsyncGenerator<Iterable<RecordedFrame>, void, void> {
    const handle = await this.#files.open(path, "read");
    try {
      const file = new RecordingFile(path, segment, handle, await handle.size());
      while (!file.isOver && (await file.load())) yield file.loaded();
      if (!file.isOver) this.#isComplete = false;
    } finally {
      await handle.close();
    }
  }
}

function readOpening(path: string, body: Uint8Array): Opening {
  const opening = decodeOpening(body);
  if (opening === null)
    throw damagedRecording(path, 0, "its first frame is not that of a recording");
  if (opening.version > recordingVersion)
    throw newerVersion(path, opening.version, recordingVersion);
  return opening;
}

/** The frames of one file, each checked as it is given out. */
class RecordingFile {
  readonly #path: string;
  readonly #segment: number;
  readonly #handle: FileHandle;
  readonly #size: number;
  /** The bytes of the file from `#start` on that are in memory. */
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  /** Of the first frame that was not given out yet. */
  #offset = 0;
  #opening: Opening | null = null;
  #isOver = false;

  constructor(path: string, segment: number, handle: FileHandle, size: number) {
    this.#path = path;
    this.#segment = segment;
    this.#handle = handle;
    this.#size = size;
  }

  /** Whether the frame that says so was the last one. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Brings the next frame into memory; false when the file was cut before its end. */
  async load(): Promise<boolean> {
    const offset = this.#offset;
    if (offset + frameHeaderBytes > this.#size) return false;
    const bytes = await this.#read(offset, frameHeaderBytes);
    if (isBlankHeader(bytes) && (await this.#isBlankFrom(offset))) return false;
    const bytesAll = frameHeaderBytes + this.#decode(bytes, offset).size;
    if (offset + bytesAll > this.#size) return false;
    await this.#read(offset, bytesAll);
    return true;
  }

  /** The whole frames that are in memory; what describes the file itself is left out. */
  *loaded(): Generator<RecordedFrame, void, void> {
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      const { kind, body, offset } = frame;
      if (kind === "end") {
        if (this.#offset !== this.#size) throw this.#damaged("something follows the end");
        this.#isOver = true;
        return;
      }
      if ((kind === "opening") !== (this.#opening === null)) {
        const wanted = "expected the opening as the first frame, and only there";
        throw damagedRecording(this.#path, offset, wanted);
      }
      if (kind === "opening") this.#opening = readOpening(this.#path, body);
      else if (this.#opening !== null) {
        yield { kind, body, opening: this.#opening, file: this.#path, offset };
      }
    }
  }

  #next(): { kind: FrameHeader["kind"]; body: Uint8Array; offset: number } | null {
    const offset = this.#offset;
    const bytes = this.#held(offset, frameHeaderBytes);
    // Whether a blank one is the end of what was written is seen when the rest is loaded.
    if (bytes === null || isBlankHeader(bytes)) return null;
    const { kind, size, checksum } = this.#decode(bytes, offset);
    const bodyAt = offset + frameHeaderBytes;
    const body = this.#held(bodyAt, size);
    if (body === null) return null;
    if (crc32(body) !== checksum) {
      throw damagedRecording(this.#path, bodyAt, "a frame does not match its checksum");
    }
    this.#offset = bodyAt + size;
    return { kind, body, offset };
  }

  #damaged(finding: string): KibitzerError {
    return damagedRecording(this.#path, this.#offset, finding);
  }

  #decode(bytes: Uint8Array, offset: number): FrameHeader {
    try {
      return decodeFrameHeader(bytes, { segment: this.#segment, offset });
    } catch (error) {
      if (error instanceof DecodeError)
        throw damagedRecording(this.#path, offset, error.message, error);
      throw error;
    }
  }

  async #isBlankFrom(offset: number): Promise<boolean> {
    for (let at = offset; at < this.#size; at += windowBytes) {
      const bytes = await this.#read(at, Math.min(windowBytes, this.#size - at));
      if (!isZero(bytes)) return false;
    }
    return true;
  }

  /** What is in memory of the file, or null when not all of it is. */
  #held(offset: number, length: number): Uint8Array | null {
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#window.length) return null;
    return this.#window.subarray(from, from + length);
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const held = this.#held(offset, length);
    if (held !== null) return held;
    // A new buffer each time: bodies that were given out are views into the old one.
    this.#window = new Uint8Array(Math.max(length, Math.min(windowBytes, this.#size - offset)));
    await this.#handle.read(this.#window, offset);
    this.#start = offset;
    return this.#window.subarray(0, length);
  }
}

function notFound(path: string): KibitzerError {
  return new KibitzerError(
    "KBZ_NOT_FOUND",
    `There is no recording at ${path}. Name a node's data directory, the recording in it, or one ` +
      "of its files, recording-00000001 and so on.",
    { retryable: false, outcome: "none" },
  );
}
