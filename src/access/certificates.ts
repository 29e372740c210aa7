/** Certificates, their keys and authorities as PEM: checked to belong together. Reads no file. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { TlsMaterial } from "../../transport/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";

/** Whose: this node's own, that of an authority of nodes, or of clients. */
export type CertificateRole = "node" | "ca" | "client-ca";

export interface CertificateExpiry {
  readonly role: CertificateRole;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Certificates {
  readonly material: TlsMaterial;
  readonly expiries: readonly CertificateExpiry[];
  /** SHA-256 of the authorities' certificates; null where there are none. */
  readonly signers: ReadonlySet<string> | null;
  readonly clientSigners: ReadonlySet<string> | null;
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @throws {KibitzerError} `KBZ_ARGUMENT` naming what is wrong; never with what stands in a key. */
export function checkCertificates(material: TlsMaterial): Certificates {
  const { certificate, key, ca, clientCa } = material;
  if ((certificate === null) !== (key === null)) {
    const [there, missing] = key === null ? ["a certificate", "key"] : ["a key", "certificate"];
    throw wrong(`wanted ${there} with its ${missing}, found no ${missing}`);
  }
  const own = certificate === null ? [] : certificatesIn("certificate", certificate);
  const [leaf] = own;
  if (leaf !== undefined && key !== null) checkKey(leaf, key);
  const signers = ca === null ? null : certificatesIn("ca", ca);
  const clientSigners = clientCa === null ? null : certificatesIn("client ca", clientCa);
  return {
    material,
    expiries: [
      ...expiriesOf("node", leaf === undefined ? [] : [leaf]),
      ...expiriesOf("ca", signers ?? []),
      ...expiriesOf("client-ca", clientSigners ?? []),
    ],
    signers: fingerprints(signers),
    clientSigners: fingerprints(clientSigners),
  };
}

function certificatesIn(what: string, pem: string): readonly X509Certificate[] {
  const texts = pem.match(pemPattern) ?? [];
  if (texts.length === 0) throw wrong(`wanted a PEM certificate as ${what}, found none`);
  try {
    return texts.map((text) => new X509Certificate(text));
  } catch (cause) {
    throw wrong(`wanted a PEM certificate as ${what}, found one that cannot be read`, cause);
  }
}

function checkKey(leaf: X509Certificate, key: string): void {
  let isOfIt: boolean;
  try {
    isOfIt = leaf.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw wrong("wanted a PEM key without a passphrase, found one that cannot be read", cause);
  }
  if (!isOfIt) throw wrong("wanted the key of the certificate, found that of another");
}

function fingerprints(certificates: readonly X509Certificate[] | null): ReadonlySet<string> | null {
  if (certificates === null) return null;
  return new Set(certificates.map(({ fingerprint256 }) => fingerprint256));
}

function expiriesOf(
  role: CertificateRole,
  certificates: readonly X509Certificate[],
): readonly CertificateExpiry[] {
  return certificates.map(({ subject, validTo }) => ({
    role,
    subject: subject.replaceAll("\n", ", "),
    expiresAt: Date.parse(validTo),
  }));
}

function wrong(found: string, cause?: unknown): KibitzerError {
  const message = `TLS: ${found}. Check the files, or the option tls.`;
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none", cause });
}
