/**
 * Subscribers that follow the log while one client publishes: how many entries, how late, and what
 * that costs beyond the same without them.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Measured, Work } from "./load/load.ts";
import { measure } from "./load/measure.ts";
import { beginEntry, endEntry } from "./load/stamp.ts";
import { whileFollowed } from "./load/subscriber-task.ts";
import type { Bench } from "./loads.ts";
import type { FanOutPlan } from "./plan.ts";
import { cpuSeconds, residentMiBEach } from "./processes.ts";
import type { FanOutRow } from "./result.ts";
import { whileRunning } from "./scratch.ts";
import { kibitzer } from "./systems/kibitzer.ts";
import type { Publisher, Running } from "./systems/system.ts";

const size = 128;
const bulk = { kind: "bulk", outstanding: 8, entriesEach: 1000 } as const;
/** For a load that ends after so many entries. */
const patienceSeconds = 60;

export async function measureFanOut(bench: Bench): Promise<readonly FanOutRow[]> {
  const { fanOut, heatUpSeconds } = bench.plan;
  return await whileRunning(kibitzer, bench.port, async (running) => {
    bench.step("kibitzer: subscribers, heating up");
    const scene = new Scene(running, await kibitzer.connect(running.endpoints));
    await scene.heatUp(heatUpSeconds);
    const rows: FanOutRow[] = [];
    for (const work of worksOf(fanOut)) {
      for (const subscribers of fanOut.subscribers) {
        bench.step(`kibitzer: ${subscribers} subscribers, ${work.load.kind}`);
        rows.push(await scene.follow(work, subscribers));
      }
    }
    await scene.close();
    return rows;
  });
}

function worksOf({ entriesPerSecond, seconds, bulkEntries }: FanOutPlan): readonly Work[] {
  const stamped = { size, isStamped: true };
  const steady = { kind: "rate", entriesPerSecond } as const;
  return [
    { ...stamped, load: steady, seconds, warmUpSeconds: 1 },
    // Not warmed up: all that is published is delivered to everybody.
    { ...stamped, load: bulk, seconds: patienceSeconds, warmUpSeconds: 0, entries: bulkEntries },
  ];
}

/** What the servers did meanwhile. */
interface Effort {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** A cluster, and the one who publishes: this process, whose code is compiled after the first. */
class Scene {
  readonly #running: Running;
  readonly #publisher: Publisher;
  /** How many processors the servers keep busy without any load. */
  #coresIdle = 0;

  constructor(running: Running, publisher: Publisher) {
    this.#running = running;
    this.#publisher = publisher;
  }

  async heatUp(seconds: number): Promise<void> {
    const warmUpSeconds = 0;
    await this.#play({ load: bulk, size, isStamped: true, seconds: 1, warmUpSeconds });
    await this.#play({ load: { kind: "closed", outstanding: 1024 }, size, seconds, warmUpSeconds });
    const { cpuSeconds: cpu } = await this.#effortOf(async () => await pause(seconds * 1000));
    this.#coresIdle = cpu / seconds;
  }

  async close(): Promise<void> {
    await this.#publisher.close();
  }

  async follow(work: Work, subscribers: number): Promise<FanOutRow> {
    const { endpoints } = this.#running;
    await this.#warmUp(work);
    const alone = await this.#effortOf(async () => void (await this.#play(work)));
    let published: Measured | undefined;
    let begin = this.#mark();
    const { rate, entries, delays, ...clients } = await whileFollowed(
      { endpoints, subscribers },
      async () => {
        await this.#warmUp(work);
        await this.#publisher.publish(beginEntry());
        begin = this.#mark();
        published = await this.#play(work);
        await this.#publisher.publish(endEntry());
      },
    );
    const all = this.#since(begin);
    const per10k = 10_000 / entries;
    const cpuSecondsAlone = alone.cpuSeconds + this.#coresIdle * (all.seconds - alone.seconds);
    return {
      load: work.load.kind === "bulk" ? "bulk" : "steady",
      subscribers,
      published: published?.rate ?? 0,
      acknowledgedP50: published?.p50 ?? 0,
      delivered: rate,
      p50: delays.percentile(50),
      p99: delays.percentile(99),
      cpuSeconds: all.cpuSeconds,
      cpuSecondsAlone,
      cpuPer10k: (all.cpuSeconds - cpuSecondsAlone) * per10k,
      clientsCpuPer10k: clients.cpuSeconds * per10k,
      rssMiB: Math.max(...residentMiBEach(this.#running.pids())),
    };
  }

  async #warmUp(work: Work): Promise<void> {
    const { warmUpSeconds: seconds } = work;
    if (seconds > 0) await this.#play({ ...work, seconds });
  }

  async #play(work: Work): Promise<Measured> {
    const servers = { pids: this.#running.pids(), rateBefore: 0 };
    return await measure(this.#publisher, { ...work, warmUpSeconds: 0 }, servers);
  }

  async #effortOf(use: () => Promise<void>): Promise<Effort> {
    const begin = this.#mark();
    await use();
    return this.#since(begin);
  }

  /** The time, and what the servers have used so far. */
  #mark(): Effort {
    return { seconds: performance.now() / 1000, cpuSeconds: cpuSeconds(this.#running.pids()) };
  }

  #since(begin: Effort): Effort {
    const now = this.#mark();
    return {
      seconds: now.seconds - begin.seconds,
      cpuSeconds: now.cpuSeconds - begin.cpuSeconds,
    };
  }
}
