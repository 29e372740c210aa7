/**
 * Subscribers that follow the log, in a process of their own. Its one argument is a
 * `SubscriberTask` as JSON. It prints a line once all of them wait for what is published from then
 * on, and when each has met its end a `Delivered`.
 */
import { KibitzerClient } from "../../src/index.ts";
import { cpuSeconds } from "../processes.ts";
import { Spread } from "./spread.ts";
import { isBegin, isEnd, stampOf, wallMs } from "./stamp.ts";
import type { Delivered, SubscriberTask } from "./subscriber-task.ts";

/** What a subscriber does before entries come is over by then. */
const settleMs = 200;
/** Entries that one of them reads first: what runs for days is compiled by then. */
const warmUpEntries = 100_000;

/** What the process had used when the first of them met the begin. */
let cpuBefore: number | null = null;

class Subscriber {
  readonly #client: KibitzerClient;
  entries = 0;
  firstMs = Infinity;
  lastMs = 0;

  constructor(client: KibitzerClient) {
    this.#client = client;
  }

  /** Resolves at the end. */
  async follow(from: number, delays: Spread): Promise<void> {
    let hasBegun = false;
    for await (const { bytes } of this.#client.entries({ from })) {
      if (isEnd(bytes)) break;
      if (hasBegun) this.#count(bytes, delays);
      else if (isBegin(bytes)) {
        hasBegun = true;
        cpuBefore ??= cpuSeconds([process.pid]);
      }
    }
    await this.#client.close();
  }

  #count(bytes: Uint8Array, delays: Spread): void {
    if (this.entries === 0) this.firstMs = wallMs();
    this.entries += 1;
    const stamp = stampOf(bytes);
    if (stamp === null) return;
    this.lastMs = wallMs();
    delays.record(this.lastMs - stamp);
  }
}

const {
  endpoints,
  subscribers,
  subscribersBefore = 0,
}: SubscriberTask = JSON.parse(process.argv[2] ?? "");

/** Beginning with the endpoint that is its turn: clients stay with the first one that answers. */
async function connect(_: unknown, at: number): Promise<KibitzerClient> {
  const first = (subscribersBefore + at) % endpoints.length;
  return await KibitzerClient.connect([...endpoints.slice(first), ...endpoints.slice(0, first)]);
}

/** Reads the end of the log; returns where it goes on. */
async function warmUp(client: KibitzerClient): Promise<number> {
  const { index } = await client.barrier();
  const from = Math.max(1, index - warmUpEntries);
  for await (const { bytes } of client.entries({ from, follow: false })) stampOf(bytes);
  return 1 + (await client.barrier()).index;
}

const clients = await Promise.all(Array.from({ length: subscribers }, connect));
const [one] = clients;
const from = one === undefined ? 1 : await warmUp(one);
const delays = new Spread();
const all = clients.map((client) => new Subscriber(client));
const followed = Promise.all(all.map(async (each) => await each.follow(from, delays)));
await Promise.race([followed, new Promise((resolve) => setTimeout(resolve, settleMs))]);
console.log("following");
await followed;
const delivered: Delivered = {
  entries: all.reduce((sum, { entries }) => sum + entries, 0),
  firstMs: Math.min(...all.map(({ firstMs }) => firstMs)),
  lastMs: Math.max(...all.map(({ lastMs }) => lastMs)),
  cpuSeconds: cpuSeconds([process.pid]) - (cpuBefore ?? 0),
  delays: delays.counts(),
};
console.log(JSON.stringify(delivered));
