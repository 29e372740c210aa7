/** What a node gives others that have lost slots: whole records of its journal, decided or not. */
import { limits } from "../../consensus/index.ts";
import type { RepairRequest, Response } from "../requests.ts";
import type { Journal } from "../storage/journal.ts";

/** Bytes of one answer: as of one `learn`. */
const answerBytesMax = 4_194_304;

/** Also of a node that repairs itself: what is whole here is whole. */
export async function answerRepair(
  journal: Journal | null,
  { slotFirst, slotLast }: RepairRequest,
): Promise<Response> {
  const kind = "records";
  if (journal === null) {
    return { kind, decided: 0, length: 0, slotLast, damaged: [], decrees: [] };
  }
  const { decided, length } = journal;
  const last = Math.min(slotLast, slotFirst + limits.learnSlotsMax - 1);
  if (slotFirst > length) {
    return { kind, decided, length, slotLast: last, damaged: [], decrees: [] };
  }
  const found = await journal.readWhole(slotFirst, last, answerBytesMax);
  const framed = found.framed.slice(0, 2 * limits.learnSlotsMax);
  return {
    kind,
    decided,
    length,
    // Beyond the end of the log there is nothing to be looked at.
    slotLast: found.slotLast >= length ? last : found.slotLast,
    damaged: found.damaged,
    decrees: framed,
  };
}
