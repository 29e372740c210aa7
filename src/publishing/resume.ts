/** The publisher of an earlier life to go on as, as whoever was it names it. */
import type { Batch } from "../../consensus/index.ts";
import { notAPublisher } from "./errors.ts";

export interface PublisherNamed {
  readonly publisher: string;
  readonly sequenceNext: number;
}

export interface Resume {
  readonly publisher: number;
  readonly sequenceNext: number;
}

/** @throws {KibitzerError} `KBZ_ARGUMENT` when it can be no publisher. */
export function parseResume(named: PublisherNamed): Resume {
  const publisher = /^[1-9]\d{0,15}$/.test(named.publisher) ? Number(named.publisher) : 0;
  const { sequenceNext } = named;
  if (!Number.isSafeInteger(publisher) || publisher < 1) throw notAPublisher(named.publisher);
  if (!Number.isSafeInteger(sequenceNext) || sequenceNext < 1) {
    throw notAPublisher(`${named.publisher} with ${sequenceNext}`);
  }
  return { publisher, sequenceNext };
}

/** Goes on with the numbers of batches that never took effect, for whoever named its own. */
export function resumeAt(resume: Resume | null, unused: readonly Batch[]): Resume | null {
  const [first] = unused;
  if (resume === null || first === undefined) return resume;
  return { publisher: first.publisher, sequenceNext: first.sequence };
}
