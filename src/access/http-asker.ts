/** Who asks over HTTP, by its token and certificate; the deciding is that of `Access`. */
import type { IncomingMessage } from "node:http";
import { certificateOf } from "../../transport/index.ts";
import type { Asker } from "./access.ts";
import { hashOf, tokenLengthMax } from "./tokens.ts";

export function askerOf({ headers, socket }: IncomingMessage): Asker {
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? null;
  const tokenHash = token === null || token.length > tokenLengthMax ? null : hashOf(token);
  const address = `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
  return { node: null, address, tokenHash, certificate: certificateOf(socket) };
}
