/**
 * The tokens that a node knows: their names, roles and hashes, never the tokens themselves. Parses
 * their file and finds one; reads no file.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { KibitzerError } from "../kibitzer-error.ts";
import { isRole, withImplied, type Role } from "./roles.ts";

export interface KnownToken {
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
}

interface Line extends KnownToken {
  readonly hash: Buffer;
}

export const tokensMax = 1000;
export const tokenLengthMax = 512;
const wanted = '"NAME ROLE[,ROLE…] SHA256", the roles being read, publish, operate or peer';

export class Tokens {
  readonly #lines: readonly Line[];

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /**
   * One token a line; empty lines, and those that begin with #, mean nothing. Without any token
   * everybody would be shut out, peers too: that is a file half written, not a wish.
   * @param path Named in errors; what a line says is not: it may be a secret, put there by mistake.
   * @throws {KibitzerError} `KBZ_ARGUMENT`.
   */
  static parse(text: string, path: string): Tokens {
    const lines: Line[] = [];
    for (const [at, line] of text.split("\n").entries()) {
      const words = line.trim().split(/\s+/);
      if (words[0] === "" || words[0]?.startsWith("#")) continue;
      const parsed = parseLine(words);
      if (parsed === null || lines.length >= tokensMax) {
        const found = parsed === null ? "something else" : `more than ${tokensMax} tokens`;
        throw wrongTokens(`${path}, line ${at + 1}: wanted ${wanted}, found ${found}.`);
      }
      lines.push(parsed);
    }
    if (lines.length === 0)
      throw wrongTokens(`${path}: wanted one ${wanted} at least, found none.`);
    return new Tokens(lines);
  }

  /** Compares all of them, each in the same time, so that how long it takes tells nothing. */
  find(hash: Buffer): KnownToken | null {
    let found: Line | null = null;
    for (const line of this.#lines) if (timingSafeEqual(line.hash, hash)) found = line;
    return found;
  }
}

/** All that is ever kept of a token that somebody gave. */
export function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function parseLine([name = "", roleList = "", hash = "", ...more]: readonly string[]): Line | null {
  const roles = roleList.split(",");
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name);
  if (!isName || !/^[0-9a-fA-F]{64}$/.test(hash) || more.length > 0) return null;
  if (!roles.every(isRole)) return null;
  return { name, roles: withImplied(roles), hash: Buffer.from(hash, "hex") };
}

function wrongTokens(message: string): KibitzerError {
  return new KibitzerError("KBZ_ARGUMENT", message, { retryable: false, outcome: "none" });
}
