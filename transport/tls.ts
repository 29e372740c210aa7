/**
 * TLS as this transport uses it: both ends present certificates where they have any, and what is
 * wrong with one is told in words. Reads no file; whoever gives the certificates may change them.
 */
import { createSecureContext, TLSSocket } from "node:tls";
import type { DetailedPeerCertificate, SecureContext, Server, TlsOptions } from "node:tls";
import type { Socket } from "node:net";
import type { PresentedCertificate } from "./caller.ts";
import type { TlsMaterial, TlsSource } from "./tls-source.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportLimits } from "./transport-limits.ts";

/** The oldest in which what a client presents is encrypted, too. */
const minVersion = "TLSv1.3";
/** Certificates of one chain that are looked at. */
const chainMax = 10;

const contexts = new WeakMap<TlsMaterial, SecureContext>();
let publicContext: SecureContext | null = null;

/** What a caller presents and believes; made once for each change. */
export function callingContext(source: TlsSource | null): SecureContext {
  const material = source?.current ?? null;
  if (material === null) return (publicContext ??= createSecureContext({ minVersion }));
  const known = contexts.get(material);
  if (known !== undefined) return known;
  const { certificate, key, ca } = material;
  const context = createSecureContext({
    minVersion,
    ...(certificate === null || key === null ? {} : { cert: certificate, key }),
    ...(ca === null ? {} : { ca }),
  });
  contexts.set(material, context);
  return context;
}

/**
 * What a listener presents and whom it asks for a certificate.
 * @throws {TransportError} `KBZ_ENDPOINT` when there is none to present.
 */
export function listeningOptions(
  source: TlsSource | null,
  url: string,
  limits: TransportLimits,
): TlsOptions {
  if (source === null || source.current.certificate === null) {
    const message =
      `Wanted a certificate and its key to listen at ${url}, got none. ` +
      "Give both: --tls-cert and --tls-key, or the option tls.";
    throw new TransportError("KBZ_ENDPOINT", message, { outcome: "none" });
  }
  const { ca, clientCa } = source.current;
  return {
    ...presented(source.current),
    handshakeTimeout: limits.handshakeMs,
    requestCert: ca !== null || clientCa !== null,
    // Whoever presents none, or a wrong one, is told so in words, once it has said who it is.
    rejectUnauthorized: false,
  };
}

function presented({ certificate, key, ca, clientCa }: TlsMaterial): TlsOptions {
  const signers = [ca, clientCa].filter((each) => each !== null);
  return {
    minVersion,
    ...(certificate === null || key === null ? {} : { cert: certificate, key }),
    ...(signers.length === 0 ? {} : { ca: signers }),
  };
}

/** What goes on at a listener besides what is handed on. */
export interface Following {
  /** Changes are taken over no more. */
  stop(): void;
  /** Ends every socket, also those whose handshake is under way, which belong to nobody else. */
  destroyAll(): void;
}

/**
 * Has a listener take over what changes, while connections that are there stay as they are, and
 * tells why handshakes come to nothing.
 */
export function follow(
  server: Server,
  source: TlsSource,
  refuse: (address: string, error: TransportError) => void,
): Following {
  const sockets = new Set<Socket>();
  /** Those whose handshake is under way. */
  const arriving = new Set<string>();
  server.on("connection", (socket: Socket) => {
    const address = describe(socket);
    sockets.add(socket);
    arriving.add(address);
    socket.once("close", () => {
      sockets.delete(socket);
      // One that leaves before it has said a word only wants to know whether anybody is there.
      if (arriving.delete(address) && socket.bytesRead > 0) refuse(address, unspoken(address));
    });
  });
  server.on("secureConnection", (socket) => arriving.delete(describe(socket)));
  server.on("tlsClientError", (error, socket) => {
    const address = describe(socket);
    const found = handshakeError(error, address);
    if (found !== null && arriving.delete(address)) refuse(address, found);
  });
  const stop = source.onChange(() => server.setSecureContext(presented(source.current)));
  return {
    stop,
    destroyAll: () => {
      arriving.clear();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function describe({ remoteAddress = "unknown", remotePort = 0 }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

function handshakeError(error: Error, from: string): TransportError | null {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (!code.startsWith("ERR_SSL_") && !code.startsWith("ERR_TLS_")) return null;
  const found = "reason" in error ? String(error.reason) : error.message.slice(0, 200);
  return new TransportError(
    "KBZ_FORBIDDEN",
    `Wanted a TLS handshake of ${from}, but it failed: ${found}. ` +
      "Check the endpoint that it calls, and the certificates of both sides.",
    { outcome: "none", cause: error },
  );
}

/** What the other end of `socket` presented; null where that is not TLS, or it presented none. */
export function certificateOf(socket: unknown): PresentedCertificate | null {
  if (!(socket instanceof TLSSocket)) return null;
  const leaf = socket.getPeerCertificate(true);
  if (Object.keys(leaf).length === 0) return null;
  const chain: string[] = [];
  let each: DetailedPeerCertificate | undefined = leaf;
  while (each?.fingerprint256 !== undefined && chain.length < chainMax) {
    if (chain.includes(each.fingerprint256)) break;
    chain.push(each.fingerprint256);
    each = each.issuerCertificate;
  }
  const fault = socket.authorized ? null : faultIn(socket.authorizationError);
  return { subject: subjectOf(leaf), uris: urisOf(leaf.subjectaltname), chain, fault };
}

function subjectOf({ subject }: DetailedPeerCertificate): string {
  const name = subject.CN ?? subject.O ?? "nobody";
  return String(name).slice(0, 256);
}

/** Node quotes, as JSON, what might be taken for the border of a name. */
function urisOf(names: string | undefined): readonly string[] {
  if (names === undefined) return [];
  return names.split(", ").flatMap((name) => (name.startsWith("URI:") ? [name.slice(4)] : []));
}

const faults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_REVOKED: "was revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is signed by itself, and by no authority that is known here",
  SELF_SIGNED_CERT_IN_CHAIN: "is of an authority that is not known here",
  UNABLE_TO_GET_ISSUER_CERT: "is of an authority that is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "is of an authority that is not known here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "is of an authority that is not known here",
  CERT_SIGNATURE_FAILURE: "is not signed by who it says",
  INVALID_CA: "is signed by what is no authority",
  INVALID_PURPOSE: "is not for this purpose",
  CERT_UNTRUSTED: "is not trusted",
  CERT_REJECTED: "is rejected",
  ERR_TLS_CERT_ALTNAME_INVALID: "does not name the host that was called",
};

function faultIn(found: unknown): string {
  const code = found instanceof Error && "code" in found ? String(found.code) : String(found);
  return faults[code] ?? `is not to be believed (${code})`;
}

/** An error of a connection that was dialled, in words; null where it is about no certificate. */
export function certificateError(error: Error, address: string): TransportError | null {
  if (!("code" in error) || typeof error.code !== "string") return null;
  const fault = faults[error.code];
  if (fault === undefined) return null;
  return new TransportError(
    "KBZ_FORBIDDEN",
    `Wanted ${address} to present a certificate that can be believed, but the one it has ` +
      `${fault} (${error.code}). Give it a right one, or this side the authority that signed it.`,
    { outcome: "none" },
  );
}

/**
 * A caller that shakes hands and leaves without a word, as it does when it will not have the
 * certificate of this side: TLS itself tells nobody.
 */
export function unspoken(address: string): TransportError {
  return new TransportError(
    "KBZ_FORBIDDEN",
    `Wanted a hello of ${address}, but it left during or right after the TLS handshake. Most ` +
      "likely it does not believe the certificate of this side: its own log says why.",
    { outcome: "none" },
  );
}
