/**
 * The narrow seams through which a node touches the world: files, clock, chance, names; the network
 * is `Transport` of transport/. A simulator replaces them, and runs everything else unchanged.
 */
import type { Transport } from "../transport/portable.ts";
import type { Request, Response } from "./requests.ts";

/** Anything opened here is closed by who opened it. Errors are the system's own, with `code`. */
export interface FileSystem {
  /**
   * `read` needs the file; `write` needs it, for reading and writing; `create` makes it and refuses
   * an existing one (`EEXIST`). A created file survives a loss of power only after its own sync and
   * `syncDirectory` of its directory.
   */
  open(path: string, mode: "read" | "write" | "create"): Promise<FileHandle>;
  /** The names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** With its parents; no error when it is there. Durable when this resolves. */
  makeDirectory(path: string): Promise<void>;
  /**
   * Replaces `to` atomically; a directory moves with all that is in it. Durable after
   * `syncDirectory` of both places.
   */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Removes a directory with all that is in it, not at once; no error when it is not there. */
  removeTree(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes an exclusive lock that a killed process loses and no second holder gets, in any process.
   * @throws {KibitzerError} `KBZ_IN_USE` when it is held.
   */
  lock(path: string): Promise<AsyncDisposable>;
}

export interface FileHandle {
  /** Writes all of `chunks`, one after the other, from `position` on. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  /** Fills `target` as far as the file reaches; returns how many bytes. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Everything written so far, and the size, would survive a loss of power. */
  datasync(): Promise<void>;
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export interface Timer {
  cancel(): void;
}

/** The only timer and the only reading of time. */
export interface Clock {
  /** Monotonic milliseconds since the start of this life, whole. */
  now(): number;
  /** The wall clock, milliseconds since 1970. */
  wall(): number;
  /** Calls back once, after at least `ms`. */
  after(ms: number, callback: () => void): Timer;
  /** Calls back once this turn of the event loop is over and waiting input was taken in. */
  soon(callback: () => void): void;
}

/** The only source of chance. */
export interface Chance {
  /** 0 ≤ value < 1. */
  fraction(): number;
  /** 16 hex digits. */
  hex16(): string;
}

/** Errors are the system's own: that a name is not there yet is one of them. */
export interface NameResolver {
  /** All addresses of a host. */
  addresses(host: string): Promise<readonly string[]>;
  /** The hosts and ports that stand behind the name of a service, the best first. */
  services(name: string): Promise<readonly { readonly host: string; readonly port: number }[]>;
}

export interface World {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly network: Transport<Request, Response>;
  /** Left out: only endpoints lead to peers here, and files. */
  readonly names?: NameResolver;
}
