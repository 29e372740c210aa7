/**
 * An authority that signs certificates for tests: good ones, expired ones, and for whom you like.
 * Writes the bytes of X.509 (RFC 5280) itself, the few of it that are needed.
 */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export interface Identity {
  /** Both as PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Terms {
  readonly notAfter?: Date;
  /** Subject alternative names beside 127.0.0.1 and localhost. */
  readonly uris?: readonly string[];
}

const hourMs = 3_600_000;
const oids = {
  commonName: "550403",
  ecdsaWithSha256: "2a8648ce3d040302",
  basicConstraints: "551d13",
  keyUsage: "551d0f",
  alternativeNames: "551d11",
} as const;
const tags = { sequence: 0x30, set: 0x31, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12 };
const utcTime = 23;
const algorithm = der(tags.sequence, oid(oids.ecdsaWithSha256));

let serial = 0x10_00;

export class Authority {
  /** Its own certificate. */
  readonly ca: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = makeKeys();
    this.#name = name;
    this.#key = privateKey;
    const mayCertify = der(tags.bits, Buffer.from([2, 0b0000_0100]));
    this.ca = this.#certificate(name, publicKey, {}, [
      extension(oids.basicConstraints, der(tags.sequence, Buffer.from([1, 1, 0xff]))),
      extension(oids.keyUsage, mayCertify),
    ]);
  }

  /** For a node or client of this computer. */
  sign(subject: string, terms: Terms = {}): Identity {
    const { publicKey, privateKey } = makeKeys();
    const names = [
      der(0x87, Buffer.from([127, 0, 0, 1])),
      der(0x82, Buffer.from("localhost")),
      ...(terms.uris ?? []).map((uri) => der(0x86, Buffer.from(uri))),
    ];
    const extensions = [extension(oids.alternativeNames, der(tags.sequence, ...names))];
    const cert = this.#certificate(subject, publicKey, terms, extensions);
    return { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
  }

  #certificate(
    subject: string,
    publicKey: KeyObject,
    { notAfter = new Date(Date.now() + hourMs) }: Terms,
    extensions: readonly Buffer[],
  ): string {
    serial += 1;
    const body = der(
      tags.sequence,
      der(0xa0, der(tags.integer, Buffer.from([2]))),
      der(tags.integer, Buffer.from([serial >> 8, serial & 0xff])),
      algorithm,
      nameOf(this.#name),
      der(tags.sequence, timeOf(new Date(Date.now() - 2 * hourMs)), timeOf(notAfter)),
      nameOf(subject),
      publicKey.export({ type: "spki", format: "der" }),
      der(0xa3, der(tags.sequence, ...extensions)),
    );
    const signature = der(tags.bits, Buffer.from([0]), sign("sha256", body, this.#key));
    const base64 = der(tags.sequence, body, algorithm, signature).toString("base64");
    const lines = base64.match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

function makeKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const long = length < 0x1_00 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), content]);
}

function oid(hex: string): Buffer {
  return der(tags.oid, Buffer.from(hex, "hex"));
}

function nameOf(commonName: string): Buffer {
  const value = der(tags.utf8, Buffer.from(commonName));
  return der(tags.sequence, der(tags.set, der(tags.sequence, oid(oids.commonName), value)));
}

function timeOf(date: Date): Buffer {
  return der(utcTime, Buffer.from(`${date.toISOString().replace(/\D/g, "").slice(2, 14)}Z`));
}

function extension(hex: string, value: Buffer): Buffer {
  return der(tags.sequence, oid(hex), der(tags.octets, value));
}
