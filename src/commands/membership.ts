/** `kibitz member exile` and `kibitz transfer`: what an operator changes in a running republic. */
import { isNodeId } from "../../consensus/index.ts";
import type { KibitzerClient } from "../client.ts";
import { badId } from "../membership/errors.ts";
import { connect } from "./connect.ts";
import { exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { waitLimit, type ClusterOptions } from "./settings.ts";

export async function exile(id: string, options: ClusterOptions, output: Output): Promise<number> {
  checkId(id);
  return await change(options, output, async (client, signal) => {
    await client.exile(id, { signal });
    if (options.json === true) output.json({ exiled: id });
    else {
      output.line(
        `${id} is exiled. A node with an empty directory may join under its id: ` +
          `kibitz start --id ${id} --data DIR --listen URL --join ${client.endpoint}`,
      );
    }
  });
}

export async function transfer(
  to: string | null,
  options: ClusterOptions,
  output: Output,
): Promise<number> {
  if (to !== null) checkId(to);
  return await change(options, output, async (client, signal) => {
    const { leader } = await client.transfer(to, { signal });
    if (options.json === true) output.json({ leader });
    else output.line(`${leader} leads.`);
  });
}

/** Before anybody is asked. */
function checkId(id: string): void {
  if (!isNodeId(id)) throw badId(id);
}

async function change(
  options: ClusterOptions,
  output: Output,
  work: (client: KibitzerClient, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  using interruption = watchInterruption();
  try {
    await using client = await connect(options, interruption.signal, output);
    await work(client, waitLimit(options, interruption.signal));
    return exitCodes.ok;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    if (error instanceof Error) output.note(error.message);
    return exitCodes.interrupted;
  }
}
