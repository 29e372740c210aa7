/**
 * The names of a simulated disk. A creation, renaming or removal is seen at once but durable only
 * after a sync of its directory; a loss of power keeps any of them whose forerunners are kept.
 */
import { assert } from "../../consensus/assert.ts";
import type { Prng } from "../prng.ts";
import type { SimulatedFile } from "./simulated-file.ts";

/** A change of names that is not durable yet. */
export interface PendingNames {
  readonly directory: string;
  /** The paths it touches: a later change of one of them depends on it. */
  readonly paths: readonly string[];
  readonly apply: (names: Map<string, SimulatedFile>) => void;
}

const roots = ["", "/", "."] as const;

export class SimulatedDirectories {
  #seen = new Map<string, SimulatedFile>();
  readonly #durable = new Map<string, SimulatedFile>();
  readonly #directories = new Set<string>(roots);
  #pending: PendingNames[] = [];

  file(path: string): SimulatedFile | undefined {
    return this.#seen.get(path);
  }

  /** All files, by path, sorted. */
  files(): readonly (readonly [string, SimulatedFile])[] {
    return [...this.#seen].toSorted(([left], [right]) => compare(left, right));
  }

  hasDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  /** Whether there is a directory with anything in it. */
  holdsFiles(path: string): boolean {
    return this.#inside(path).length > 0;
  }

  makeDirectory(path: string): void {
    for (let at = path; !this.#directories.has(at); at = directoryOf(at)) {
      this.#directories.add(at);
    }
  }

  /** The names in a directory, sorted. */
  list(directory: string): readonly string[] {
    const prefix = directory === "" ? "" : `${directory}/`;
    const inside = [...this.#seen.keys(), ...this.#directories].filter(
      (path) => path !== directory && path.startsWith(prefix) && directoryOf(path) === directory,
    );
    return inside.map((path) => path.slice(prefix.length)).toSorted(compare);
  }

  create(path: string, file: SimulatedFile): void {
    this.#change(directoryOf(path), [path], (names) => {
      names.set(path, file);
    });
  }

  rename(from: string, to: string): void {
    if (this.#directories.has(from)) {
      this.#renameDirectory(from, to);
      return;
    }
    const file = this.#seen.get(from);
    assert(file !== undefined, "the renamed file is there");
    this.#change(directoryOf(to), [from, to], (names) => {
      names.delete(from);
      names.set(to, file);
    });
  }

  /** Removes a directory with all that is in it; each name is a change of its own. */
  removeTree(directory: string): void {
    for (const path of this.#inside(directory)) this.remove(path);
    for (const path of this.#directories) {
      if (isInside(path, directory)) this.#directories.delete(path);
    }
  }

  remove(path: string): void {
    this.#change(directoryOf(path), [path], (names) => {
      names.delete(path);
    });
  }

  /** What a sync of `directory` that begins now must make durable. */
  pending(directory: string): readonly PendingNames[] {
    return this.#pending.filter((change) => change.directory === directory);
  }

  sync(changes: readonly PendingNames[]): void {
    const done = new Set(changes);
    for (const change of changes) {
      if (this.#pending.includes(change)) change.apply(this.#durable);
    }
    this.#pending = this.#pending.filter((change) => !done.has(change));
  }

  /** What a process finds after the power came back; returns how many changes were lost. */
  losePower(survival: number, prng: Prng): number {
    const lost = new Set<string>();
    let count = 0;
    for (const change of this.#pending) {
      const stands = change.paths.every((path) => !lost.has(path));
      if (stands && prng.chance(survival)) {
        change.apply(this.#durable);
      } else {
        for (const path of change.paths) lost.add(path);
        count += 1;
      }
    }
    this.#pending = [];
    this.#seen = new Map(this.#durable);
    for (const path of this.#seen.keys()) this.makeDirectory(directoryOf(path));
    return count;
  }

  /** K16: the name is gone, at once and for good. */
  lose(path: string): void {
    this.#seen.delete(path);
    this.#durable.delete(path);
    this.#pending = this.#pending.filter(({ paths }) => !paths.includes(path));
  }

  /** Another set of files in place of all: an empty disk, an old backup, somebody else's folder. */
  replace(files: ReadonlyMap<string, SimulatedFile>): void {
    this.#pending = [];
    this.#durable.clear();
    for (const [path, file] of files) this.#durable.set(path, file);
    this.#seen = new Map(this.#durable);
    this.#directories.clear();
    for (const root of roots) this.#directories.add(root);
    for (const path of files.keys()) this.makeDirectory(directoryOf(path));
  }

  /**
   * All at once, or nothing of it; with it goes what happened before to the names inside, since a
   * file system writes such changes down in their order.
   */
  #renameDirectory(from: string, to: string): void {
    const before = this.#pending.filter((change) => isInside(change.directory, from));
    this.#pending = this.#pending.filter((change) => !before.includes(change));
    const known = [...this.#inside(from), ...before.flatMap((change) => change.paths)];
    const paths = [...new Set(known)];
    assert(this.#inside(to).length === 0, "nothing is there that would be replaced");
    const moved = (path: string): string => to + path.slice(from.length);
    for (const path of this.#directories) {
      if (isInside(path, from)) this.#directories.add(moved(path));
    }
    for (const path of this.#directories) if (isInside(path, from)) this.#directories.delete(path);
    const touched = [...paths, ...paths.map(moved)];
    let isSeen = true;
    this.#change(directoryOf(to), touched, (names) => {
      // They were seen at once; what is durable has them with this.
      if (!isSeen) for (const change of before) change.apply(names);
      isSeen = false;
      for (const path of paths) {
        const file = names.get(path);
        if (file === undefined) continue;
        names.delete(path);
        names.set(moved(path), file);
      }
    });
  }

  #inside(directory: string): readonly string[] {
    return [...this.#seen.keys()].filter((path) => path.startsWith(`${directory}/`));
  }

  #change(
    directory: string,
    paths: readonly string[],
    apply: (names: Map<string, SimulatedFile>) => void,
  ): void {
    apply(this.#seen);
    this.#pending.push({ directory, paths, apply });
  }
}

export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash === 0) return "/";
  return slash < 0 ? "" : path.slice(0, slash);
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
