/** The latest changes of the map, for those who watch it; older ones are compacted, and said so. */
import { assert } from "../../consensus/index.ts";
import { itemBytesMax, kvLimits } from "./kv-limits.ts";
import type { KvAnswer, KvEvent, KvQuestion } from "./kv-question.ts";

type Watch = Extract<KvQuestion, { readonly kind: "watch" }>;

export class KvEvents {
  #events: KvEvent[] = [];
  /** How many of them are compacted already, and only wait to be let go. */
  #first = 0;
  #bytes = 0;
  #numberLast = 0;
  /** The revision of the last event that is gone; 0: none is. */
  #compacted = 0;

  add(event: Omit<KvEvent, "number">): void {
    this.restore({ ...event, number: this.#numberLast + 1 });
    while (this.#isOver()) this.#compact();
  }

  /** What a snapshot holds of the past. */
  get past(): { readonly numberLast: number; readonly compacted: number } {
    return { numberLast: this.#numberLast, compacted: this.#compacted };
  }

  /** Goes on from a snapshot: the events that it holds are restored one after the other. */
  static after(numberLast: number, compacted: number): KvEvents {
    const events = new KvEvents();
    events.#numberLast = numberLast;
    events.#compacted = compacted;
    return events;
  }

  restore(event: KvEvent): void {
    assert(event.number === this.#numberLast + 1, "events are numbered without a gap");
    this.#numberLast = event.number;
    this.#events.push(event);
    this.#bytes += bytesOf(event);
  }

  all(): readonly KvEvent[] {
    return this.#events.slice(this.#first);
  }

  /** As many events as one answer holds; what is not wanted counts as told. */
  watch({ name, isPrefix, place }: Watch): KvAnswer {
    const numberFirst = this.#numberLast - (this.#events.length - this.#first) + 1;
    const isGone =
      "after" in place
        ? place.after + 1 < numberFirst
        : this.#compacted > 0 && place.from <= this.#compacted;
    // Of the last revision that is gone some events may still be there.
    if (isGone) return { kind: "compacted", revisionFirst: this.#compacted + 1 };
    const events: KvEvent[] = [];
    let bytes = 0;
    let at =
      "after" in place
        ? this.#first + Math.max(0, place.after + 1 - numberFirst)
        : this.#firstOf(place.from);
    for (; at < this.#events.length; at += 1) {
      const event = this.#events[at];
      assert(event !== undefined, "an event that is kept is there");
      if (isPrefix ? !event.key.startsWith(name) : event.key !== name) continue;
      if (events.length >= kvLimits.pageMax || bytes >= kvLimits.pageBytesMax) break;
      events.push(event);
      bytes += bytesOf(event);
    }
    const isMore = at < this.#events.length;
    const told = this.#numberLast - (this.#events.length - at);
    const after = "after" in place ? Math.max(told, place.after) : told;
    return { kind: "events", events, after, isMore };
  }

  /** The place of the first event of `revision` or a later one. */
  #firstOf(revision: number): number {
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#events[middle]?.revision ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isOver(): boolean {
    const { eventsKept, eventsBytesMax } = kvLimits;
    return this.#events.length - this.#first > eventsKept || this.#bytes > eventsBytesMax;
  }

  #compact(): void {
    const oldest = this.#events[this.#first];
    assert(oldest !== undefined, "what is too much is there");
    this.#compacted = oldest.revision;
    this.#bytes -= bytesOf(oldest);
    this.#first += 1;
    if (this.#first < 1024 || this.#first * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }
}

/** UTF-16 units of the key stand for its bytes: the same on every node, which is what counts. */
function bytesOf({ key, value }: KvEvent): number {
  return itemBytesMax + key.length + value.length;
}
