/** The loads of a plan on each system, by rounds, so that all of them meet the same machine. */
import { inClientProcess } from "./load/client-task.ts";
import type { Load, Measured } from "./load/load.ts";
import type { Case, Plan } from "./plan.ts";
import type { HalfRateRow, Row } from "./result.ts";
import { whileRunning } from "./scratch.ts";
import { medianOf } from "./statistics.ts";
import type { Running, System } from "./systems/system.ts";

export interface LoadRows {
  readonly rows: readonly Row[];
  readonly bulk: readonly Row[];
  readonly halfRate: readonly HalfRateRow[];
}

export interface Bench {
  readonly plan: Plan;
  readonly systems: readonly System[];
  readonly port: number;
  /** Says what is measured now. */
  step(what: string): void;
}

const halfRateSize = 128;
const halfRateWindow = 1024;

/** What each case gave in each round, by system and case. */
class Rounds {
  readonly #measured = new Map<string, Measured[]>();

  add(system: System, of: Case | "half rate", measured: Measured): void {
    const key = keyOf(system, of);
    this.#measured.set(key, [...(this.#measured.get(key) ?? []), measured]);
  }

  of(system: System, of: Case | "half rate"): readonly Measured[] {
    return this.#measured.get(keyOf(system, of)) ?? [];
  }
}

function keyOf(system: System, of: Case | "half rate"): string {
  return `${system.name} ${JSON.stringify(of)}`;
}

export async function measureLoads(bench: Bench): Promise<LoadRows> {
  const rounds = new Rounds();
  for (let round = 0; round < bench.plan.rounds; round += 1) {
    for (const system of bench.systems) {
      await whileRunning(system, bench.port, async (running) => {
        await measureRound(bench, { system, running, rounds });
      });
    }
  }
  return collect(bench, rounds);
}

interface Round {
  readonly system: System;
  readonly running: Running;
  readonly rounds: Rounds;
}

async function measureRound(bench: Bench, { system, running, rounds }: Round): Promise<void> {
  const { plan } = bench;
  const measure = async (size: number, load: Load): Promise<Measured> =>
    await inClientProcess({
      system: system.name,
      endpoints: running.endpoints,
      pids: running.pids(),
      work: { load, size, seconds: plan.seconds, warmUpSeconds: plan.warmUpSeconds },
    });
  for (const each of plan.cases) {
    if (each.load.kind === "bulk" && system.hasBulk !== true) continue;
    bench.step(`${system.name}: ${nameOf(each)}`);
    const measured = await measure(each.size, each.load);
    rounds.add(system, each, measured);
    const isHalved =
      each.size === halfRateSize &&
      each.load.kind === "closed" &&
      each.load.outstanding === halfRateWindow;
    if (!isHalved) continue;
    bench.step(`${system.name}: ${each.size} B at half of that rate`);
    const open: Load = { kind: "open", rate: Math.floor(measured.rate / 2) };
    rounds.add(system, "half rate", await measure(each.size, open));
  }
}

function nameOf({ size, load }: Case): string {
  if (load.kind === "bulk") return `${size} B in bulk`;
  return load.kind === "closed" ? `${size} B, ${load.outstanding} outstanding` : `${size} B`;
}

function collect({ plan, systems }: Bench, rounds: Rounds): LoadRows {
  const rows: Row[] = [];
  const bulk: Row[] = [];
  const halfRate: HalfRateRow[] = [];
  for (const system of systems) {
    for (const each of plan.cases) {
      const all = rounds.of(system, each);
      if (all.length === 0 || each.load.kind === "open") continue;
      const rates = all.map(({ rate }) => rate);
      const spread = { rateMin: Math.min(...rates), rateMax: Math.max(...rates) };
      const what = { system: system.name, size: each.size, outstanding: each.load.outstanding };
      (each.load.kind === "bulk" ? bulk : rows).push({ ...what, ...medianOf(all), ...spread });
    }
    const halves = rounds.of(system, "half rate");
    if (halves.length > 0)
      halfRate.push({ system: system.name, size: halfRateSize, ...medianOf(halves) });
  }
  return { rows, bulk, halfRate };
}
