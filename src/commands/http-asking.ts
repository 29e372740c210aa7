/**
 * How a command asks a node over HTTP, at its endpoint of WebSockets: with the certificates and the
 * token of its options, which `fetch` cannot show.
 */
import { once } from "node:events";
import { request as requestPlainly, type IncomingMessage } from "node:http";
import { request as requestSecurely } from "node:https";
import { Credentials } from "../access/credentials.ts";
import { silent } from "../logger.ts";
import { credentialsOf } from "./security-options.ts";
import type { CredentialFlags } from "./options.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly date: string;
  readonly text: string;
}

/** More than this of an answer is not read. */
const textBytesMax = 4 * 1024 * 1024;

export class HttpAsking implements Disposable {
  readonly #credentials: Credentials;

  private constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** @throws {KibitzerError} when what the options name cannot be read or used. */
  static async open(flags: CredentialFlags, environment: NodeJS.ProcessEnv): Promise<HttpAsking> {
    const shown = credentialsOf(flags, environment);
    return new HttpAsking(await Credentials.open({ ...shown, logger: silent }));
  }

  /** @param url A `ws://` or `wss://` endpoint. */
  async get(url: string, path: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { token, tls } = this.#credentials;
    const known = token();
    const headers = known === null ? {} : { authorization: `Bearer ${known}` };
    const options = { headers, signal, agent: false };
    const place = new URL(path, url.replace(/^ws/, "http"));
    const asked =
      place.protocol === "https:"
        ? requestSecurely(place, { ...options, ...shownOf(tls?.current) })
        : requestPlainly(place, options);
    asked.end();
    const [response]: IncomingMessage[] = await once(asked, "response");
    if (response === undefined) throw new Error("no answer");
    const text = await textOf(response);
    return { status: response.statusCode ?? 0, date: response.headers.date ?? "", text };
  }

  [Symbol.dispose](): void {
    this.#credentials[Symbol.dispose]();
  }
}

type Material = NonNullable<Credentials["tls"]>["current"];

function shownOf(material: Material | undefined): object {
  const { certificate = null, key = null, ca = null } = material ?? {};
  return {
    ...(certificate === null || key === null ? {} : { cert: certificate, key }),
    ...(ca === null ? {} : { ca }),
  };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length >= textBytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, textBytesMax).toString();
}
