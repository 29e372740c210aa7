/** What stands in files of a simulated disk; for checkers, which need one copy of what has two. */
import type { Ballot } from "../../consensus/index.ts";
import { isBallot } from "../../src/codec/shapes.ts";
import { dataDirectory } from "../cluster.ts";
import type { SimulatedDisk } from "./disk.ts";

/** What was promised there; null when nothing was. */
export function promiseOn(disk: SimulatedDisk): Ballot | null {
  const text = Buffer.from(disk.peek(`${dataDirectory}/promise-1`) ?? []).toString("utf8");
  const document: unknown = JSON.parse(text.slice(text.indexOf("\n") + 1) || "null");
  if (typeof document !== "object" || document === null || !("promised" in document)) return null;
  return isBallot(document.promised) ? document.promised : null;
}

/** The incarnation that a disk belongs to, as its file says, or null. */
export function cookieOf(disk: SimulatedDisk): string | null {
  const bytes = disk.peek(`${dataDirectory}/node`);
  if (bytes === null) return null;
  return /"cookie":"([0-9a-f]{16})"/.exec(Buffer.from(bytes).toString("latin1"))?.[1] ?? null;
}
