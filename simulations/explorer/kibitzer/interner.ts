/**
 * Gives each distinct text a small number, and keeps what belongs to it: states then are a few
 * numbers, and what was worked out for one of them is worked out once.
 */
export class Interner<Item> {
  readonly #numbers = new Map<string, number>();
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The number of `text`; `make` is called for a new one only. */
  number(text: string, make: () => Item): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const item = make();
    const number = this.#items.length;
    this.#numbers.set(text, number);
    this.#items.push(item);
    return number;
  }

  at(number: number): Item {
    const item = this.#items[number];
    if (item === undefined) throw new RangeError(`nothing has the number ${number}`);
    return item;
  }
}
