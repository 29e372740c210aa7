/** The network of a browser, or of whatever else has its `WebSocket`: calls, and never listens. */
import { BrowserWire } from "./browser-wire.ts";
import type { Caller, CallerOptions, Dialler } from "./caller.ts";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { Link } from "./link.ts";
import { systemTiming } from "./timing.ts";
import { TransportError } from "./transport-error.ts";
import { settingsOf } from "./transport-settings.ts";
import type { TransportOptions } from "./transport-settings.ts";

/** `ws://host:port` and `wss://…`: the same frames, from the same listeners, as everywhere. */
export function createBrowserTransport<Request, Response>(
  options: TransportOptions<Request, Response>,
): Dialler<Request, Response> {
  const settings = settingsOf(options, systemTiming);
  return {
    connect(url: string, caller: CallerOptions): Caller<Request, Response> {
      const endpoint = parseEndpoint(url);
      const isForBrowsers = endpoint.kind === "ws" || endpoint.kind === "wss";
      if (!isForBrowsers || endpoint.port === 0) throw notForBrowsers(url);
      const address = formatEndpoint(endpoint);
      const { messageBytesSent } = settings.limits;
      const dial = (): BrowserWire => new BrowserWire(address, messageBytesSent);
      return new Link({ url, settings, caller, dial });
    },
  };
}

function notForBrowsers(url: string): TransportError {
  return new TransportError(
    "KBZ_ENDPOINT",
    `Wanted a WebSocket to call, got ${url}: a browser has no other network. ` +
      "Use an endpoint of the form ws://host:port or wss://host:port.",
    { outcome: "none" },
  );
}
