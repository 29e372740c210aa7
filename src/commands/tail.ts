/**
 * `kibitz tail`: entries in order, as raw bytes or JSON, read at the endpoint given. A barrier
 * comes first, so that nothing acknowledged before the call is missing.
 */
import { connect } from "./connect.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { TailReader, type TailOptions } from "./tail-reader.ts";

export async function tail(options: TailOptions, output: Output): Promise<number> {
  using interruption = watchInterruption();
  const reader = new TailReader(options, output);
  try {
    await using client = await connect(options, interruption.signal, output);
    await reader.read(client, interruption.signal);
    return exitCodes.ok;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    await output.flush();
    output.note(`Interrupted; go on with --from ${reader.indexNext}.`);
    return exitCodes.interrupted;
  }
}
