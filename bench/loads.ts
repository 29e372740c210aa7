/** The loads of a plan on each system, by rounds, so that all of them meet the same machine. */
import { inClientProcess } from "./load/client-task.ts";
import type { Measured } from "./load/load.ts";
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

/** What each case gave in each round, by system and case. */
class Rounds {
  readonly #measured = new Map<string, Measured[]>();

  add(system: System, of: Case, measured: Measured): void {
    const key = keyOf(system, of);
    this.#measured.set(key, [...(this.#measured.get(key) ?? []), measured]);
  }

  of(system: System, of: Case): readonly Measured[] {
    return this.#measured.get(keyOf(system, of)) ?? [];
  }
}

function keyOf(system: System, of: Case): string {
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

/** All cases one after the other, by one client; the first time of the first one is for warmth. */
async function measureRound(bench: Bench, { system, running, rounds }: Round): Promise<void> {
  const { cases, seconds, warmUpSeconds, heatUpSeconds } = bench.plan;
  const played = cases.filter(({ load }) => load.kind !== "bulk" || system.hasBulk === true);
  const works = played.map((each, at) => {
    return { ...each, seconds, warmUpSeconds: at === 0 ? heatUpSeconds : warmUpSeconds };
  });
  const announce = (at: number): void => {
    const next = played[at];
    if (next !== undefined) bench.step(`${system.name}: ${nameOf(next)}`);
  };
  announce(0);
  const { endpoints } = running;
  const task = { system: system.name, endpoints, pids: running.pids(), works };
  await inClientProcess(task, (measured, at) => {
    const each = played[at];
    if (each !== undefined) rounds.add(system, each, measured);
    announce(at + 1);
  });
}

function nameOf({ size, load }: Case): string {
  if (load.kind === "bulk") return `${size} B in bulk`;
  if (load.kind === "half rate") return `${size} B at half of that rate`;
  return `${size} B, ${load.outstanding} outstanding`;
}

function collect({ plan, systems }: Bench, rounds: Rounds): LoadRows {
  const rows: Row[] = [];
  const bulk: Row[] = [];
  const halfRate: HalfRateRow[] = [];
  for (const system of systems) {
    for (const each of plan.cases) {
      const all = rounds.of(system, each);
      if (all.length === 0) continue;
      const { size, load } = each;
      const what = { system: system.name, size, ...medianOf(all) };
      if (load.kind === "half rate") {
        halfRate.push(what);
        continue;
      }
      const rates = all.map(({ rate }) => rate);
      const spread = { rateMin: Math.min(...rates), rateMax: Math.max(...rates) };
      const row = { ...what, outstanding: load.outstanding, ...spread };
      (load.kind === "bulk" ? bulk : rows).push(row);
    }
  }
  return { rows, bulk, halfRate };
}
