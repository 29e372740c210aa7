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
    find: "await manifest.save();\n    this.#next = this.#made;",
    replace: "this.#next = this.#made;",
    about: "A new segment is written to before the manifest names it.",
    invariant: "D9",
  },
  {
    name: "rename-not-synced",
    file: "src/storage/sealed-file.ts",
    find: `await files.rename(path + temporarySuffix, path);
    await files.syncDirectory(directory);`,
    replace: "await files.rename(path + temporarySuffix, path);",
    about: "A file that was replaced is not synced in its directory.",
    invariant: "D1",
  },
  {
    name: "replacement-not-synced",
    file: "src/storage/sealed-file.ts",
    find: `const file = await files.open(temporary, "create");
  try {
    await file.write([bytes], 0);
    await file.datasync();`,
    replace: `const file = await files.open(temporary, "create");
  try {
    await file.write([bytes], 0);`,
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
  {
    name: "acknowledges-before-write",
    file: "src/storage/journal.ts",
    find: "const { segment, offset } = await this.#chain.room(sizeOfGroup(group));",
    replace: `this.#options.onPersisted(group.at(-1).write.number);
    const { segment, offset } = await this.#chain.room(sizeOfGroup(group));`,
    about: "A group counts as durable before it is written.",
    invariant: "D1",
  },
  {
    name: "ballot-of-empty-write-lost",
    file: "src/storage/extents.ts",
    find: "this.#now = { accepted: write.accepted, length, decided, hash };",
    replace: `const { accepted } = decrees.length > 0 ? write : this.#now;
      this.#now = { accepted, length, decided, hash };`,
    about: "A ballot that came without decrees is forgotten at a restart.",
    invariant: "D1",
  },
  {
    name: "both-promises-unsynced",
    file: "src/storage/sealed-file.ts",
    find: `const file = await files.open(path, "write");
  try {
    await file.write([bytes], 0);
    await file.datasync();`,
    replace: `const file = await files.open(path, "write");
  try {
    await file.write([bytes], 0);`,
    about: "Both copies of the promise are written before either is synced.",
    invariant: "D8",
  },
  {
    name: "failed-sync-ignored",
    file: "src/storage/segment-chain.ts",
    find: "() => file.datasync()",
    replace: "() => file.datasync().catch(() => undefined)",
    about: "A sync that failed counts as done.",
    invariant: "D6",
  },
  {
    name: "failed-sync-tried-again",
    file: "src/storage/segment-chain.ts",
    find: "() => file.datasync()",
    replace: "() => file.datasync().catch(() => file.datasync())",
    about: "A sync that failed is tried again, and believed.",
    invariant: "D6",
  },
  {
    name: "manifest-ahead-of-sync",
    file: "src/storage/manifest-keeper.ts",
    find: "const news = { counter: this.#counter, synced, extent, writeBase };",
    replace: "const news = { counter: this.#counter, synced: synced + 1, extent, writeBase };",
    about: "The manifest calls a group synced that is not.",
    invariant: "D8",
  },
  {
    name: "own-zeros-forgotten",
    file: "src/storage/group.ts",
    find: "view.setUint32(44, countTailZeros(pieces), true);",
    replace: "view.setUint32(44, 2 ** 20, true);",
    about: "The zeros that a group holds itself hide that it is torn.",
    invariant: "D8",
  },
  {
    name: "reads-what-was-replaced",
    file: "src/storage/write-queue.ts",
    find: "for (const pending of [this.#waiting, this.#underWay]) {",
    replace: "for (const pending of [this.#underWay, this.#waiting]) {",
    about: "A slot that was just replaced is read as it was before.",
    invariant: "A1",
  },
  {
    name: "starts-not-counted",
    file: "src/storage/directory.ts",
    find: "starts: nextLife(known.starts, options.chance),",
    replace: "starts: known.starts,",
    about: "A new life has the number of the last one.",
    invariant: "D5",
  },
  {
    name: "torn-group-by-its-end-only",
    file: "src/storage/recovery.ts",
    find: "return bytes.at(-1) === 0 || countTailZeros([bytes]) > header.tailZeros;",
    replace: "return bytes.at(-1) === 0;",
    about: "A torn group whose last sector arrived counts as damage.",
    invariant: "D8",
  },
  {
    name: "torn-header-is-damage",
    file: "src/storage/recovery.ts",
    find: "return isZero(sector, groupHeaderBytes);",
    replace: "return false;",
    about: "A group whose first sector never arrived counts as damage.",
    invariant: "D8",
  },
  {
    name: "write-numbers-used-again",
    file: "src/storage/journal-files.ts",
    find: "return (Math.floor(found / writesPerLife) + 2) * writesPerLife;",
    replace: "return log.writeLast;",
    about: "The number of a write that was lost is used again.",
    invariant: "C3",
  },
];
