/**
 * Governments as the nodes show them: one for each number, on all of them (M1), numbered without a
 * gap and within their bounds (M2); and who was exiled stays away (M4).
 */
import type { Government } from "../../consensus/index.ts";
import type { Status } from "../../src/api.ts";
import { demand } from "../core/violation.ts";

type Shown = Pick<Government, "number" | "parliament" | "slot">;

export class Governments {
  readonly #parliamentSize: number;
  readonly #byNumber = new Map<number, { readonly text: string; readonly node: string }>();
  readonly #departed = new Set<string>();
  /** The latest that each node has shown. */
  readonly #byNode = new Map<string, Shown>();
  #latest: Shown | null = null;

  constructor(parliamentSize: number) {
    this.#parliamentSize = parliamentSize;
  }

  /** The latest that any node has shown. */
  get latest(): Shown | null {
    return this.#latest;
  }

  /** The latest that any of these has shown; null for none. */
  latestOf(nodes: readonly string[]): Shown | null {
    const shown = nodes.map((node) => this.#byNode.get(node)).filter((each) => each !== undefined);
    return shown.toSorted((left, right) => right.number - left.number)[0] ?? null;
  }

  /** Node `node` shows that `government` is in force, the next after `before` in this life. */
  show(node: string, government: Shown, before: number | null): void {
    const { number, parliament, slot } = government;
    demand(before === null || number > before, "M1", () => {
      return `${node} shows government ${number} after ${before}`;
    });
    const seats = new Set(parliament);
    demand(seats.size === parliament.length && seats.size > 0, "M2", () => {
      return `government ${number} has the seats ${parliament.join(" ")}`;
    });
    demand(parliament.length <= this.#parliamentSize, "M2", () => {
      return `government ${number} has ${parliament.length} seats of ${this.#parliamentSize}`;
    });
    const text = `${parliament.join(" ")}, decided in slot ${slot}`;
    const known = this.#byNumber.get(number);
    demand(known === undefined || known.text === text, "M1", () => {
      return `${node} has government ${number} of ${text}, ${known?.node} of ${known?.text}`;
    });
    if (known === undefined) this.#byNumber.set(number, { text, node });
    if (number > (this.#latest?.number ?? 0)) this.#latest = government;
    if (number > (this.#byNode.get(node)?.number ?? 0)) this.#byNode.set(node, government);
  }

  /** An operator was told that this incarnation is exiled. */
  depart(id: string, cookie: string): void {
    this.#departed.add(`${id} ${cookie}`);
  }

  /** M4: a node that has everything decided shows none of those that were exiled before. */
  checkMembers(node: string, { members }: Pick<Status, "members">): void {
    for (const { id, cookie } of members) {
      demand(!this.#departed.has(`${id} ${cookie}`), "M4", () => {
        return `${node} shows ${id} with cookie ${cookie} as a member, which was exiled`;
      });
    }
  }
}
