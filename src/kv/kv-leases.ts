/**
 * Leases of the key–value map: how long each lasts in log time, and which keys go with it. A lease
 * ends at the first entry that comes at or after its time; no clock has a say.
 */
import { assert } from "../../consensus/index.ts";

export interface Lease {
  /** The index of the entry that granted it. */
  readonly id: number;
  readonly ttlMs: number;
  /** In log time. */
  readonly endsAt: number;
}

export class Leases {
  readonly #leases = new Map<number, Lease>();
  readonly #keys = new Map<number, Set<string>>();
  /** No lease ends before; may be too early, never too late. */
  #endsFirst = Infinity;

  get count(): number {
    return this.#leases.size;
  }

  /** When the next one ends, in log time; Infinity without any. */
  get endsFirst(): number {
    if (this.#leases.size === 0) return Infinity;
    return this.#endsFirst;
  }

  get(id: number): Lease | null {
    return this.#leases.get(id) ?? null;
  }

  keysOf(id: number): ReadonlySet<string> {
    return this.#keys.get(id) ?? new Set();
  }

  set(lease: Lease): void {
    this.#leases.set(lease.id, lease);
    this.#endsFirst = Math.min(this.#endsFirst, lease.endsAt);
  }

  attach(id: number, key: string): void {
    assert(this.#leases.has(id), "a key goes with a lease that is there");
    const keys = this.#keys.get(id);
    if (keys === undefined) this.#keys.set(id, new Set([key]));
    else keys.add(key);
  }

  detach(id: number, key: string): void {
    const keys = this.#keys.get(id);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(id);
  }

  /** @returns the keys that go with it, in order. */
  end(id: number): readonly string[] {
    this.#leases.delete(id);
    const keys = [...(this.#keys.get(id) ?? [])];
    this.#keys.delete(id);
    return keys.toSorted(byUnits);
  }

  /** Those whose time has come, the earliest first. */
  due(time: number): readonly Lease[] {
    if (time < this.#endsFirst) return [];
    const due = [...this.#leases.values()].filter(({ endsAt }) => endsAt <= time);
    let first = Infinity;
    for (const { endsAt } of this.#leases.values()) {
      if (endsAt > time) first = Math.min(first, endsAt);
    }
    this.#endsFirst = first;
    return due.toSorted((left, right) => left.endsAt - right.endsAt || left.id - right.id);
  }

  /** In the order of their ids. */
  all(): readonly Lease[] {
    return [...this.#leases.values()].toSorted((left, right) => left.id - right.id);
  }
}

function byUnits(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
