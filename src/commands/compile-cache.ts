/**
 * Keeps compiled modules between starts, which then take a quarter less. In the user's own cache:
 * a directory that others may write to would let them say what runs here.
 */
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Before anything else is loaded. `NODE_COMPILE_CACHE` and `NODE_DISABLE_COMPILE_CACHE` decide. */
export function keepCompiled(): void {
  if (process.env["NODE_COMPILE_CACHE"] !== undefined) return;
  try {
    // What cannot be kept is compiled again.
    enableCompileCache(join(cacheOfUser(), "kibitzer"));
  } catch {
    // A user without a home, as in some containers, has no cache either.
  }
}

/** @throws {Error} when the system knows of no home. */
function cacheOfUser(): string {
  const { XDG_CACHE_HOME: chosen = "" } = process.env;
  return isAbsolute(chosen) ? chosen : join(homedir(), ".cache");
}
