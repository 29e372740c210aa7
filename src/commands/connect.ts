/** How a command reaches the cluster: the first of its endpoints that answers, within its time. */
import { KibitzerClient } from "../client.ts";
import type { ClusterOptions } from "./settings.ts";

export async function connect(
  options: ClusterOptions,
  signal: AbortSignal,
): Promise<KibitzerClient> {
  return await KibitzerClient.connect(options.endpoints, {
    timeoutMs: options.timeout,
    signal,
  });
}
