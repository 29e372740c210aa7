/**
 * What a journal's groups make of the republic, folded as they are read back at start: each decree
 * is looked at once. Holds the bytes of undecided batches only.
 */
import {
  assert,
  emptyRepublic,
  Republic,
  type RepublicState,
  type Slot,
  type Write,
} from "../../consensus/index.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import type { EntryIndex } from "./entry-index.ts";
import type { RecoveredGroup } from "./recovered.ts";

export class RecoveredLog {
  readonly #entries: EntryIndex;
  #republic: Republic;
  /** After the republic's slot, in order without a hole. */
  #pending: FramedDecree[] = [];
  /** How many of them were applied since. */
  #applied = 0;
  #missing: Slot | null = null;
  /** Whether damage has hidden what follows: then nothing more is folded. */
  #isStopped = false;
  #base: Slot;
  /** Bytes of batches that were folded. */
  #bytes = 0;

  /**
   * @param entries Takes note of what is applied after `state`.
   * @param missing The slot whose state the log goes on from, when that is not at hand.
   */
  constructor(state: RepublicState | null, entries: EntryIndex, missing: Slot | null = null) {
    this.#republic = new Republic(state ?? emptyRepublic());
    this.#entries = entries;
    this.#base = this.#republic.slot;
    if (state !== null) entries.restart(state);
    this.#missing = missing;
  }

  /** The slot of the snapshot that this goes on from; 0 for none. */
  get base(): Slot {
    return this.#base;
  }

  get slot(): Slot {
    return this.#republic.slot;
  }

  /** How much was read back since the snapshot. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The slot whose snapshot the log goes on from, and which this does not have; or null. */
  get missing(): Slot | null {
    return this.#missing;
  }

  /** Whether all that was read is here. */
  get isWhole(): boolean {
    return !this.#isStopped && this.#missing === null;
  }

  /** What was read so far cannot be gone on with: something between is damaged. */
  stop(): void {
    this.#isStopped = true;
    this.#pending = [];
    this.#applied = 0;
  }

  /** Goes on from a snapshot that was installed. */
  install(state: RepublicState): void {
    assert(state.slot === this.#missing, "only what is missing is installed");
    this.#missing = null;
    this.#republic = new Republic(state);
    this.#base = state.slot;
    this.#entries.restart(state);
  }

  takeGroup({ kind, writes }: Pick<RecoveredGroup, "kind" | "writes">): void {
    for (const { write, records } of writes) {
      if (kind === "group") {
        this.take(
          write,
          records.map(({ framed }) => framed),
        );
      }
    }
  }

  /** Takes a write that was read back, and what its decrees carry. */
  take(write: Write, framed: readonly FramedDecree[]): void {
    const { base } = write;
    if (base !== null && base.slot > this.#republic.slot) {
      // Whatever was damaged before is not needed any more.
      this.#isStopped = false;
      this.#missing = base.slot;
      this.#drop(0);
    }
    if (this.#isStopped) return;
    if (write.lostUpTo > 0) return this.stop();
    const before = this.#missing ?? this.#republic.slot;
    this.#drop(Math.max(0, write.slotFirst - 1 - before));
    for (const one of framed) if (one.decree.slot > before) this.#pending.push(one);
    if (this.#missing === null) this.decide(write.decided);
  }

  /** Applies what is decided; `slot` is no further than the log. */
  decide(slot: Slot): void {
    assert(this.#missing === null, "what is decided follows a state");
    if (this.#isStopped) return;
    while (this.#republic.slot < slot) {
      const next = this.#pending[this.#applied];
      assert(next !== undefined, "what is decided is in the log");
      this.#applied += 1;
      this.#bytes += next.body?.length ?? 0;
      this.#entries.note(this.#republic.apply(next.decree));
    }
    if (this.#applied < 1024 && this.#applied < this.#pending.length) return;
    this.#pending = this.#pending.slice(this.#applied);
    this.#applied = 0;
  }

  state(): RepublicState {
    return this.#republic.state();
  }

  /** What follows the decided slots; its bytes are not those of the file's buffers. */
  undecided(): readonly FramedDecree[] {
    return this.#pending.slice(this.#applied).map(({ decree, body }) => {
      return { decree, body: body === null ? null : body.slice() };
    });
  }

  /** Forgets all but the first `count` of what is pending. */
  #drop(count: number): void {
    this.#pending.length = Math.min(this.#pending.length, this.#applied + count);
  }
}
