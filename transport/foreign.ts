/** Who speaks at the other end if it is none of ours: told by its first bytes, in words. Pure. */
import { TransportError } from "./transport-error.ts";

interface Foreigner {
  readonly found: string;
  readonly advice: string;
}

const [tlsAlert, tlsHandshake, tlsVersionMajor] = [0x15, 0x16, 3];
const shownMax = 24;
const letters = /^[\x20-\x7e]{4,}/;
const checkAddress = "Check host and port: no node of this protocol speaks there.";

/** Null where nothing is known of who begins so. */
function foreigner(bytes: Uint8Array): Foreigner | null {
  const text = String.fromCharCode(...bytes.subarray(0, shownMax));
  if (text.startsWith("HTTP/")) {
    return { found: "an answer in HTTP", advice: "A node with HTTP is called at ws:// or wss://." };
  }
  if (/^[A-Z]{3,7} [/*h]/.test(text)) {
    return { found: "a request over HTTP", advice: "HTTP is for endpoints of ws:// and wss://." };
  }
  if ((bytes[0] === tlsHandshake || bytes[0] === tlsAlert) && bytes[1] === tlsVersionMajor) {
    const advice =
      "One of both sides uses TLS: tls:// and wss:// are with it, tcp:// and ws:// not.";
    return { found: "TLS", advice };
  }
  const shown = letters.exec(text)?.[0];
  return shown === undefined
    ? null
    : { found: `text, ${JSON.stringify(shown)}`, advice: checkAddress };
}

/** What is wrong with a first word that begins with `bytes`, if it can be told; else null. */
export function foreignError(address: string, bytes: Uint8Array): TransportError | null {
  const known = foreigner(bytes);
  if (known === null) return null;
  const { found, advice } = known;
  const message = `Wanted a hello of ${address}, got ${found}. ${advice}`;
  return new TransportError("KBZ_MALFORMED", message, { outcome: "none" });
}
