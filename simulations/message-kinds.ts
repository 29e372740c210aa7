/** Which messages a simulation may lose by their kind. */
import type { Message } from "../consensus/index.ts";

/** Those whose loss a protocol must live with: each has an answer, or a repetition, of its own. */
export const messageKinds: readonly Message["kind"][] = [
  "ping",
  "pong",
  "prepare",
  "promised",
  "synchronize",
  "accept",
  "accepted",
  "decide",
  "fetch",
  "learn",
  "confirm",
];
