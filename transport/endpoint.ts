/** Endpoints: where a node listens, or is called. Parses them; opens nothing. */
import { TransportError } from "./transport-error.ts";

interface HostEndpoint<Kind> {
  readonly kind: Kind;
  readonly host: string;
  readonly port: number;
}

export type Endpoint =
  | HostEndpoint<"ws">
  | HostEndpoint<"wss">
  | HostEndpoint<"tcp">
  | HostEndpoint<"tls">
  | { readonly kind: "unix"; readonly path: string };

const urlLengthMax = 1024;
/** The smallest `sun_path` of the supported systems (macOS), less its final zero. */
const socketPathBytesMax = 103;
const hostAndPort = /^([a-z]+):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})\/?$/;
const schemes = ["ws", "wss", "tcp", "tls"] as const;
const forms = "ws://host:port, wss://…, tcp://…, tls://… or unix:PATH";

/** @throws {TransportError} `KBZ_ENDPOINT` when `url` is invalid or its scheme is unsupported. */
export function parseEndpoint(url: string): Endpoint {
  if (url.length > urlLengthMax) throw refusal(url.slice(0, 64), "it is too long");
  if (url.startsWith("unix:")) return parseSocketPath(url);
  const kind = parseScheme(url);
  const [, , bracketed, plain, digits] = hostAndPort.exec(url) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || digits === undefined) throw refusal(url, faultIn(url));
  const port = Number(digits);
  if (port > 65_535) throw refusal(url, "a port is at most 65535");
  if (!URL.canParse(url)) throw refusal(url, "its host is invalid");
  return { kind, host, port };
}

function parseScheme(url: string): (typeof schemes)[number] {
  const found = /^([a-z]+):\/\//.exec(url)?.[1];
  const scheme = schemes.find((each) => each === found);
  if (scheme !== undefined) return scheme;
  const isHttp = found === "http" || found === "https";
  throw refusal(url, isHttp ? "nodes answer HTTP at ws:// and wss://" : "its scheme is unknown");
}

/** Of one whose scheme is known. */
function faultIn(url: string): string {
  const [authority = "", ...path] = url.slice(url.indexOf("://") + 3).split(/(?=[/?#])/);
  if (authority.includes("@")) return "it has a user's name, and tokens are given as an option";
  if (path.join("") !== "" && path.join("") !== "/") return "it has a path, and takes none";
  if (/^(\[[^\]]*\]|[^:[\]]+)$/.test(authority)) return "its port is missing";
  if (authority === "" || authority.startsWith(":")) return "its host is missing";
  return "its host or its port is invalid";
}

/** Whether what passes there is encrypted. */
export function isSecure({ kind }: Endpoint): boolean {
  return kind === "wss" || kind === "tls";
}

/** The url of an endpoint; IPv6 addresses get their brackets back. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.kind}://${host}:${endpoint.port}`;
}

function parseSocketPath(url: string): Endpoint {
  const path = url.slice("unix:".length);
  if (path === "" || path.includes("\0")) throw refusal(url, "its path is invalid");
  if (new TextEncoder().encode(path).length > socketPathBytesMax) {
    throw refusal(url, `the path of a Unix socket has at most ${socketPathBytesMax} bytes`);
  }
  return { kind: "unix", path };
}

function refusal(url: string, found: string): TransportError {
  const shown = JSON.stringify(url);
  return new TransportError(
    "KBZ_ENDPOINT",
    `Wanted an endpoint, got ${shown}: ${found}. Use ${forms}.`,
    {
      outcome: "none",
    },
  );
}
