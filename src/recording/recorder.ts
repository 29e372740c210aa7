/**
 * Appends what a node played to a bounded set of files, without sync: what comes within a moment is
 * one frame. A recording that fails ends; one without room pauses, and goes on in another file.
 * Either is told once, and never stops the node. What the frames hold is opaque here.
 */
import { assert } from "../../consensus/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { isOutOfSpace } from "../storage/space.ts";
import type { Clock, FileHandle, FileSystem, Timer } from "../world.ts";
import {
  decodeFrameHeader,
  decodeOpening,
  encodeFrameHeader,
  encodeOpening,
  frameHeaderBytes,
  isRecordingName,
  recordingName,
  recordingNumber,
  recordingVersion,
  type FrameKind,
} from "./frame.ts";
import { version as software } from "../version.ts";

export interface RecorderOptions {
  readonly files: FileSystem;
  /** The directory of the recording itself, as `DIR/recording`. */
  readonly directory: string;
  readonly clock: Clock;
  /** Who records: republic, id, cookie, starts. Stands at the head of each file. */
  readonly subject: Readonly<Record<string, string | number>>;
  /**
   * The state after everything that was appended. Asked for when a file begins, within `append`:
   * what was just appended must have been applied.
   */
  checkpoint(): Uint8Array;
  /** The recording has ended early, or pauses; `retryable` tells which. */
  onError(error: KibitzerError): void;
  /** It goes on, without what was played meanwhile. */
  onResumed?(): void;
  /** Bytes of all files together. Default 256 MiB. */
  readonly bytesMax?: number;
  /** What is older is removed. Default 24 hours. */
  readonly ageMs?: number;
}

interface Segment {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly when: number;
  readonly bytes: number;
}

/** What is to be written to one file. */
interface Waiting {
  readonly number: number;
  readonly when: number;
  readonly pieces: Uint8Array[];
}

/** The file being written. */
interface Current {
  readonly of: Waiting;
  readonly handle: FileHandle;
  offset: number;
}

const MiB = 1024 * 1024;
/** With more than this waiting for the disk it pauses: it must not take the node's memory. */
const waitingBytesMax = 64 * MiB;
/** After so long it looks whether it can go on. */
const pauseMs = 1000;
/**
 * What was appended is gathered for so long, or until it is so many bytes. So little as a node
 * plays that only pings is gathered for longer: there may be many in a process, and to write wakes
 * a thread.
 */
const flushMs = 20;
const flushBytes = MiB / 4;
const littleMs = 200;
const littleBytes = 8192;
/** A recording is kept in so many parts, so that old ones can go. */
const parts = 8;

export class Recorder implements AsyncDisposable {
  readonly #options: RecorderOptions;
  readonly #bytesMax: number;
  readonly #ageMs: number;
  /** Older files, oldest first. */
  readonly #segments: Segment[];
  #number: number;
  #begun = 0;
  /** Where the next frame goes in the current file. */
  #offset = 0;
  /** Of the frame that is being gathered. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** For each file that has something to be written: what, in order. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #file: Current | null = null;
  #flushing: Promise<void> | null = null;
  #flushTimer: Timer | null = null;
  /** Whether the timer is for more than a little. */
  #isFlushSoon = false;
  /** Nothing is taken: it pauses, or has ended. */
  #isOff = false;
  /** Whether nothing was written since it paused. */
  #isPaused = false;
  #pauseTimer: Timer | null = null;
  #isClosed = false;

  private constructor(options: RecorderOptions, segments: Segment[]) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? 256 * MiB;
    this.#ageMs = options.ageMs ?? 24 * 60 * 60 * 1000;
    this.#segments = segments;
    this.#number = segments.at(-1)?.number ?? 0;
    this.#begin();
    this.#schedule();
  }

  /** Begins a file after those that are there, with a checkpoint. */
  static async open(options: RecorderOptions): Promise<Recorder> {
    await options.files.makeDirectory(options.directory);
    const segments: Segment[] = [];
    for (const name of await options.files.list(options.directory)) {
      if (isRecordingName(name)) segments.push(await readSegment(options, name));
    }
    return new Recorder(
      options,
      segments.toSorted((left, right) => left.number - right.number),
    );
  }

  /**
   * Takes bytes over; `chunks` must not be written to any more. Written with others, soon: a
   * process that is killed loses the last moments of its recording.
   */
  append(chunks: readonly Uint8Array[]): void {
    assert(!this.#isClosed, "nothing is appended to a closed recording");
    if (this.#isOff) return;
    for (const chunk of chunks) {
      this.#gathered.push(chunk);
      this.#gatheredBytes += chunk.length;
    }
    const isOld = this.#options.clock.wall() - this.#begun > this.#ageMs / parts;
    if (this.#offset + this.#gatheredBytes > this.#bytesMax / parts || isOld) {
      this.#seal();
      this.#frame("end", []);
      this.#begin();
    } else if (this.#gatheredBytes >= flushBytes) this.#seal();
    this.#schedule();
    if (this.#waitingBytes > waitingBytesMax)
      this.#fail(new TooSlow("the disk is too slow for it"));
  }

  /** Waits until everything that was appended so far is written. */
  async flushed(): Promise<void> {
    while (this.#isBehind || this.#flushing !== null) {
      this.#startFlush();
      await this.#flushing;
    }
  }

  /** Waits until everything is written, ends the file in order, and closes it. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#flushTimer?.cancel();
    this.#pauseTimer?.cancel();
    this.#seal();
    if (!this.#isOff) this.#frame("end", []);
    while (this.#flushing !== null) await this.#flushing;
    await this.#flush();
    await this.#file?.handle.close().catch((error: unknown) => this.#fail(error));
    this.#file = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(): void {
    this.#number += 1;
    this.#begun = this.#options.clock.wall();
    this.#offset = 0;
    const { subject } = this.#options;
    const opening = { version: recordingVersion, software, when: this.#begun, subject };
    this.#frame("opening", [encodeOpening(opening)]);
    this.#frame("checkpoint", [this.#options.checkpoint()]);
  }

  #frame(kind: FrameKind, chunks: readonly Uint8Array[]): void {
    const place = { segment: this.#number, offset: this.#offset };
    let batch = this.#waiting.at(-1);
    if (batch?.number !== this.#number) {
      batch = { number: this.#number, when: this.#begun, pieces: [] };
      this.#waiting.push(batch);
    }
    const header = encodeFrameHeader(kind, chunks, place);
    batch.pieces.push(header);
    let bytes = header.length;
    for (const chunk of chunks) {
      batch.pieces.push(chunk);
      bytes += chunk.length;
    }
    this.#offset += bytes;
    this.#waitingBytes += bytes;
  }

  /** Makes a frame of what was gathered. */
  #seal(): void {
    if (this.#gathered.length === 0) return;
    const chunks = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#frame("input", chunks);
  }

  get #isBehind(): boolean {
    return this.#waiting.length > 0 || this.#gathered.length > 0;
  }

  #schedule(): void {
    if (this.#isClosed || this.#flushing !== null) return;
    const bytes = this.#waitingBytes + this.#gatheredBytes;
    if (bytes >= flushBytes) {
      this.#startFlush();
      return;
    }
    // A file has its head soon, so that there is something to read.
    const isSoon = bytes >= littleBytes || this.#waiting.length > 0;
    if (this.#flushTimer !== null && (this.#isFlushSoon || !isSoon)) return;
    this.#flushTimer?.cancel();
    this.#isFlushSoon = isSoon;
    const ms = isSoon ? flushMs : littleMs;
    this.#flushTimer = this.#options.clock.after(ms, () => this.#startFlush());
  }

  /** One flush at a time. */
  #startFlush(): void {
    this.#flushTimer?.cancel();
    this.#flushTimer = null;
    this.#flushing ??= this.#flush().then(() => {
      this.#flushing = null;
      if (this.#isBehind) this.#schedule();
    });
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    this.#seal();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      for (const batch of waiting) {
        if (this.#isOff) break;
        await this.#write(batch);
      }
    } catch (error) {
      this.#fail(error);
    }
    if (this.#isOff) await this.#leaveFile();
  }

  async #write(batch: Waiting): Promise<void> {
    if (this.#file?.of.number !== batch.number) this.#file = await this.#next(batch);
    await this.#file.handle.write(batch.pieces, this.#file.offset);
    for (const piece of batch.pieces) this.#file.offset += piece.length;
    if (!this.#isPaused || this.#isOff) return;
    this.#isPaused = false;
    this.#options.onResumed?.();
  }

  /** What comes next is in another file, numbered after the last one that holds anything. */
  async #leaveFile(): Promise<void> {
    const { files, directory } = this.#options;
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    const { number, when } = file.of;
    try {
      await file.handle.close();
      if (file.offset > 0) this.#segments.push({ number, when, bytes: file.offset });
      else await files.remove(`${directory}/${recordingName(number)}`);
    } catch {
      // It is off, and its cause was told. What is left there has its number.
      this.#segments.push({ number, when, bytes: file.offset });
    }
  }

  #pause(): void {
    this.#pauseTimer = this.#options.clock.after(pauseMs, () => this.#resume());
  }

  /** Begins once more, after what is there. */
  #resume(): void {
    this.#pauseTimer = null;
    if (this.#isClosed) return;
    if (this.#flushing !== null) {
      // What hangs is not over yet.
      this.#pause();
      return;
    }
    this.#isOff = false;
    this.#number = this.#segments.at(-1)?.number ?? 0;
    this.#begin();
    this.#schedule();
  }

  /** Closes the file before, removes what is too old or too much, and makes the next one. */
  async #next(of: Waiting): Promise<Current> {
    const { files, directory } = this.#options;
    const before = this.#file;
    this.#file = null;
    if (before !== null) {
      const { number, when } = before.of;
      this.#segments.push({ number, when, bytes: before.offset });
      await before.handle.close();
    }
    await this.#removeOld(of.when);
    const handle = await files.open(`${directory}/${recordingName(of.number)}`, "create");
    return { of, handle, offset: 0 };
  }

  /** Makes room for the part that begins at `now`. */
  async #removeOld(now: number): Promise<void> {
    const { files, directory } = this.#options;
    // Two parts' worth: the frame that ends a part, or its checkpoint, may take it over its size.
    const room = this.#bytesMax - (2 * this.#bytesMax) / parts;
    let bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    for (;;) {
      const first = this.#segments[0];
      // A part is as old as its end, which is where the next one begins.
      const end = this.#segments[1]?.when ?? now;
      if (first === undefined || (bytes <= room && end >= now - this.#ageMs)) return;
      this.#segments.shift();
      bytes -= first.bytes;
      await files.remove(`${directory}/${recordingName(first.number)}`);
    }
  }

  #fail(error: unknown): void {
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#isOff) return;
    this.#isOff = true;
    const isPassing = isOutOfSpace(error) || error instanceof TooSlow;
    const wasPaused = this.#isPaused;
    this.#isPaused = isPassing;
    // Leaves the file that is open.
    this.#startFlush();
    if (isPassing) this.#pause();
    if (isPassing && wasPaused) return;
    const how = isPassing ? "pauses" : "has ended";
    const then = isPassing ? " meanwhile" : "; restart it once the cause is gone";
    this.#options.onError(
      new KibitzerError(
        "KBZ_JOURNAL_FAILED",
        `The recording in ${this.#options.directory} ${how}: ${String(error)}. The node goes ` +
          `on without it${then}.`,
        { retryable: isPassing, outcome: "none", cause: error },
      ),
    );
  }
}

class TooSlow extends Error {
  override readonly name = "TooSlow";
}

/** A file of an earlier life. One whose head is unreadable counts as the oldest. */
async function readSegment(options: RecorderOptions, name: string): Promise<Segment> {
  const number = recordingNumber(name);
  const handle = await options.files.open(`${options.directory}/${name}`, "read");
  try {
    const bytes = await handle.size();
    const head = new Uint8Array(Math.min(bytes, 64 * 1024));
    await handle.read(head, 0);
    return { number, bytes, when: begunAt(head, number) };
  } finally {
    await handle.close();
  }
}

function begunAt(head: Uint8Array, segment: number): number {
  if (head.length < frameHeaderBytes) return 0;
  try {
    const { size } = decodeFrameHeader(head.subarray(0, frameHeaderBytes), { segment, offset: 0 });
    return decodeOpening(head.subarray(frameHeaderBytes, frameHeaderBytes + size))?.when ?? 0;
  } catch {
    // Damaged: the reader tells; here it only goes first when room is needed.
    return 0;
  }
}
