/** Checks a status that came from outside, before anything relies on its shape. */
import type { MemberStatus, Status } from "./api.ts";

export function isStatus(document: unknown): document is Status {
  return (
    isFields(document) &&
    isRepublic(document["republic"]) &&
    isGovernment(document["government"]) &&
    isBallot(document["ballot"]) &&
    isPosition(document["decided"]) &&
    isListOf(document["members"], isMember)
  );
}

type Fields = Readonly<Record<string, unknown>>;

const roles: ReadonlySet<unknown> = new Set<MemberStatus["role"]>([
  "leader",
  "member",
  "constituent",
]);

function isRepublic(value: unknown): boolean {
  return isFields(value) && isText(value["name"]) && isText(value["identity"]);
}

function isGovernment(value: unknown): boolean {
  return (
    isFields(value) &&
    isNumber(value["number"]) &&
    (value["leader"] === null || isText(value["leader"])) &&
    isListOf(value["parliament"], isText) &&
    isListOf(value["constituents"], isText)
  );
}

function isBallot(value: unknown): boolean {
  return (
    isFields(value) &&
    isNumber(value["government"]) &&
    isNumber(value["round"]) &&
    isText(value["id"])
  );
}

function isMember(value: unknown): boolean {
  return (
    isFields(value) &&
    ["id", "url", "cookie", "version"].every((name) => isText(value[name])) &&
    roles.has(value["role"]) &&
    typeof value["reachable"] === "boolean" &&
    isPosition(value["decided"]) &&
    isPosition(value["applied"]) &&
    isHash(value["hash"])
  );
}

function isPosition(value: unknown): boolean {
  return isFields(value) && isNumber(value["slot"]) && isNumber(value["index"]);
}

function isHash(value: unknown): boolean {
  return isFields(value) && isNumber(value["slot"]) && isText(value["value"]);
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isItem(item));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
