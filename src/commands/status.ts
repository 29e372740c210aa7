/** `kibitz status`: the cluster and its members as the node asked sees them. */
import { connect } from "./connect.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { waitLimit, type ClusterOptions } from "./options.ts";
import { statusText } from "./status-text.ts";

export async function status(options: ClusterOptions, output: Output): Promise<number> {
  using interruption = watchInterruption();
  try {
    await using client = await connect(options, interruption.signal, output);
    const found = await client.status({ signal: waitLimit(options, interruption.signal) });
    if (options.json === true) output.json(found);
    else output.line(statusText(found));
    return exitCodes.ok;
  } catch (error) {
    if (interruption.signal.aborted) return exitCodes.interrupted;
    throw error;
  }
}
