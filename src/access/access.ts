/**
 * Who may do what at a node: the one place that decides it, for frames and for HTTP. Knows the
 * tokens and the authorities of certificates as they are now; reads no file.
 */
import type { PresentedCertificate } from "../../transport/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Clock } from "../world.ts";
import { Pace } from "./pace.ts";
import { withImplied, type Need, type Role } from "./roles.ts";
import type { Tokens } from "./tokens.ts";

/** What decides. */
export interface AccessRules {
  /** Null: tokens say nothing. */
  readonly tokens: Tokens | null;
  /** SHA-256 of the certificates that sign nodes, and clients too; null: there are none. */
  readonly signers: ReadonlySet<string> | null;
  /** The same of those that sign clients only. */
  readonly clientSigners: ReadonlySet<string> | null;
}

/** Who asks. */
export interface Asker {
  /** The node that it says it is; null for a client. */
  readonly node: string | null;
  /** Where it comes from, for people. */
  readonly address: string;
  /** Of the token that it gave. */
  readonly tokenHash: Buffer | null;
  readonly certificate: PresentedCertificate | null;
}

/** What somebody may do, for as long as its connection lasts and its token is known. */
export interface Grant {
  readonly asker: Asker;
  /** Who it is, as far as that is known, for people. */
  readonly who: string;
  /** As whom its requests are counted: what anybody can make up is nobody. */
  readonly countedAs: string;
  readonly roles: ReadonlySet<Role>;
  /** Of these, what its certificate gives: that was looked at once, when it connected. */
  readonly certified: ReadonlySet<Role>;
  /** The tokens that it was looked up in. */
  readonly tokens: Tokens | null;
}

const noRoles: ReadonlySet<Role> = new Set<Role>();
const allRoles = withImplied(["peer"]);
const clientRoles = withImplied(["publish", "operate"]);
const roleUri = "urn:kibitzer:role:";
const nodeUri = "urn:kibitzer:node:";

export interface AccessOptions {
  readonly rules: () => AccessRules;
  readonly clock: Clock;
  /** Requests a second that one client may make; null: as many as it likes. */
  readonly requestsPerSecondMax: number | null;
  /** Has `listener` called after the tokens have changed, until what it returns is called. */
  readonly onChange: (listener: () => void) => () => void;
}

export class Access {
  /** Whether everybody may do everything; what decides it is there from the start or never. */
  readonly isOpen: boolean;
  /** Whether no request needs to be looked at. */
  readonly isIdle: boolean;
  readonly hasTokens: boolean;
  /** Has somebody told of each change of the tokens, until what it returns is called. */
  readonly onChange: AccessOptions["onChange"];
  readonly #rules: () => AccessRules;
  readonly #pace: Pace | null;

  constructor({ rules, clock, requestsPerSecondMax: max, onChange }: AccessOptions) {
    this.#rules = rules;
    this.onChange = onChange;
    this.#pace = max === null ? null : new Pace(clock, max);
    const { tokens, signers, clientSigners } = rules();
    this.isOpen = tokens === null && signers === null && clientSigners === null;
    this.hasTokens = tokens !== null;
    this.isIdle = this.isOpen && this.#pace === null;
  }

  /** @throws {KibitzerError} `KBZ_FORBIDDEN` to whom nothing at all is allowed. */
  admit(asker: Asker): Grant {
    const rules = this.#rules();
    if (this.isOpen) {
      const { tokens } = rules;
      const [who, countedAs] = [nameOf(asker), hostOf(asker.address)];
      return { asker, who, countedAs, roles: allRoles, certified: allRoles, tokens };
    }
    const certified = certifiedRoles(asker, rules);
    return granted(asker, certified, rules.tokens);
  }

  /** The same as it is now: a token may have been given other roles, or none. */
  renewed(grant: Grant): Grant {
    const { tokens } = this.#rules();
    return tokens === grant.tokens ? grant : granted(grant.asker, grant.certified, tokens);
  }

  /** @throws {KibitzerError} `KBZ_FORBIDDEN`, or `KBZ_BUSY` when it asks too much. */
  check(grant: Grant, need: Need): void {
    this.checkRole(grant, need);
    const { asker, countedAs } = grant;
    // A node asks in the stead of many.
    if (this.#pace !== null && asker.node === null) this.#pace.take(countedAs);
  }

  /** @throws {KibitzerError} `KBZ_FORBIDDEN`. */
  checkRole({ who, roles }: Grant, need: Need): void {
    if (need === "any" || roles.has(need)) return;
    const has = roles.size === 0 ? "no role" : `only ${[...roles].join(", ")}`;
    throw forbidden(`Wanted the role ${need} for this request, but ${who} has ${has}.`);
  }
}

function granted(asker: Asker, certified: ReadonlySet<Role>, tokens: Tokens | null): Grant {
  const token = tokens === null || asker.tokenHash === null ? null : tokens.find(asker.tokenHash);
  if (tokens !== null && asker.tokenHash !== null && token === null) {
    throw forbidden(`Wanted a token that is known here, but that of ${nameOf(asker)} is not.`);
  }
  const roles = new Set([...certified, ...(token?.roles ?? noRoles)]);
  const who = token === null ? nameOf(asker) : `${nameOf(asker)} with token ${token.name}`;
  const isNode = asker.node !== null;
  if (isNode ? !roles.has("peer") : roles.size === 0) throw unknown(who, isNode, tokens !== null);
  const countedAs = keyOf(asker, token !== null, certified);
  return { asker, who, countedAs, roles, certified, tokens };
}

function unknown(who: string, isNode: boolean, isByToken: boolean): KibitzerError {
  const wanted = isByToken ? "a token or a certificate" : "a certificate";
  const use = isNode ? "that makes it a peer" : "that is known here";
  return forbidden(`Wanted ${wanted} ${use}, but ${who} has none.`);
}

/** @throws {KibitzerError} `KBZ_FORBIDDEN` when what is presented is wrong. */
function certifiedRoles(asker: Asker, { signers, clientSigners }: AccessRules): ReadonlySet<Role> {
  const { certificate } = asker;
  if (certificate === null || (signers === null && clientSigners === null)) return noRoles;
  const { subject, fault, uris, chain } = certificate;
  if (fault !== null) {
    throw forbidden(
      `Wanted a certificate that can be believed, but that of ${nameOf(asker)}, for ` +
        `"${subject}", ${fault}.`,
    );
  }
  const named = urisIn(uris, roleUri);
  const roles = withImplied(rolesIn(named));
  // One that an authority of nodes signed too is a node's.
  const isNodes = signers !== null && chain.some((each) => signers.has(each));
  if (!isNodes) return named.length === 0 ? clientRoles : roles;
  const ids = urisIn(uris, nodeUri);
  if (ids.length > 0) checkId(asker, ids);
  return named.length > 0 && ids.length === 0 ? roles : allRoles;
}

function checkId({ node, address }: Asker, ids: readonly string[]): void {
  if (node === null || ids.includes(node)) return;
  const others = ids.slice(0, 3).join(", ");
  throw forbidden(
    `Wanted a certificate for node ${node}, but that of ${address} is for ${others}.`,
  );
}

function urisIn(uris: readonly string[], prefix: string): readonly string[] {
  return uris.flatMap((uri) => (uri.startsWith(prefix) ? [uri.slice(prefix.length)] : []));
}

/** A role that is not known gives nothing, but takes the place of all. */
function rolesIn(names: readonly string[]): readonly Role[] {
  return names.flatMap((name) =>
    name === "read" || name === "publish" || name === "operate" ? [name] : [],
  );
}

function nameOf({ node, address, certificate }: Asker): string {
  const who = node === null ? "a client" : `node ${node}`;
  const as = certificate?.fault === null ? ` with the certificate of "${certificate.subject}"` : "";
  return `${who} at ${address}${as}`;
}

/** Connections of one client count together; those of one address where nobody knows who it is. */
function keyOf(
  { tokenHash, certificate, address }: Asker,
  isTokenKnown: boolean,
  certified: ReadonlySet<Role>,
): string {
  const host = hostOf(address);
  if (isTokenKnown && tokenHash !== null) return tokenHash.toString("base64");
  return certified.size > 0 ? (certificate?.chain[0] ?? host) : host;
}

/** An address without its port, which is another one for each connection. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}

export function forbidden(message: string): KibitzerError {
  return new KibitzerError("KBZ_FORBIDDEN", `${message} See docs/security.md.`, {
    retryable: false,
    outcome: "none",
  });
}
