/** How a command reaches the cluster: the first of its endpoints that answers, within its time. */
import { KibitzerClient } from "../client.ts";
import type { Output } from "./output.ts";
import type { ClusterOptions } from "./settings.ts";

export async function connect(
  { endpoints, timeout }: ClusterOptions,
  signal: AbortSignal,
  output: Output,
): Promise<KibitzerClient> {
  return await KibitzerClient.connect(endpoints, {
    timeoutMs: timeout,
    signal,
    waiting: (found) => {
      output.note(`kibitz: no answer yet from ${found}; still trying, ${timeout / 1000} s in all`);
    },
  });
}
