/** How quick a directory's disk is to make small writes durable, and how much room it has. */
import { randomUUID } from "node:crypto";
import { createHistogram, performance } from "node:perf_hooks";
import { nodeFiles, volumeOf } from "../storage/node-files.ts";
import type { FileSystem } from "../world.ts";
import type { Finding, Verdict } from "./doctor.ts";
import { nearestThere } from "./start-directory.ts";

/** Filled first, as a node fills its segments: a sync then changes no size. */
const fileBytes = 1024 * 1024;
const writeBytes = 4096;
const syncsMax = 256;
const measureMs = 2000;
/** What a majority of good disks does; and a quarter of the time after which a leader gives way. */
const quickMs = 10;
const slowMs = 500;
/** The next segment, and what a snapshot may need beside it. */
const freeBytesLeast = 256 * 1024 * 1024;

export async function checkDisk(
  directory: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const files = nodeFiles();
  try {
    const there = nearestThere(directory);
    const measured = [speed(await syncTimes(files, there, signal)), await room(there)];
    return there === directory ? measured : [notYet(directory, there), ...measured];
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [failed(text, "Check that the directory can be written, and its disk.")];
  }
}

/** Before a first start: its disk is that of the directory which it will be made in. */
function notYet(directory: string, there: string): Finding {
  return {
    check: "data",
    verdict: "warning",
    found: `${directory} is not there yet: ${there} is measured in its place`,
    advice: "The first start makes it. Where a node lives already, name its directory.",
  };
}

interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

async function syncTimes(
  files: FileSystem,
  directory: string,
  signal: AbortSignal,
): Promise<Times> {
  const path = `${directory}/doctor-${randomUUID()}`;
  const file = await files.open(path, "create");
  const times = createHistogram();
  try {
    await file.write([new Uint8Array(fileBytes)], 0);
    await file.datasync();
    const chunk = new Uint8Array(writeBytes).fill(1);
    const deadline = performance.now() + measureMs;
    for (let at = 0; at < syncsMax && performance.now() < deadline && !signal.aborted; at += 1) {
      const began = performance.now();
      await file.write([chunk], at * writeBytes);
      await file.datasync();
      times.record(Math.max(1, Math.round((performance.now() - began) * 1000)));
    }
  } finally {
    await file.close();
    await files.remove(path);
  }
  const quantile = (percent: number): number => times.percentile(percent) / 1000;
  return { count: times.count, p50: quantile(50), p99: quantile(99), max: quantile(100) };
}

function speed({ count, p50, p99, max }: Times): Finding {
  const verdict: Verdict = p99 <= quickMs ? "ok" : p99 <= slowMs ? "warning" : "failure";
  const advice = {
    ok: null,
    warning: "Writers wait for it. Use a disk of its own, or one that is quicker.",
    failure: "A leader on it gives way again and again. Use another disk.",
  } as const;
  const [half, most, all] = [p50, p99, max].map((value) => `${value.toFixed(1)} ms`);
  return {
    check: "disk speed",
    verdict,
    found: `a sync takes ${half} (p50), ${most} (p99), ${all} (max of ${count})`,
    advice: advice[verdict],
    values: { count, p50Ms: p50, p99Ms: p99, maxMs: max },
  };
}

async function room(directory: string): Promise<Finding> {
  const volume = await volumeOf(directory);
  if (volume === null) return failed("its size cannot be told", "Check the volume.");
  const { bytes, freeBytes } = volume;
  const isEnough = freeBytes >= freeBytesLeast;
  return {
    check: "disk room",
    verdict: isEnough ? "ok" : "warning",
    found: `${Math.round(freeBytes / 1_048_576)} MiB free of ${Math.round(bytes / 1_048_576)} MiB`,
    advice: isEnough
      ? null
      : "A node needs 64 MiB for its next segment, and as much for snapshots.",
    values: { bytes, freeBytes },
  };
}

function failed(found: string, advice: string): Finding {
  return { check: "disk", verdict: "failure", found, advice };
}
