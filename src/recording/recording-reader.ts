/**
 * Reads a recording, one file or a directory of them. A file that was cut anywhere gives its whole
 * frames and is incomplete; one that was changed anywhere is damaged. Never writes.
 */
import { DecodeError, isZero } from "../codec/bytes.ts";
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

  async *#file(path: string, segment: number): AsyncGenerator<RecordedFrame, void, void> {
    const handle = await this.#files.open(path, "read");
    try {
      const source = new FrameSource(path, segment, handle, await handle.size());
      let opening: Opening | null = null;
      for (;;) {
        const offset = source.offset;
        const frame = await source.next();
        if (frame === "cut") {
          this.#isComplete = false;
          return;
        }
        const { kind, body } = frame;
        if (kind === "end") {
          if (source.isAtEnd) return;
          throw damagedRecording(path, source.offset, "something follows the end");
        }
        if ((kind === "opening") !== (opening === null)) {
          throw damagedRecording(
            path,
            offset,
            "expected the opening as the first frame, and only there",
          );
        }
        if (kind === "opening") opening = readOpening(path, body);
        else if (opening !== null) yield { kind, body, opening, file: path, offset };
      }
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

/** Whole frames of one file, each checked. */
class FrameSource {
  readonly #path: string;
  readonly #segment: number;
  readonly #handle: FileHandle;
  readonly #size: number;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  offset = 0;

  constructor(path: string, segment: number, handle: FileHandle, size: number) {
    this.#path = path;
    this.#segment = segment;
    this.#handle = handle;
    this.#size = size;
  }

  get isAtEnd(): boolean {
    return this.offset === this.#size;
  }

  async next(): Promise<{ readonly kind: FrameHeader["kind"]; readonly body: Uint8Array } | "cut"> {
    const { offset } = this;
    if (offset + frameHeaderBytes > this.#size) return "cut";
    const bytes = await this.#at(offset, frameHeaderBytes);
    if (isBlankHeader(bytes) && (await this.#isBlankFrom(offset))) return "cut";
    const header = this.#decode(bytes, offset);
    const bodyAt = offset + frameHeaderBytes;
    if (bodyAt + header.size > this.#size) return "cut";
    const body = await this.#at(bodyAt, header.size);
    if (crc32(body) !== header.checksum) {
      throw damagedRecording(this.#path, bodyAt, "a frame does not match its checksum");
    }
    this.offset = bodyAt + header.size;
    return { kind: header.kind, body };
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
      const bytes = await this.#at(at, Math.min(windowBytes, this.#size - at));
      if (!isZero(bytes)) return false;
    }
    return true;
  }

  async #at(offset: number, length: number): Promise<Uint8Array> {
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#window.length) {
      // A new buffer each time: bodies that were given out are views into the old one.
      this.#window = new Uint8Array(Math.max(length, Math.min(windowBytes, this.#size - offset)));
      await this.#handle.read(this.#window, offset);
      this.#start = offset;
      return this.#window.subarray(0, length);
    }
    return this.#window.subarray(from, from + length);
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
