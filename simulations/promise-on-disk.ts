/** What the first copy of the promise on a disk says; for checkers, which need no second one. */
import type { Ballot } from "../consensus/index.ts";
import { isBallot } from "../src/codec/shapes.ts";
import { dataDirectory } from "./cluster.ts";
import type { SimulatedDisk } from "./disk.ts";

/** Null when there is none. */
export function promiseOn(disk: SimulatedDisk): Ballot | null {
  const text = Buffer.from(disk.peek(`${dataDirectory}/promise-1`) ?? []).toString("utf8");
  const document: unknown = JSON.parse(text.slice(text.indexOf("\n") + 1) || "null");
  if (typeof document !== "object" || document === null || !("promised" in document)) return null;
  return isBallot(document.promised) ? document.promised : null;
}
