/** `kibitz kv get|put|cas|delete|list|watch`: one call of the map each, through any endpoint. */
import { isUtf8 } from "node:buffer";
import { checkedKey, checkedValue } from "../kv/kv-checks.ts";
import { Kv } from "../kv/kv.ts";
import type { KvEvent, KvRecord } from "../kv/kv-question.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { connect } from "./connect.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { waitLimit, type ClusterOptions } from "./options.ts";

export interface KvOptions extends ClusterOptions {
  readonly stale?: boolean;
  readonly limit?: number;
  /** Milliseconds. */
  readonly ttl?: number;
  readonly revision?: number;
}

export interface KvWatchOptions extends ClusterOptions {
  readonly prefix?: boolean;
  readonly from?: number;
  readonly after?: number;
  readonly limit?: number;
}

const newline = Uint8Array.of(10);

export async function kvGet(key: string, options: KvOptions, output: Output): Promise<number> {
  return await withMap(options, output, async (kv, { signal }) => {
    const record = await kv.get(key, { stale: options.stale === true, signal });
    if (record === null) return notThere(key, output);
    if (options.json === true) output.json(forMachines(record));
    else {
      output.data(record.value);
      output.data(newline);
    }
    return exitCodes.ok;
  });
}

export async function kvPut(
  key: string,
  value: string,
  options: KvOptions,
  output: Output,
): Promise<number> {
  // Before a lease is granted for nothing.
  checkedKey(key);
  checkedValue(value);
  return await withMap(options, output, async (kv, { signal }) => {
    const granted = options.ttl === undefined ? {} : await kv.grant(options.ttl, { signal });
    const { revision } = await kv.put(key, value, { ...granted, signal });
    if (options.json === true) output.json({ revision, ...granted });
    else output.line(`${revision}`);
    return exitCodes.ok;
  });
}

export async function kvCas(
  key: string,
  { expected, value }: { readonly expected: number; readonly value: string },
  options: KvOptions,
  output: Output,
): Promise<number> {
  return await withMap(options, output, async (kv, { signal }) => {
    const { isSet, revision } = await kv.cas(key, expected, value, { signal });
    if (options.json === true) output.json({ isSet, revision });
    else if (isSet) output.line(`${revision}`);
    else output.note(`${key} has revision ${revision} (0: it is not there), not ${expected}.`);
    return isSet ? exitCodes.ok : exitCodes.conflict;
  });
}

export async function kvDelete(key: string, options: KvOptions, output: Output): Promise<number> {
  return await withMap(options, output, async (kv, { signal }) => {
    const expected = options.revision === undefined ? {} : { expected: options.revision };
    const { revision } = await kv.delete(key, { ...expected, signal });
    if (options.json === true) output.json({ deleted: revision > 0, revision });
    else if (revision > 0) output.line(`${revision}`);
    return revision > 0 ? exitCodes.ok : notThere(key, output);
  });
}

export async function kvList(prefix: string, options: KvOptions, output: Output): Promise<number> {
  return await withMap(options, output, async (kv, { signal }) => {
    let left = options.limit ?? Infinity;
    let after = "";
    for (let isMore = true; isMore && left > 0;) {
      const limit = Math.min(left, 1000);
      const page = await kv.list(prefix, { after, limit, stale: options.stale === true, signal });
      for (const record of page.records) {
        if (options.json === true) output.json(forMachines(record));
        else output.line(record.key);
        after = record.key;
      }
      left -= page.records.length;
      ({ isMore } = page);
      await output.room();
    }
    return exitCodes.ok;
  });
}

export async function kvWatch(
  key: string,
  options: KvWatchOptions,
  output: Output,
): Promise<number> {
  return await withMap(options, output, async (kv, { interrupted }) => {
    const { prefix = false, from, after, limit = Infinity } = options;
    const gone = new AbortController();
    output.closed = (): void => gone.abort();
    const signal = AbortSignal.any([interrupted, gone.signal]);
    const begin = {
      ...(from === undefined ? {} : { from }),
      ...(after === undefined ? {} : { after }),
    };
    let told = 0;
    try {
      for await (const event of kv.watch(key, { prefix, ...begin, signal })) {
        if (options.json === true) output.json(forMachines(event));
        else output.line(lineOf(event));
        told += 1;
        if (told >= limit) break;
        await output.room();
      }
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    }
    return exitCodes.ok;
  });
}

interface Signals {
  /** Ends at the time limit, too. */
  readonly signal: AbortSignal;
  readonly interrupted: AbortSignal;
}

async function withMap(
  options: ClusterOptions,
  output: Output,
  work: (kv: Kv, signals: Signals) => Promise<number>,
): Promise<number> {
  using interruption = watchInterruption();
  const interrupted = interruption.signal;
  try {
    await using client = await connect(options, interrupted, output);
    return await work(new Kv(client), { signal: waitLimit(options, interrupted), interrupted });
  } catch (error) {
    if (!interrupted.aborted) throw error;
    if (error instanceof KibitzerError) output.note(error.message);
    return exitCodes.interrupted;
  }
}

function notThere(key: string, output: Output): number {
  output.note(`${key} is not there.`);
  return exitCodes.notFound;
}

function forMachines({ value, ...rest }: KvRecord | KvEvent): object {
  const bytes = Buffer.from(value);
  const shown = isUtf8(bytes) ? { value: bytes.toString() } : { base64: bytes.toString("base64") };
  return { ...rest, ...shown };
}

function lineOf({ revision, kind, key, value }: KvEvent): string {
  const rest = kind === "put" ? ` ${Buffer.from(value).toString()}` : "";
  return `${revision} ${kind} ${key}${rest}`;
}
