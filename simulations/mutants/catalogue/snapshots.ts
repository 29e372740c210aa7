/** Slips in snapshots, in truncation, and in what is installed. Data only. */
import type { Mutant } from "../mutant.ts";

export const snapshotMutants: readonly Mutant[] = [
  {
    name: "promises-while-installing",
    file: "consensus/follower.ts",
    find: "if (durable.write < state.installing) return;",
    replace: "",
    about: "A promise tells nothing of votes that an unsynced snapshot is about to replace.",
    invariant: "A8",
  },
  {
    name: "install-takes-back",
    file: "consensus/installing.ts",
    find: "if (slot <= republic.slot || !isOurs(chamber, state)) return;",
    replace: "if (!isOurs(chamber, state)) return;",
    about: "A snapshot that came late takes back what was applied since.",
    invariant: "S4",
  },
  {
    name: "install-drops-votes",
    file: "consensus/installing.ts",
    find: "if (slot <= log.length && log.hashAt(slot) === hash) {",
    replace: "if (slot === log.length && log.hashAt(slot) === hash) {",
    about: "A snapshot drops what was accepted behind it, though it continues it.",
    invariant: "A16",
  },
  {
    name: "install-not-written",
    file: "consensus/chamber.ts",
    find: "base: this.#installed,",
    replace: "base: null,",
    about: "The disk is not told that its log begins anew.",
    invariant: "S4",
  },
  {
    name: "snapshot-not-downloaded",
    file: "consensus/installing.ts",
    find: "if (slot > chamber.republic.slot) chamber.download(from, slot);",
    replace: "if (slot < chamber.republic.slot) chamber.download(from, slot);",
    about: "Who is offered a snapshot does not take it.",
    invariant: "L2",
  },
  {
    name: "snapshot-not-offered",
    file: "src/node/slot-sender.ts",
    find: "if (slot === undefined || slot < slotFirst) return;",
    replace: "if (slot === undefined || slot > 0) return;",
    about: "Who asks for slots that are gone is not answered.",
    invariant: "L2",
  },
  {
    name: "truncates-what-a-start-reads",
    file: "src/storage/retention.ts",
    find: "if (segment.generation >= start.generation || segment.closed === null) break;",
    replace: "if (segment.closed === null) break;",
    about: "Segments go that no snapshot stands for.",
    invariant: "S3",
  },
  {
    name: "start-past-the-snapshot",
    file: "src/storage/journal-past.ts",
    find: "const next = following?.generation ?? active?.generation;",
    replace: "const next = active?.generation;",
    about: "The log is read from a later segment on than the snapshot ends in.",
    invariant: "D9",
  },
  {
    name: "files-before-the-list",
    file: "src/storage/journal-past.ts",
    find: `await manifest.save();
    await this.#removeUnlisted();
    return gone.length;`,
    replace: `await this.#removeUnlisted();
    await manifest.save();
    return gone.length;`,
    about: "Segments are removed before the list stops naming them.",
    invariant: "D9",
  },
  {
    name: "settled-once-the-list-is-written",
    file: "src/storage/journal-past.ts",
    find: `    if (slot > index.base) {
      index.settle(slot);
      this.#options.entries.settle(slot);
    }
    await manifest.save();`,
    replace: `    await manifest.save();
    if (slot > index.base) {
      index.settle(slot);
      this.#options.entries.settle(slot);
    }`,
    about: "After a list that found no space, older slots are settled a second time.",
    invariant: "D8",
  },
  {
    name: "archive-counts-entries-short",
    file: "src/storage/journal-past.ts",
    find: "taken = batch.index + batch.count - 1 - indexBase;",
    replace: "taken = batch.index - indexBase;",
    about: "Only the first entry of a batch counts where its index is written down.",
    invariant: "W4",
  },
  {
    name: "snapshot-forgets-results",
    file: "src/codec/republic-codec.ts",
    find: "writer.whole(publisher.sequenceNext);",
    replace: "writer.whole(publisher.sequenceNext + 1);",
    about: "The state in a snapshot has another number of its publishers.",
    invariant: "S2",
  },
  {
    name: "readers-not-told-of-the-snapshot",
    file: "src/node/engine.ts",
    find: "if (installed !== null) this.reader.restart(installed);",
    replace: "",
    about: "Reading goes on as if what a snapshot skips had been applied.",
    invariant: "S4",
    draws: "retention",
  },
];
