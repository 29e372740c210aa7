/**
 * What a node or a client shows to whom it calls: its certificate and its token, from files that
 * are read again when they change. Decides nothing about others.
 */
import type { TlsMaterial, TlsSource } from "../../transport/index.ts";
import { checkOptions, type OptionNames } from "../arguments.ts";
import type { TlsOptions, TokenFile, TokenOption } from "./credential-options.ts";
import { fileError } from "./file-error.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Logger } from "../logger.ts";
import { checkCertificates, type CertificateExpiry, type Certificates } from "./certificates.ts";
import { tokenLengthMax } from "./tokens.ts";
import { Watched } from "./watched.ts";

export interface CredentialsOptions {
  readonly tls?: TlsOptions | undefined;
  readonly token?: TokenOption | undefined;
  readonly logger: Logger;
}

type TlsKey = keyof TlsOptions;
const tlsNames: OptionNames<TlsOptions> = { cert: true, key: true, ca: true, clientCa: true };
const tlsKeys: readonly TlsKey[] = ["cert", "key", "ca", "clientCa"];

export class Credentials implements Disposable {
  readonly #certificates: Watched<Certificates> | null;
  readonly #token: Watched<string> | null;
  readonly #fixedToken: string | null;
  readonly #listeners = new Set<() => void>();

  private constructor(parts: {
    readonly certificates: Watched<Certificates> | null;
    readonly token: Watched<string> | null;
    readonly fixedToken: string | null;
    readonly listeners: Set<() => void>;
  }) {
    this.#certificates = parts.certificates;
    this.#token = parts.token;
    this.#fixedToken = parts.fixedToken;
    this.#listeners = parts.listeners;
  }

  /** @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_NOT_FOUND`. */
  static async open({ tls, token, logger }: CredentialsOptions): Promise<Credentials> {
    const listeners = new Set<() => void>();
    const changed = (): void => listeners.forEach((listener) => listener());
    const certificates = tls === undefined ? null : await openTls(tls, logger, changed);
    try {
      const file = typeof token === "object" ? await openToken(token, logger) : null;
      const fixedToken = typeof token === "string" ? checkToken(token, "the token") : null;
      return new Credentials({ certificates, token: file, fixedToken, listeners });
    } catch (error) {
      certificates?.[Symbol.dispose]();
      throw error;
    }
  }

  get tls(): TlsSource | null {
    const certificates = this.#certificates;
    if (certificates === null) return null;
    return {
      get current(): TlsMaterial {
        return certificates.value.material;
      },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  get certificates(): Certificates | null {
    return this.#certificates?.value ?? null;
  }

  get expiries(): readonly CertificateExpiry[] {
    return this.certificates?.expiries ?? [];
  }

  /** A secret: for whom is called, and nobody else. */
  readonly token = (): string | null => this.#token?.value ?? this.#fixedToken;

  async reload(): Promise<void> {
    await Promise.all([this.#certificates?.reload(), this.#token?.reload()]);
  }

  [Symbol.dispose](): void {
    this.#certificates?.[Symbol.dispose]();
    this.#token?.[Symbol.dispose]();
  }
}

async function openTls(
  tls: TlsOptions,
  logger: Logger,
  changed: () => void,
): Promise<Watched<Certificates>> {
  checkOptions(tls, tlsNames, "tls.");
  for (const [key, value] of Object.entries(tls)) {
    if (value !== undefined && typeof value !== "string") {
      throw wrongOption(`tls.${key}`, "a path or PEM", typeof value);
    }
  }
  const inFiles = tlsKeys.filter((key) => tls[key] !== undefined && !isPem(tls[key]));
  const what = "TLS certificates";
  const paths = inFiles.map((key) => tls[key] ?? "");
  const parse = (texts: readonly string[]): Certificates => {
    const textOf = (key: TlsKey): string | null => texts[inFiles.indexOf(key)] ?? tls[key] ?? null;
    return checkCertificates({
      certificate: textOf("cert"),
      key: textOf("key"),
      ca: textOf("ca"),
      clientCa: textOf("clientCa"),
    });
  };
  return await opened(Watched.open({ what, paths, logger, parse, changed }), what);
}

async function openToken(token: TokenFile, logger: Logger): Promise<Watched<string>> {
  checkOptions(token, { file: true } satisfies OptionNames<TokenFile>, "token.");
  const { file: path } = token;
  if (typeof path !== "string") throw wrongOption("token.file", "a path", typeof path);
  const parse = ([text = ""]: readonly string[]): string => checkToken(text.trim(), path);
  const what = "token";
  return await opened(Watched.open({ what, paths: [path], logger, parse }), what);
}

/** What the system says of a file, in our words. */
export async function opened<Value>(opening: Promise<Value>, what: string): Promise<Value> {
  try {
    return await opening;
  } catch (error) {
    throw fileError(error, what);
  }
}

/** @param where Named in the error, in place of what stands there. */
function checkToken(token: string, where: string): string {
  if (/^[\x21-\x7e]+$/.test(token) && token.length <= tokenLengthMax) return token;
  throw wrongOption(where, `1 to ${tokenLengthMax} printable characters without spaces`, "others");
}

function isPem(text: string | undefined): boolean {
  return text?.includes("-----BEGIN ") === true;
}

function wrongOption(name: string, wanted: string, found: unknown): KibitzerError {
  const message = `Option ${name}: wanted ${wanted}, found ${String(found)}.`;
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}
