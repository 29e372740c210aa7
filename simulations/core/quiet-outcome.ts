/** An outcome of nothing, for checks that are handed made-up ones. */
import type { Outcome } from "../../consensus/index.ts";

export const quiet: Outcome = {
  send: [],
  persist: null,
  sendSlots: [],
  download: null,
  installed: null,
  applied: [],
  barriers: [],
  reply: null,
  halt: null,
  deadline: null,
};
