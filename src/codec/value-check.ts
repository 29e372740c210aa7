/**
 * Checks values of decrees that come from outside: every field, every range. Throws `DecodeError`,
 * never an assertion, and never repairs.
 */
import { compareIds, limits, type Value } from "../../consensus/index.ts";
import { DecodeError } from "./bytes.ts";
import { isFields, isHexText, isIdText, type Fields } from "./shapes.ts";

type SmallValue = Exclude<Value, { readonly kind: "batch" }>;

/** Every value but a batch, by its kind. */
export type SmallKind = SmallValue["kind"];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body of a value that is not a batch. */
export function encodeValue(value: SmallValue): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/**
 * The value in `body`. Only the text that `encodeValue` makes is taken, since hashes are over it.
 * @throws {DecodeError}
 */
export function decodeValue(kind: SmallKind, body: Uint8Array): SmallValue {
  const value = parse(body);
  if (value.text !== JSON.stringify(value.fields)) throw bad(kind, "canonical JSON");
  const fields = value.fields;
  if (fields["kind"] !== kind) throw bad(kind, "its own kind");
  if (!checks[kind](fields) || !isValue(fields)) throw bad(kind, "fields within their bounds");
  return fields;
}

function parse(body: Uint8Array): { readonly text: string; readonly fields: Fields } {
  try {
    const text = decoder.decode(body);
    const fields: unknown = JSON.parse(text);
    if (isFields(fields)) return { text, fields };
  } catch {
    // Not UTF-8 or not JSON: told below, like any other rubbish.
  }
  throw new DecodeError(0, "expected the JSON of a decree's value");
}

function bad(kind: SmallKind, expected: string): DecodeError {
  return new DecodeError(0, `expected a value of kind ${kind} with ${expected}`);
}

const checks: Readonly<Record<SmallKind, (fields: Fields) => boolean>> = {
  bootstrap: (fields) =>
    hasKeys(fields, ["kind", "republic", "founder", "parliamentSize"]) &&
    isRepublic(fields["republic"]) &&
    isCitizen(fields["founder"]) &&
    isBetween(fields["parliamentSize"], 1, limits.parliamentSizeMax) &&
    fields["parliamentSize"] % 2 === 1,
  opening: (fields) => hasKeys(fields, ["kind"]),
  admission: (fields) => hasKeys(fields, ["kind", "citizen"]) && isCitizen(fields["citizen"]),
  naturalization: (fields) => isNamed(fields, []),
  eligibility: (fields) => isNamed(fields, ["eligible"]) && typeof fields["eligible"] === "boolean",
  relocation: (fields) =>
    isNamed(fields, ["url"]) && isShortText(fields["url"], limits.urlBytesMax),
  exile: (fields) => isNamed(fields, []),
  succession: (fields) =>
    hasKeys(fields, ["kind", "government", "parliament", "leader", "leaving"]) &&
    isBetween(fields["government"], 1, Number.MAX_SAFE_INTEGER) &&
    isParliament(fields["parliament"], fields["leader"]) &&
    isMemberList(fields["leaving"]),
  refounding: (fields) =>
    hasKeys(fields, ["kind", "cause", "republic", "founder", "government"]) &&
    (fields["cause"] === "recovered" || fields["cause"] === "restored") &&
    isRepublic(fields["republic"]) &&
    isCitizen(fields["founder"]) &&
    isBetween(fields["government"], 2, Number.MAX_SAFE_INTEGER),
  registration: (fields) => hasKeys(fields, ["kind", "nonce"]) && isHexText(fields["nonce"]),
};

/** Follows from `checks`; tells the compiler. */
function isValue(fields: Fields): fields is Fields & SmallValue {
  return typeof fields["kind"] === "string" && Object.hasOwn(checks, fields["kind"]);
}

function hasKeys(fields: Fields, keys: readonly string[]): boolean {
  return (
    Object.keys(fields).length === keys.length && keys.every((key) => Object.hasOwn(fields, key))
  );
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return (
    typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
  );
}

function isShortText(value: unknown, bytesMax: number): value is string {
  return typeof value === "string" && value !== "" && encoder.encode(value).length <= bytesMax;
}

/** Whether they name an incarnation, and have these keys beside. */
function isNamed(fields: Fields, keys: readonly string[]): boolean {
  return (
    hasKeys(fields, ["kind", "id", "cookie", ...keys]) &&
    isIdText(fields["id"]) &&
    isHexText(fields["cookie"])
  );
}

function isRepublic(value: unknown): boolean {
  return (
    isFields(value) &&
    hasKeys(value, ["name", "identity"]) &&
    isShortText(value["name"], limits.urlBytesMax) &&
    isHexText(value["identity"])
  );
}

export function isCitizen(value: unknown): boolean {
  return (
    isFields(value) &&
    hasKeys(value, ["id", "cookie", "url", "properties"]) &&
    isIdText(value["id"]) &&
    isHexText(value["cookie"]) &&
    isShortText(value["url"], limits.urlBytesMax) &&
    isProperties(value["properties"])
  );
}

function isProperties(value: unknown): boolean {
  return (
    isFields(value) &&
    // An own "__proto__" would change an object that it is copied to.
    !Object.hasOwn(value, "__proto__") &&
    Object.values(value).every((property) => typeof property === "string") &&
    encoder.encode(JSON.stringify(value)).length <= limits.propertiesBytesMax
  );
}

function isMemberList(value: unknown): boolean {
  const isList = Array.isArray(value) && value.length <= limits.membersMax;
  return isList && value.every((id) => isIdText(id));
}

function isParliament(value: unknown, leader: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  if (value.length > limits.parliamentSizeMax || !value.includes(leader)) return false;
  let before = "";
  for (const id of value) {
    if (!isIdText(id) || compareIds(before, id) >= 0) return false;
    before = id;
  }
  return true;
}
