/** How a command reaches the cluster: the first of its endpoints that answers, within its time. */
import { KibitzerClient } from "../client.ts";
import { silent } from "../logger.ts";
import type { Output } from "./output.ts";
import { credentialsOf } from "./security-options.ts";
import type { ClusterOptions } from "./options.ts";

export async function connect(
  options: ClusterOptions,
  signal: AbortSignal,
  output: Output,
): Promise<KibitzerClient> {
  const { endpoints, timeout } = options;
  return await KibitzerClient.connect(endpoints, {
    timeoutMs: timeout,
    ...credentialsOf(options, process.env),
    signal,
    logger: { ...silent, error: (_, found) => output.note(`kibitz: ${found}`) },
    waiting: (found) => {
      output.note(`kibitz: no answer yet from ${found}; still trying, ${timeout / 1000} s in all`);
    },
  });
}
