/** Clients, fake nodes and a memory network for tests, in time that passes faster than it does. */
import { Prng } from "../simulations/prng.ts";
import { KibitzerClient } from "../src/client.ts";
import type { ClientOptions, ClientWorld } from "../src/client.ts";
import { crc32 } from "../src/codec/crc32.ts";
import { requestCodec } from "../src/codec/request-codec.ts";
import type { Request, Response } from "../src/requests.ts";
import { responseCodec } from "../src/codec/response-codec.ts";
import type { Clock } from "../src/world.ts";
import { MemoryNetwork } from "../transport/index.ts";
import type { MemoryNodeOptions } from "../transport/index.ts";
import { FakeNode, FakeRepublic } from "./fake-republic.ts";

/** So many milliseconds pass in one. */
const speed = 10;

function fastClock(): Clock {
  return {
    now: () => Math.floor(performance.now() * speed),
    wall: () => Date.now(),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms / speed);
      return { cancel: () => clearTimeout(timer) };
    },
    soon: (callback) => void setImmediate(callback),
  };
}

export class Harness implements AsyncDisposable {
  readonly republic = new FakeRepublic();
  readonly clock = fastClock();
  readonly #network: MemoryNetwork<Request, Response>;
  readonly #fraction: () => number;
  readonly #opened: AsyncDisposable[] = [];

  constructor(seed = 1) {
    const prng = new Prng(seed);
    this.#fraction = () => prng.fraction();
    this.republic.speed = speed;
    const { clock } = this;
    const timing = {
      after: (ms: number, callback: () => void) => clock.after(ms, callback),
      soon: (callback: () => void) => queueMicrotask(callback),
    };
    this.#network = new MemoryNetwork({ requestCodec, responseCodec, checksum: crc32, timing });
  }

  get world(): ClientWorld {
    const fraction = this.#fraction;
    const hex = (): string =>
      Math.floor(fraction() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    const network = this.#network.transport("client");
    return { clock: this.clock, chance: { fraction, hex16: () => hex() + hex() }, network };
  }

  /** A node that listens at `memory:NAME`; a new one after a crash. */
  async node(
    name: string,
    republic: FakeRepublic = this.republic,
    own: MemoryNodeOptions = {},
  ): Promise<FakeNode> {
    const node = new FakeNode(`memory:${name}`, republic, this.#network.transport(name, own));
    await node.start();
    this.#opened.push(node);
    return node;
  }

  /** As `kill -9` ("reset"), or as if it were paused ("silent"). */
  crash(name: string, how: "reset" | "silent"): void {
    this.#network.crash(name, how);
  }

  async client(names: readonly string[], options: ClientOptions = {}): Promise<KibitzerClient> {
    const urls = names.map((name) => `memory:${name}`);
    const client = await KibitzerClient.connect(urls, { world: this.world, ...options });
    this.#opened.push(client);
    return client;
  }

  async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void this.clock.after(ms, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map(async (each) => await each[Symbol.asyncDispose]()));
  }
}
