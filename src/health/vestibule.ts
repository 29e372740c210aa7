/**
 * Answers probes at a node's `ws://` endpoints while the node still reads its log back: it lives,
 * and has not started. Lets nobody else in, no WebSocket either. Opened only where that takes a
 * while: a quick start does without.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { TransportError, type Callee, type Hello, type Listener } from "../../transport/index.ts";
import { closeAll } from "../close-all.ts";
import type { Configuration } from "../configuration.ts";
import { helloOf, urlOf } from "../node/introduction.ts";
import type { Request, Response } from "../requests.ts";
import type { NodeRecord } from "../storage/directory.ts";
import type { Timer, World } from "../world.ts";
import { answerEarly } from "./early.ts";

/** A start that takes longer is worth being asked about. */
const quickMs = 250;

export interface VestibuleOptions {
  readonly world: Pick<World, "clock" | "network">;
  /** Where the node listens. */
  readonly urls: readonly string[];
  hello(): Hello;
}

export class Vestibule implements Callee<Request, Response>, AsyncDisposable {
  readonly #options: VestibuleOptions;
  readonly #urls: readonly string[];
  #timer: Timer | null = null;
  #opening: Promise<readonly Listener[]> | null = null;

  constructor(options: VestibuleOptions) {
    this.#options = options;
    this.#urls = options.urls.filter((url) => hasHttp(url));
  }

  /** Opens in a while, unless it is closed before. */
  openSoon(): void {
    const { clock } = this.#options.world;
    if (this.#urls.length === 0) return;
    this.#timer ??= clock.after(quickMs, () => {
      this.#opening = this.#open();
    });
  }

  /** Whoever listens next finds the endpoints free. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    const opening = this.#opening;
    this.#opening = null;
    await closeAll((await opening) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  hello(): Hello {
    return this.#options.hello();
  }

  hear(): void {
    // Nobody gets in.
  }

  async answer(): Promise<Response> {
    throw new TransportError("KBZ_BUSY", "This node has not started yet.", { outcome: "none" });
  }

  admits(): boolean {
    return false;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    answerEarly(request, response, "it reads its log back");
  }

  /** An endpoint that cannot be had is reported by the node itself, once it wants it. */
  async #open(): Promise<readonly Listener[]> {
    const { network } = this.#options.world;
    const opened = this.#urls.map((url) => network.listen(url, this));
    const settled = await Promise.allSettled(opened);
    return settled.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  }
}

/** That of a node; one that stands in another world than this computer's opens none. */
export function vestibuleOf(
  { world, isReal }: Pick<Configuration, "world" | "isReal">,
  record: NodeRecord,
): Vestibule {
  const hello = (): Hello => helloOf(record, urlOf(record, []), []);
  return new Vestibule({ world, urls: isReal ? record.listen : [], hello });
}

/** Port 0 asks for a free one: nobody can know it before the node has it. */
function hasHttp(url: string): boolean {
  return /^wss?:/.test(url) && !url.endsWith(":0");
}
