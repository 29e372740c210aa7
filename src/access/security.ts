/** A node's security as one thing: what it shows to others, and what it asks of them. */
import type { Logger } from "../logger.ts";
import type { Clock } from "../world.ts";
import { Access } from "./access.ts";
import type { TlsOptions, TokenOption } from "./credential-options.ts";
import { Credentials, opened } from "./credentials.ts";
import { Tokens } from "./tokens.ts";
import { Watched } from "./watched.ts";

export interface SecurityOptions {
  /** What it presents at `wss://` and `tls://` endpoints, and who else is believed. */
  readonly tls?: TlsOptions;
  /** What this node gives to be let in by others. */
  readonly token?: TokenOption;
  /** The file of the tokens that are known here; without it none is asked for. */
  readonly tokens?: string;
  /** Requests a second that one client may make; default as many as it likes. */
  readonly requestsPerSecondMax?: number;
}

const nothing = { tokens: null, signers: null, clientSigners: null } as const;
const never = (): (() => void) => () => undefined;

/** Everybody may do everything. */
export const noSecurity: Pick<Security, "access"> = {
  access: (clock, requestsPerSecondMax) =>
    new Access({ clock, requestsPerSecondMax, rules: () => nothing, onChange: never }),
};

export class Security implements Disposable {
  readonly credentials: Credentials;
  readonly #tokens: Watched<Tokens> | null;
  /** Told of each change of the tokens. */
  readonly #listeners: Set<() => void>;

  private constructor(
    credentials: Credentials,
    tokens: Watched<Tokens> | null,
    listeners: Set<() => void>,
  ) {
    this.credentials = credentials;
    this.#tokens = tokens;
    this.#listeners = listeners;
  }

  /** @throws {KibitzerError} `KBZ_ARGUMENT`, `KBZ_NOT_FOUND`. */
  static async open(options: SecurityOptions, logger: Logger): Promise<Security> {
    const { tls, token, tokens: path } = options;
    const credentials = await Credentials.open({ tls, token, logger });
    const listeners = new Set<() => void>();
    if (path === undefined) return new Security(credentials, null, listeners);
    const what = "file of tokens";
    const parse = ([text = ""]: readonly string[]): Tokens => Tokens.parse(text, path);
    const changed = (): void => listeners.forEach((listener) => listener());
    try {
      const watching = Watched.open({ what, paths: [path], logger, parse, changed });
      return new Security(credentials, await opened(watching, what), listeners);
    } catch (error) {
      credentials[Symbol.dispose]();
      throw error;
    }
  }

  /** Who may do what, from now on and after each change. */
  access(clock: Clock, requestsPerSecondMax: number | null): Access {
    return new Access({
      clock,
      requestsPerSecondMax,
      rules: () => {
        const { signers, clientSigners } = this.credentials.certificates ?? nothing;
        return { tokens: this.#tokens?.value ?? null, signers, clientSigners };
      },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    });
  }

  async reload(): Promise<void> {
    await Promise.all([this.credentials.reload(), this.#tokens?.reload()]);
  }

  [Symbol.dispose](): void {
    this.credentials[Symbol.dispose]();
    this.#tokens?.[Symbol.dispose]();
  }
}
