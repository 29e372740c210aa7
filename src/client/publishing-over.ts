/** How a client publishes: an Islander of its own; submissions go over the endpoint in use. */
import { Islander } from "../../consensus/index.ts";
import { Publishing } from "../publishing/publishing.ts";
import type { PublisherNamed } from "../publishing/resume.ts";
import { resultOf, resultsIn } from "../publishing/submission-result.ts";
import type { Request, Response } from "../requests.ts";
import type { Chance, Clock } from "../world.ts";
import { prohibitionIn } from "./errors.ts";
import type { ClientLink } from "./link.ts";
import { ResumedPublisher } from "./resumed-publisher.ts";

/** Below the Islander's own patience, so that one that hangs is left before it submits again. */
const submitMs = 3000;

/** @throws {KibitzerError} `KBZ_ARGUMENT` when `publisher` names no possible one. */
export function publishingOver(
  link: ClientLink,
  { clock, chance }: { readonly clock: Clock; readonly chance: Chance },
  publisher: PublisherNamed | undefined,
): Publishing {
  const islander = new Islander();
  const options = { lane: "bulk", timeoutMs: submitMs } as const;
  const attempt = async (request: Request): Promise<Response> =>
    await link.attempt(request, options).catch((error: unknown) => {
      throw prohibitionIn(error) ?? error;
    });
  const resumed =
    publisher === undefined
      ? null
      : new ResumedPublisher({ name: publisher.publisher, clock, ask: attempt });
  return new Publishing({
    owner: "client",
    clock,
    chance,
    play: (input) => islander.step(input),
    submit: async ({ batch }, body, told) => {
      const response = await attempt({ method: "enqueue", batch, body, hops: 0 });
      if (resumed !== null) await resumed.look(batch, response);
      told(resultsIn(response));
      return resultOf(response);
    },
    register: async (nonce) => resultOf(await attempt({ method: "register", nonce, hops: 0 })),
    ...(publisher === undefined ? {} : { resume: publisher }),
    // Every publish rejects with what is broken; there is nobody else to tell.
    broken: () => undefined,
  });
}
