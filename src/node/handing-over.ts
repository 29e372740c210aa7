/** How a node that stops gives leadership away first: the republic goes on without a pause. */
import { sameBallot } from "../../consensus/index.ts";
import { Deadline } from "../deadline.ts";
import type { Engine } from "./engine.ts";

const handOverMs = 2_000;

/** Resolves once another node leads, if there is one to take it, or after a while. */
export async function handOver(engine: Engine): Promise<void> {
  let isTaken = engine.view().role === "leading";
  engine.play({ kind: "transfer", to: null }, ({ reply }) => {
    isTaken &&= reply?.kind === "enqueued";
  });
  if (!isTaken) return;
  using deadline = new Deadline(engine.configuration.world.clock, handOverMs, engine.over.signal);
  // Who went earlier would be missed by the successor, which counts on promises and votes; and
  // others would campaign against it.
  const isSucceeded = (): boolean => {
    const { promised, accepted } = engine.view();
    return accepted.id !== engine.directory.record.id && sameBallot(accepted, promised);
  };
  await engine.changed.until(isSucceeded, deadline.signal);
  const { length } = engine.view();
  await engine.changed.until(() => engine.view().decided >= length, deadline.signal);
}
