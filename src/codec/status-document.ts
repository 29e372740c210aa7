/** Checks statuses and reports that came from outside, before anything relies on their shape. */
import type { MemberStatus, Status } from "../api.ts";
import type { Guest, NodeReport } from "../requests.ts";
import {
  isBallot,
  isFields,
  isFlag,
  isHexText,
  isIdText,
  isText,
  isWhole,
  listOf,
  matches,
  nullOr,
  type Check,
} from "./shapes.ts";

type Shape = Readonly<Record<string, Check>>;

const roles: ReadonlySet<unknown> = new Set<MemberStatus["role"]>([
  "leader",
  "member",
  "constituent",
]);

const isPosition = like({ slot: isWhole, index: isWhole });

/** What a node says of itself, alone and as one of the members. */
const nodeShape: Shape = {
  id: isText,
  cookie: isText,
  version: isText,
  decided: isPosition,
  applied: isPosition,
  hash: like({ slot: isWhole, value: isText }),
};

const reportShape: Shape = { ...nodeShape, leader: nullOr(isText) };

const statusShape: Shape = {
  republic: like({ name: isText, identity: isText }),
  government: like({
    number: isWhole,
    leader: nullOr(isText),
    parliament: listOf(isText),
    constituents: listOf(isText),
    parliamentSize: isWhole,
  }),
  ballot: isBallot,
  decided: isPosition,
  members: listOf(
    like({
      ...nodeShape,
      url: isText,
      role: (role) => roles.has(role),
      reachable: isFlag,
      naturalized: isFlag,
      eligible: isFlag,
    }),
  ),
};

const guestShape: Shape = {
  id: isIdText,
  cookie: isHexText,
  url: isText,
  properties: isFields,
  republic: nullOr(like({ name: isText, identity: isHexText })),
};

const isRefounded = listOf(
  like({
    cause: (cause) => cause === "recovered" || cause === "restored",
    slot: isWhole,
    when: isSafeInteger,
    before: like({ name: isText, identity: isText }),
  }),
);

/** What came later may be absent: nodes of an earlier version do not tell it. */
export function isStatus(document: unknown): document is Status {
  if (!isFields(document) || !matches(document, statusShape)) return false;
  const { refounded = [] } = document;
  return isRefounded(refounded);
}

function isSafeInteger(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

export function isNodeReport(document: unknown): document is NodeReport {
  return matches(document, reportShape);
}

/** A citizen, and the republic that it is in; the citizen's own bounds are looked at elsewhere. */
export function isGuest(document: unknown): document is Guest {
  return matches(document, guestShape);
}

function like(shape: Shape): Check {
  return (value) => matches(value, shape);
}
