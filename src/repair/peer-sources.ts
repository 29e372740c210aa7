/** Other members as sources of lost slots: asked over the network, one range at a time. */
import { limits, type Citizen, type Slot } from "../../consensus/index.ts";
import type { Caller, Hello } from "../../transport/index.ts";
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { FramedDecree } from "../codec/decree-codec.ts";
import { isBodyOf } from "../codec/batch.ts";
import type { Logger } from "../logger.ts";
import type { Request, Response } from "../requests.ts";
import type { SlotRange } from "../storage/holes.ts";
import type { World } from "../world.ts";
import type { Answer, Source } from "./hole-filler.ts";

export type Ask = (request: Request) => Promise<Response | null>;

export interface PeerSourcesParts {
  readonly world: Pick<World, "network" | "chance">;
  readonly logger: Logger;
  hello(): Hello;
}

const askMs = 3_000;

/** Connections of its own, for a node whose core does not run yet, and for none. */
export class PeerSources implements AsyncDisposable {
  readonly #parts: PeerSourcesParts;
  readonly #callers = new Map<string, Caller<Request, Response>>();

  constructor(parts: PeerSourcesParts) {
    this.#parts = parts;
  }

  /** Who does not answer once is not asked again before this is called anew. */
  of(citizens: readonly Citizen[]): readonly Source[] {
    return citizens.map(({ id, url }) => {
      const ask: Ask = async (request) => {
        const caller = this.#caller(url);
        return caller === null
          ? null
          : await caller.call(request, { lane: "bulk", timeoutMs: askMs });
      };
      return sourceOf(id, ask, () => this.#whoIsAt(url, citizens));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const callers = [...this.#callers.values()];
    this.#callers.clear();
    await Promise.all(callers.map(async (caller) => await caller[Symbol.asyncDispose]()));
  }

  /** One that has moved may answer where nobody was known, and another one in its old place. */
  #whoIsAt(url: string, citizens: readonly Citizen[]): string {
    const node = this.#callers.get(url)?.remote?.node ?? null;
    const known = citizens.find(({ id, cookie }) => id === node?.id && cookie === node.cookie);
    return known?.id ?? url;
  }

  /** Null when there is no way to call it at its endpoint. */
  #caller(url: string): Caller<Request, Response> | null {
    const { world, logger } = this.#parts;
    const known = this.#callers.get(url);
    if (known !== undefined) return known;
    try {
      const caller = world.network.connect(url, {
        hello: () => this.#parts.hello(),
        fraction: () => world.chance.fraction(),
      });
      this.#callers.set(url, caller);
      return caller;
    } catch (error) {
      logger.warn({ event: "unreachable", url, err: error }, "cannot be called");
      return null;
    }
  }
}

/**
 * Asks until all of a range was looked at; silence counts until a new source is made.
 * @param who Says who has answered.
 */
export function sourceOf(id: string, ask: Ask, who: () => string = () => id): Source {
  let isSilent = false;
  return {
    id,
    ask: async (range) => {
      if (isSilent) return null;
      const answer = await askAll(ask, range).catch((error: unknown) => {
        // Whatever went wrong, nothing is known of what it has.
        asKibitzerError(error);
        return null;
      });
      isSilent = answer === null;
      return answer === null ? null : { ...answer, by: who() };
    },
    piece: async (slot, offset, bytesMax) => {
      const request = { method: "snapshot", slot, offset, bytesMax } as const;
      const response = await ask(request).catch((error: unknown) => {
        asKibitzerError(error);
        return null;
      });
      if (response?.kind !== "chunk" || response.offset !== offset) return null;
      return { size: response.size, bytes: response.bytes };
    },
  };
}

async function askAll(ask: Ask, { first, last }: SlotRange): Promise<Omit<Answer, "by"> | null> {
  const framed: FramedDecree[] = [];
  const damaged: Slot[] = [];
  let known = { decided: 0, length: 0, snapshot: 0 };
  for (let slot = first; slot <= last;) {
    const slotLast = Math.min(last, slot + limits.learnSlotsMax - 1);
    const response = await ask({ method: "repair", slotFirst: slot, slotLast });
    if (response?.kind !== "records" || response.slotLast < slot) return null;
    framed.push(...wholeOf(response));
    damaged.push(...response.damaged);
    const { decided, length, snapshot } = response;
    known = { decided, length, snapshot };
    slot = response.slotLast + 1;
  }
  return { ...known, framed, damaged };
}

/** Those whose bytes are what their decree says. */
function wholeOf({
  decrees,
}: Extract<Response, { readonly kind: "records" }>): readonly FramedDecree[] {
  return decrees.filter(({ decree, body }) => {
    return decree.value.kind !== "batch" || (body !== null && isBodyOf(decree.value, body));
  });
}

/** Members of whom nothing is known but where they are. */
export function strangersAt(urls: readonly string[]): readonly Citizen[] {
  return urls.map((url) => ({ id: url, url, cookie: "", properties: {} }));
}
