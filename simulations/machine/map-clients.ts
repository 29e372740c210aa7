/**
 * What clients do with the map of the nodes' state machines: operations ride on entries, their
 * results are held against the log at once (C1), and a history of them is kept for the end (C4).
 */
import type { Published } from "../../src/api.ts";
import type { Kibitzer } from "../../src/kibitzer.ts";
import { decodeAnswer, encodeQuestion } from "../../src/kv/kv-question.ts";
import { demand } from "../core/violation.ts";
import { checkHistory } from "../history/check.ts";
import { Pairing, type HistoryEvent, type Operation } from "../history/operation.ts";
import { HistoryRecorder, keepInMemory, type OpenOperation } from "../history/recorder.ts";
import { keyValue } from "../history/register.ts";
import type { Prng } from "../prng.ts";
import { answerIn, wordsOf, type MapOperation } from "./simulated-machine.ts";
import type { MachinePlan } from "../swarm/swarm.ts";

/** What was seen under a key. */
interface Seen {
  readonly revision: number;
  readonly value: string | null;
}

const keys = ["k1", "k2", "k3"] as const;
const lentKeys = ["l1", "l2"] as const;
const nothing: Seen = { revision: 0, value: null };

export class MapClients {
  readonly #prng: Prng;
  readonly #plan: MachinePlan | null;
  readonly #history: HistoryRecorder;
  readonly #events: readonly HistoryEvent[];
  readonly #seen = new Map<string, Seen>();
  /** The entries that changes go with, by the event that began each. */
  readonly #names = new Map<number, string>();
  /** What machines had applied when they answered, by the event that began each reading. */
  readonly #readAt = new Map<number, number>();

  constructor(prng: Prng, plan: MachinePlan | null) {
    this.#prng = prng;
    this.#plan = plan;
    const { sink, events } = keepInMemory();
    this.#events = events;
    this.#history = new HistoryRecorder({ sink });
  }

  get readsPerSecond(): number {
    return this.#plan?.readsPerSecond ?? 0;
  }

  /** What the next entry does with the map, if anything. */
  draw(): MapOperation | null {
    if (this.#plan === null || !this.#prng.chance(this.#plan.operationChance)) return null;
    const kind = this.#prng.pick(["put", "put", "cas", "cas", "delete", "lend"] as const);
    if (kind === "lend") return { kind, key: this.#prng.pick(lentKeys) };
    const key = this.#prng.pick(keys);
    if (kind !== "cas") return { kind, key };
    return { kind, key, expected: this.#seenAt(key).revision };
  }

  /** What stands behind the name of an entry. */
  wordsOf(operation: MapOperation | null): string {
    return operation === null ? "" : wordsOf(operation);
  }

  /** An operation goes with the entry `name`. Keys that end by themselves are no registers. */
  begin(operation: MapOperation | null, name: string): OpenOperation | null {
    if (operation === null || operation.kind === "lend") return null;
    const { key } = operation;
    this.#names.set(this.#events.length, name);
    if (operation.kind !== "cas") {
      return this.#history.invoke(null, "write", operation.kind === "put" ? name : null, key);
    }
    const { revision, value } = this.#seenAt(key);
    demand(revision === operation.expected, "harness", () => "a cas expects what was seen last");
    return this.#history.invoke(null, "cas", [value, name], key);
  }

  /** C1: the result is that of this entry, which was the `index`-th that the machine applied. */
  acknowledged(
    change: OpenOperation | null,
    name: string,
    { index, result, isResultDropped }: Published,
  ): void {
    if (this.#plan === null) return;
    demand(result !== undefined, "C1", () => {
      return `${name} has no result at ${index}${isResultDropped === true ? ": dropped" : ""}`;
    });
    const answer = answerIn(result);
    demand(answer.name === name && answer.count === index, "C1", () => {
      return `${name} at index ${index} was told the result ${JSON.stringify(answer)}`;
    });
    if (change === null) return;
    if (answer.status === "ok") change.ok(null);
    else change.fail(answer.status);
  }

  /** Reads one key at a node, whose answer is linearizable. */
  async read(kibitzer: Kibitzer, isAlive: () => boolean, signal: AbortSignal): Promise<void> {
    const key = this.#prng.pick(keys);
    const begun = this.#events.length;
    const operation = this.#history.invoke(null, "read", null, key);
    const { bytes, index } = await kibitzer.query(encodeQuestion({ kind: "get", key }), { signal });
    if (!isAlive()) return;
    const answer = decodeAnswer(bytes);
    demand(answer.kind === "record", "harness", () => `a record was asked for`);
    const { record } = answer;
    const value = record === null ? null : Buffer.from(record.value).toString();
    this.#readAt.set(begun, index);
    this.#seen.set(key, { revision: record?.revision ?? 0, value });
    operation.ok(value);
  }

  /**
   * C4: all that was read and written has an order that respects real time, key by key.
   * @param indexOf Where the entry of this name stands in the log, or undefined: an order that is
   *   tried first, since what nobody was told of may have been done at any time, or never.
   */
  check(indexOf: (name: string) => number | undefined): void {
    const pairing = new Pairing();
    for (const [place, event] of this.#events.entries()) pairing.add(event, place + 2);
    const place = ({ invoked, outcome }: Operation): number | null => {
      const name = this.#names.get(invoked);
      if (name !== undefined) return indexOf(name) ?? null;
      // Behind the last entry that the machine had applied.
      return outcome === "ok" ? (this.#readAt.get(invoked) ?? 0) + 0.5 : null;
    };
    const { verdict, problem } = checkHistory(pairing.operations, { model: keyValue, place });
    demand(verdict === "linearizable", "C4", () => {
      return `the history of the map is ${verdict}: key ${problem?.key}: ${problem?.reason}`;
    });
  }

  #seenAt(key: string): Seen {
    return this.#seen.get(key) ?? nothing;
  }
}
