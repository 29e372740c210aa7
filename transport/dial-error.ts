/**
 * What goes wrong with a connection of Node.js while it is being made, in words: most often what
 * listens there is another thing than what was called.
 */
import { certificateError } from "./tls.ts";
import { TransportError } from "./transport-error.ts";

interface Found {
  readonly found: string;
  readonly advice: string;
}

/** @param address Of the endpoint that was called. */
export function dialError(error: Error, address: string): Error {
  const certificate = certificateError(error, address);
  if (certificate !== null) return certificate;
  const instead = foundInstead(error, address);
  if (instead === null) return error;
  const message = `Wanted a node at ${address}, found ${instead.found}. ${instead.advice}`;
  return new TransportError("KBZ_DISCONNECTED", message, { outcome: "none" });
}

function foundInstead(error: Error, address: string): Found | null {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const isSecure = /^(wss|tls):/.test(address);
  const plain = address.replace(/^wss:/, "ws:").replace(/^tls:/, "tcp:");
  const status = /^Unexpected server response: (\d+)/.exec(error.message)?.[1];
  if (status !== undefined) {
    const advice = "Check host and port, and what stands between, as a proxy.";
    return { found: `an HTTP server that answered ${status}`, advice };
  }
  if (code.startsWith("HPE_")) {
    const other = address.replace(/^wss:/, "tls:").replace(/^ws:/, "tcp:");
    return { found: "what speaks no HTTP", advice: `A node may listen at ${other}.` };
  }
  if (/^(ERR_SSL_|EPROTO)/.test(code) && /wrong.version.number/i.test(`${code} ${error.message}`)) {
    return { found: "what speaks no TLS", advice: `A node may listen at ${plain}.` };
  }
  if (code !== "ECONNRESET" && code !== "EPIPE") return null;
  const found = "one that closed the connection before it was made";
  if (isSecure) return { found, advice: "Check that it is up, and listens with TLS." };
  return address.startsWith("ws:")
    ? {
        found,
        advice: `Check that it is up; with TLS it is called at ${address.replace("ws", "wss")}.`,
      }
    : null;
}
