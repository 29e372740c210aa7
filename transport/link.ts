/** A Caller made of one connection for each lane. Knows no kind of network. */
import type { CallOptions, Caller, CallerOptions, Hello, Lane } from "./caller.ts";
import { LaneLink } from "./lane-link.ts";
import type { TransportSettings } from "./transport-settings.ts";
import type { Wire } from "./wire.ts";

export interface LinkOptions<Request, Response> {
  readonly url: string;
  readonly settings: TransportSettings<Request, Response>;
  readonly caller: CallerOptions;
  dial(lane: Lane): Wire;
}

export class Link<Request, Response> implements Caller<Request, Response> {
  readonly url: string;
  readonly #lanes: Readonly<Record<Lane, LaneLink<Request, Response>>>;
  #remote: Hello | null = null;

  constructor(options: LinkOptions<Request, Response>) {
    this.url = options.url;
    const { url, settings, caller } = options;
    const lane = (lane: Lane): LaneLink<Request, Response> =>
      new LaneLink({
        url,
        lane,
        settings,
        caller,
        dial: () => options.dial(lane),
        opened: (remote) => {
          this.#remote = remote;
          this.#lanes[lane === "control" ? "bulk" : "control"].hurry();
          if (lane === "control") caller.up?.(remote);
        },
      });
    this.#lanes = { control: lane("control"), bulk: lane("bulk") };
  }

  get remote(): Hello | null {
    return this.#remote;
  }

  get connected(): boolean {
    return this.#lanes.control.connected;
  }

  get queuedBytes(): number {
    return this.#lanes.control.queuedBytes + this.#lanes.bulk.queuedBytes;
  }

  call(request: Request, options: CallOptions): Promise<Response> {
    return this.#lanes[options.lane].call(request, options);
  }

  tell(request: Request, lane: Lane): boolean {
    return this.#lanes[lane].tell(request);
  }

  hurry(): void {
    this.#lanes.control.hurry();
    this.#lanes.bulk.hurry();
  }

  /**
   * Pending calls reject with `KBZ_CLOSED`; waits until both connections are gone, not for long.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#lanes.control.close(), this.#lanes.bulk.close()]);
  }
}
