/**
 * The bytes of a hello: JSON, once a connection. What comes from outside is checked field by field.
 */
import type { Hello, Lane } from "./caller.ts";
import {
  isProtocolRange,
  untoldRange,
  type Introduction,
  type ProtocolRange,
} from "./protocol-range.ts";
import { TransportError } from "./transport-error.ts";

const textLengthMax = 512;
/** Former identities, and characters of one. */
const formerlyMax = 16;
const identityLengthMax = 64;
/** So that bytes of another protocol are not taken for a hello. */
const protocolName = "kibitzer";

/** @param token Only ever given to whoever is called. */
export function encodeHello(
  hello: Hello,
  lane: Lane | null,
  protocol: ProtocolRange = untoldRange,
  token: string | null = null,
): Uint8Array {
  const { republic, node, version, formerly = [] } = hello;
  const names = formerly.slice(-formerlyMax);
  const { least, most } = protocol;
  const introduction = { protocol: protocolName, lane, republic, node, version };
  const more = names.length === 0 ? {} : { formerly: names };
  return new TextEncoder().encode(
    JSON.stringify({
      ...introduction,
      ...more,
      protocols: { least, most },
      ...(token === null ? {} : { token }),
    }),
  );
}

/**
 * What is unknown here is left out: later versions may say more.
 * @throws {TransportError} `KBZ_MALFORMED`.
 */
export function decodeHello(bytes: Uint8Array): Introduction {
  const fields = parseFields(bytes);
  const { republic, node, version } = fields;
  if (fields["protocol"] !== protocolName) throw malformed("another protocol");
  if (republic !== null && !isText(republic)) throw malformed("no republic");
  if (!isText(version)) throw malformed("no version");
  const formerly = decodeFormerly(fields.formerly);
  const hello = { republic, node: decodeNode(node), version };
  const protocol = decodeProtocols(fields.protocols);
  const { token } = fields;
  if (token !== undefined && !isText(token)) throw malformed("no token");
  const told = formerly.length === 0 ? hello : { ...hello, formerly };
  return { hello: told, protocol, ...(token === undefined ? {} : { token }) };
}

/** @throws {TransportError} `KBZ_REPUBLIC` when both sides name a republic, and not the same. */
export function checkRepublic(here: Hello, there: Hello): void {
  if (here.republic === null || there.republic === null) return;
  if (here.republic === there.republic) return;
  const [before, after] = here.formerly?.includes(there.republic) ? [there, here] : [here, there];
  const isFormer = after.formerly?.includes(before.republic ?? "") === true;
  const advice = isFormer
    ? `Republic ${before.republic} is over: it went on as ${after.republic} without ` +
      `${whoIs(before)}, by "kibitz recover" or "kibitz restore". Nothing that it holds is ` +
      "taken. Keep its directory for inspection, and let it join with an empty one."
    : "Check the addresses: nodes of one republic call only each other.";
  throw new TransportError(
    "KBZ_REPUBLIC",
    `Wanted republic ${here.republic}, got ${there.republic}. ${advice}`,
    { outcome: "none" },
  );
}

function whoIs({ node }: Hello): string {
  return node === null ? "this client" : `node ${node.id}`;
}

function decodeProtocols(protocols: unknown): ProtocolRange {
  if (protocols === undefined) return untoldRange;
  if (!isFields(protocols)) throw malformed("no versions of the protocol");
  const { least, most } = protocols;
  if (typeof least !== "number" || typeof most !== "number" || !isProtocolRange({ least, most })) {
    throw malformed("no versions of the protocol");
  }
  return { least, most };
}

function decodeFormerly(formerly: unknown): readonly string[] {
  if (formerly === undefined) return [];
  const isList = Array.isArray(formerly) && formerly.length <= formerlyMax;
  if (!isList || !formerly.every((each) => isText(each) && each.length <= identityLengthMax)) {
    throw malformed("no former republics");
  }
  return formerly;
}

function decodeNode(node: unknown): Hello["node"] {
  if (node === null) return null;
  if (!isFields(node)) throw malformed("no node");
  const { id, cookie, starts, url } = node;
  if (!isText(id) || !isText(cookie)) throw malformed("a node without id or cookie");
  if (!isText(url)) throw malformed("a node without its endpoint");
  if (typeof starts !== "number" || !Number.isSafeInteger(starts) || starts < 0) {
    throw malformed("a node without its number of starts");
  }
  return { id, cookie, starts, url };
}

/** @throws {TransportError} `KBZ_MALFORMED` when `bytes` are not a JSON object. */
export function parseFields(bytes: Uint8Array): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed("no JSON", error);
  }
  if (!isFields(parsed)) throw malformed("no JSON object");
  return parsed;
}

interface Fields {
  readonly [name: string]: unknown;
  readonly republic?: unknown;
  readonly node?: unknown;
  readonly version?: unknown;
  readonly id?: unknown;
  readonly cookie?: unknown;
  readonly starts?: unknown;
  readonly url?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly outcome?: unknown;
  readonly retryable?: unknown;
  readonly transport?: unknown;
  readonly firstIndex?: unknown;
  readonly formerly?: unknown;
  readonly protocols?: unknown;
  readonly token?: unknown;
  readonly least?: unknown;
  readonly most?: unknown;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= textLengthMax;
}

function malformed(found: string, cause?: unknown): TransportError {
  return new TransportError(
    "KBZ_MALFORMED",
    `Wanted an introduction or a failure, got ${found}. Check what speaks at the other end.`,
    { outcome: "unknown", cause },
  );
}
