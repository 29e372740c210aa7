/** The governments of the republic, as they come into force at this node. */
import type { Government } from "../../consensus/index.ts";
import type { WaitOptions } from "../api.ts";
import { checkOptions, optionNames } from "../arguments.ts";
import type { RunningNode } from "./running-node.ts";

type Governed = Pick<RunningNode, "changed" | "over" | "state">;

/** Begins with the one in force, and ends with the node. @throws the signal's reason. */
export async function* ownGovernments(
  { changed, over, state }: Governed,
  options: WaitOptions,
): AsyncGenerator<Government, void, void> {
  checkOptions(options, optionNames.wait);
  const { signal } = options;
  const both = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  const { legislator } = state;
  let told = 0;
  for (;;) {
    await changed.until(() => (legislator.republic.government?.number ?? 0) > told, both);
    signal?.throwIfAborted();
    const { government } = legislator.republic;
    if (over.signal.aborted || government === null) return;
    told = government.number;
    const { parliament, leaving } = government;
    yield { ...government, parliament: [...parliament], leaving: [...leaving] };
  }
}
