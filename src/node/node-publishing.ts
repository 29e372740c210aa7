/** The publisher of a running node: its entries go to this node first. Decides nothing. */
import type { IslanderInput, IslanderOutcome } from "../../consensus/index.ts";
import { propose, traced } from "../diagnostics/channels.ts";
import type { Engine } from "./engine.ts";
import { brokenNode } from "./halt-error.ts";
import { Publishing } from "../publishing/publishing.ts";
import { resultsIn, resultOf } from "../publishing/submission-result.ts";

export function makePublishing(
  engine: Engine,
  play: (input: IslanderInput) => IslanderOutcome,
): Publishing {
  const { clock, chance } = engine.configuration.world;
  const { signal } = engine.over;
  return new Publishing({
    owner: "node",
    clock,
    chance,
    play,
    submit: async ({ batch }, body, told) => {
      const request = { method: "enqueue", batch, body, hops: 0 } as const;
      const { publisher, sequence, count, size } = batch;
      const response = await traced(
        propose,
        () => ({ node: engine.directory.record.id, publisher, sequence, count, bytes: size }),
        () => engine.service.enqueue(request, signal),
      );
      engine.meter.proposed(response);
      told(resultsIn(response));
      return resultOf(response);
    },
    register: async (nonce) => {
      const request = { method: "register", nonce, hops: 0 } as const;
      return resultOf(await engine.service.register(request, signal));
    },
    broken: (error) => engine.fail(brokenNode(error)),
  });
}
