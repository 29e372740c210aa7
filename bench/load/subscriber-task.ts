/** Has client processes follow the log, many subscribers in each, and adds up what they got. */
import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { endsWithThis } from "../way-out.ts";
import { Spread, type Counts } from "./spread.ts";

export interface SubscriberTask {
  readonly endpoints: readonly string[];
  readonly subscribers: number;
  /** How many other processes have: each begins with the endpoint that is its turn. */
  readonly subscribersBefore?: number;
}

/** What the subscribers of one process were delivered. */
export interface Delivered {
  readonly entries: number;
  /** When the first one was, and the last one stamped; milliseconds of the computer's clock. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of the process. */
  readonly cpuSeconds: number;
  /** Milliseconds from an entry's stamp. */
  readonly delays: Counts;
}

export interface Deliveries {
  /** Entries a second, those of all subscribers together. */
  readonly rate: number;
  readonly entries: number;
  readonly cpuSeconds: number;
  readonly delays: Spread;
}

const program = resolve(import.meta.dirname, "subscriber-process.ts");
/** One process alone would be busy with reading before the servers are. */
const processesMax = 4;
const patienceMs = 300_000;

/**
 * @param publish What is done once all of them wait: what it publishes between a begin and an end
 *   counts.
 * @throws {Error} when a process fails, or hangs.
 */
export async function whileFollowed(
  { endpoints, subscribers }: SubscriberTask,
  publish: () => Promise<void>,
): Promise<Deliveries> {
  const processes: SubscriberProcess[] = [];
  try {
    const count = Math.min(processesMax, subscribers);
    let subscribersBefore = 0;
    for (let at = 0; at < count; at += 1) {
      const some = Math.floor((subscribers + at) / count);
      processes.push(new SubscriberProcess({ endpoints, subscribers: some, subscribersBefore }));
      subscribersBefore += some;
    }
    await Promise.all(processes.map((each) => each.line()));
    await publish();
    const delivered = await Promise.all(processes.map((each) => each.line()));
    return together(delivered.map((line): Delivered => JSON.parse(line)));
  } finally {
    for (const each of processes) each.end();
  }
}

class SubscriberProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(task: SubscriberTask) {
    const child = spawn(process.execPath, [program, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: patienceMs,
    });
    this.#child = endsWithThis(child);
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The next that it says. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done !== true) return next.value;
    throw new Error("a process of subscribers ended early; its messages are above");
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

function together(all: readonly Delivered[]): Deliveries {
  const sum = (of: (each: Delivered) => number): number =>
    all.reduce((total, each) => total + of(each), 0);
  const delays = new Spread();
  for (const each of all) delays.add(each.delays);
  const entries = sum((each) => each.entries);
  const firstMs = Math.min(...all.map((each) => each.firstMs));
  const lastMs = Math.max(...all.map((each) => each.lastMs));
  const seconds = (lastMs - firstMs) / 1000;
  return { rate: entries / seconds, entries, cpuSeconds: sum((each) => each.cpuSeconds), delays };
}
