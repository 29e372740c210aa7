/**
 * Subscribers that follow the log, in a process of their own. Its one argument is a
 * `SubscriberTask` as JSON. It prints a line once all of them wait for what is published from then
 * on, and when each has met its end a `Delivered`.
 */
import { KibitzerClient } from "../../src/index.ts";
import { cpuSeconds } from "../processes.ts";
import { Spread } from "./spread.ts";
import { isEnd, stampOf, wallMs } from "./stamp.ts";
import type { Delivered, SubscriberTask } from "./subscriber-task.ts";

/** What a subscriber does before entries come is over by then. */
const settleMs = 200;

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
    for await (const { bytes } of this.#client.entries({ from })) {
      if (this.entries === 0) this.firstMs = wallMs();
      this.entries += 1;
      const stamp = stampOf(bytes);
      if (stamp !== null) delays.record(wallMs() - stamp);
      else if (isEnd(bytes)) break;
    }
    this.lastMs = wallMs();
    await this.#client.close();
  }
}

const { endpoints, subscribers }: SubscriberTask = JSON.parse(process.argv[2] ?? "");

/** Beginning with the endpoint that is its turn: clients stay with the first one that answers. */
async function connect(_: unknown, at: number): Promise<KibitzerClient> {
  const first = at % endpoints.length;
  return await KibitzerClient.connect([...endpoints.slice(first), ...endpoints.slice(0, first)]);
}

const clients = await Promise.all(Array.from({ length: subscribers }, connect));
const [one] = clients;
const from = 1 + ((await one?.barrier())?.index ?? 0);
const delays = new Spread();
const all = clients.map((client) => new Subscriber(client));
const followed = Promise.all(all.map(async (each) => await each.follow(from, delays)));
await Promise.race([followed, new Promise((resolve) => setTimeout(resolve, settleMs))]);
const cpuBefore = cpuSeconds([process.pid]);
console.log("following");
await followed;
const delivered: Delivered = {
  entries: all.reduce((sum, { entries }) => sum + entries, 0),
  firstMs: Math.min(...all.map(({ firstMs }) => firstMs)),
  lastMs: Math.max(...all.map(({ lastMs }) => lastMs)),
  cpuSeconds: cpuSeconds([process.pid]) - cpuBefore,
  delays: delays.counts(),
};
console.log(JSON.stringify(delivered));
