/**
 * What answers HTTP at a node's `ws://` endpoints. Loads the rest with the first request: a node
 * that nobody asks over HTTP starts without it.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpCallee } from "../access/gate.ts";
import { probeOf } from "../health/early.ts";
import type { RunningNode } from "../node/running-node.ts";
import { Deadline } from "../deadline.ts";
import { Bell } from "../node/bell.ts";
import { pause } from "../pause.ts";
import { refusalOf } from "./authorizing.ts";
import { httpLimits } from "./http-limits.ts";
import { isForUs, isOriginOurs, nameOf } from "./hosts.ts";

export class HttpDoor implements HttpCallee {
  readonly #node: RunningNode;
  readonly #waiting = new WeakMap<Socket, number>();
  /** Requests that publish, and were not answered whole yet. */
  readonly #publishing = new Set<ServerResponse>();
  readonly #answered = new Bell();
  #listener: Promise<RequestListener> | null = null;
  /** The hosts of endpoints, and of which, as one text: they seldom change. */
  #hosts: { readonly of: string; readonly names: ReadonlySet<string | null> } | null = null;

  constructor(node: RunningNode) {
    this.#node = node;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#isPatient(request.socket, response)) {
      request.socket.destroy();
      return;
    }
    // Its connection is about to close: the next request goes elsewhere.
    if (this.#node.isDraining) response.shouldKeepAlive = false;
    if (request.method === "POST") this.#await(response);
    this.#listener ??= this.#open();
    this.#listener.then(
      (listener) => listener(request, response),
      (error: unknown) => {
        this.#listener = null;
        this.#node.logger.error({ event: "http", err: error }, "the HTTP interface cannot load");
        response.destroy();
      },
    );
  }

  /**
   * Resolves once nobody waits for what it publishes any more, or after a while; and a moment
   * later, since who goes on at once is to be told to go elsewhere.
   */
  async finish(): Promise<void> {
    if (this.#publishing.size === 0) return;
    for (const response of this.#publishing) response.shouldKeepAlive = false;
    await this.#answeredWithin(httpLimits.finishMs);
    const { configuration, over } = this.#node;
    await pause(configuration.world.clock, httpLimits.lingerMs, over.signal);
  }

  /** The node is over: resolves once those who published are told so, or after a moment. */
  async end(): Promise<void> {
    await this.#answeredWithin(httpLimits.endMs);
  }

  async #answeredWithin(ms: number): Promise<void> {
    using deadline = new Deadline(this.#node.configuration.world.clock, ms);
    await this.#answered.until(() => this.#publishing.size === 0, deadline.signal);
  }

  #await(response: ServerResponse): void {
    this.#publishing.add(response);
    response.once("close", () => {
      this.#publishing.delete(response);
      this.#answered.ring();
    });
  }

  /** A node full of clients is not to be killed for it. */
  isUrgent(request: IncomingMessage): boolean {
    return probeOf(request) !== undefined;
  }

  /** Whether a request for a WebSocket is not one of another site's page. */
  admits({ headers }: IncomingMessage): boolean {
    return isOriginOurs(headers.origin, this.#isOurs);
  }

  /** Whether no more than so many requests of one connection wait for their answers. */
  #isPatient(socket: Socket, response: ServerResponse): boolean {
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (waiting > httpLimits.pipelinedMax) return false;
    this.#waiting.set(socket, waiting);
    response.once("close", () => this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1));
    return true;
  }

  async #open(): Promise<RequestListener> {
    const [{ makeListener }, { routesOf }] = await Promise.all([
      import("./router.ts"),
      import("./routes.ts"),
    ]);
    return makeListener({
      routes: routesOf(this.#node),
      logger: this.#node.logger,
      isForUs: ({ headers }) => isForUs(headers, this.#isOurs),
      authorize: (request, role) => refusalOf(this.#node.gate, request, role),
      answered: ({ method, path }, code, ms) => {
        // Probes and scrapes are no clients.
        if (!path.startsWith("/v1/")) return;
        this.#node.meter.requests.note(`${method} ${path}`, code, ms);
      },
    });
  }

  /** Hosts of this node, as it listens or is advertised, of other members, and those allowed. */
  readonly #isOurs = (name: string): boolean => {
    const { directory, url, configuration } = this.#node;
    if (configuration.allowHosts.has(name)) return true;
    const urls = [url, ...directory.record.listen, ...this.#node.contacts().map(({ url }) => url)];
    const of = urls.join(" ");
    if (this.#hosts?.of !== of) this.#hosts = { of, names: new Set(urls.map(nameOf)) };
    return this.#hosts.names.has(name);
  };
}
