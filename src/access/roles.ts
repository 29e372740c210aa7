/** What somebody may do, and what each request needs. Pure. */
import type { Request } from "../requests.ts";

const names = ["read", "publish", "operate", "peer"] as const;
export type Role = (typeof names)[number];

/** `any`: whoever is let in at all. */
export type Need = Role | "any";

export function isRole(name: string): name is Role {
  return names.some((each) => each === name);
}

/** With those that a role brings along: a peer asks in the stead of any client. */
export function withImplied(roles: Iterable<Role>): ReadonlySet<Role> {
  const all = new Set(roles);
  if (all.has("peer")) return new Set(names);
  // Whoever may take a backup reads everything.
  if (all.has("operate")) all.add("read");
  return all;
}

/** What a request over frames needs. */
export function needOf({ method }: Request): Need {
  switch (method) {
    // Who is there, and from where on it can be read: clients of all kinds need that.
    case "report":
    case "barrier":
      return "any";
    case "entries":
    case "query":
    case "status":
      return "read";
    case "register":
    case "enqueue":
      return "publish";
    case "exile":
    case "transfer":
    case "promote":
    case "demote":
    case "invite":
    case "decrees":
    case "snapshot":
      return "operate";
    case "receive":
    case "immigrate":
    case "repair":
      return "peer";
  }
}
