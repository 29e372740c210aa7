/** All kinds of real networks as one Transport, told apart by the scheme of the endpoint. */
import type { Callee, Caller, CallerOptions, Listener, Transport } from "./caller.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { Link } from "./link.ts";
import { Reception } from "./reception.ts";
import { dialSocket, listenSocket } from "./socket-transport.ts";
import { systemTiming } from "./timing.ts";
import { TransportError } from "./transport-error.ts";
import { settingsOf } from "./transport-settings.ts";
import type { TransportOptions, TransportSettings } from "./transport-settings.ts";
import { dialWebSocket, listenWebSocket } from "./websocket-transport.ts";
import type { Wire } from "./wire.ts";

type Dialling = Pick<TransportSettings<never, never>, "limits" | "tls">;

export type NetworkOptions<Request, Response> = TransportOptions<Request, Response>;

/** `ws://host:port`, `wss://…`, `tcp://…`, `tls://…` and `unix:PATH`. */
export function createTransport<Request, Response>(
  options: NetworkOptions<Request, Response>,
): Transport<Request, Response> {
  const settings = settingsOf(options, systemTiming);
  return {
    async listen(url: string, callee: Callee<Request, Response>): Promise<Listener> {
      const endpoint = parseEndpoint(url);
      const reception = new Reception(settings, callee);
      return endpoint.kind === "ws" || endpoint.kind === "wss"
        ? await listenWebSocket(endpoint, reception, settings, callee)
        : await listenSocket(endpoint, reception, settings);
    },
    connect(url: string, caller: CallerOptions): Caller<Request, Response> {
      const endpoint = parseEndpoint(url);
      if (endpoint.kind !== "unix" && endpoint.port === 0) throw portMissing(url);
      return new Link({ url, settings, caller, dial: () => dial(endpoint, settings) });
    },
  };
}

function dial(endpoint: Endpoint, { limits, tls }: Dialling): Wire {
  return endpoint.kind === "ws" || endpoint.kind === "wss"
    ? dialWebSocket(endpoint, limits, tls)
    : dialSocket(endpoint, tls);
}

function portMissing(url: string): TransportError {
  return new TransportError(
    "KBZ_ENDPOINT",
    `Wanted an endpoint to call, got ${url}: port 0 only asks for a free one when listening. ` +
      "Use the url of the listener.",
    { outcome: "none" },
  );
}
