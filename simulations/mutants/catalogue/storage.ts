/** Slips in journal, promise, manifest and recovery. Data only. */
import type { Mutant } from "../mutant.ts";

export const storageMutants: readonly Mutant[] = [
  {
    name: "acknowledges-before-sync",
    file: "src/storage/journal.ts",
    find: `await this.#chain.write(pieces, size);
    await this.#chain.sync();`,
    replace: "await this.#chain.write(pieces, size);",
    about: "A group counts as durable once it is written.",
    invariant: "D3",
  },
  {
    name: "segment-unlisted",
    file: "src/storage/segment-chain.ts",
    find: `await writeManifest(files, directory, {
      ...identity,`,
    replace: `await Promise.resolve({
      ...identity,`,
    about: "A new segment is written to before the manifest names it.",
    invariant: "D9",
  },
  {
    name: "rename-not-synced",
    file: "src/storage/sealed-file.ts",
    find: `await files.rename(temporary, path);
  await files.syncDirectory(directory);`,
    replace: "await files.rename(temporary, path);",
    about: "A file that was replaced is not synced in its directory.",
    invariant: "D1",
  },
  {
    name: "replacement-not-synced",
    file: "src/storage/sealed-file.ts",
    find: `await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename`,
    replace: `} finally {
    await file.close();
  }
  await files.rename`,
    about: "A file is renamed into its place before it is synced.",
    invariant: "D8",
  },
  {
    name: "last-group-dropped",
    file: "src/storage/journal-files.ts",
    find: "if (unmarked === null) {",
    replace: "if (unmarked === null || unmarked.number > 0) {",
    about: "The last group is dropped unless something says that it was synced.",
    invariant: "D3",
  },
  {
    name: "segment-not-synced",
    file: "src/storage/segment.ts",
    find: `while (this.missing > 0) await this.fill(fillStepBytes);
    await this.#file.datasync();`,
    replace: "while (this.missing > 0) await this.fill(fillStepBytes);",
    about: "A segment is used before its zeros, header and first group are synced.",
    invariant: "D8",
  },
  {
    name: "segment-not-filled",
    file: "src/storage/segment.ts",
    find: "while (this.missing > 0) await this.fill(fillStepBytes);",
    replace: "",
    about: "A segment is used before it has its size.",
    invariant: "D8",
  },
];
