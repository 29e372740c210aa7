/** Decrees that wait to be written anew, since their records are damaged. Memory only. */
import { assert, type Decree, type Slot } from "../../consensus/index.ts";
import { decreeBody, type FramedDecree } from "../codec/decree-codec.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { Extent } from "./extents.ts";
import type { FramedWrite } from "./group.ts";

/** A decree with the bytes that its write holds beside it. */
export function framedDecree(decree: Decree, body: Uint8Array | undefined): FramedDecree {
  assert(body !== undefined, "each decree has its bytes");
  return { decree, body: decree.value.kind === "batch" ? body : null };
}

interface Waiting {
  readonly writes: readonly FramedWrite[];
  readonly resolve: () => void;
  readonly reject: (error: KibitzerError) => void;
}

export class Mends {
  #waiting: Waiting[] = [];
  #underWay: readonly Waiting[] = [];

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves once they are durable. */
  async add(decrees: readonly FramedDecree[], extent: Extent): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ writes: writesOf(decrees, extent), resolve, reject });
    await promise;
  }

  /** All that wait, as the writes of one group; none is taken twice. */
  take(): readonly FramedWrite[] {
    this.#underWay = this.#waiting;
    this.#waiting = [];
    return this.#underWay.flatMap(({ writes }) => writes);
  }

  /** What was taken is durable. */
  done(): void {
    for (const { resolve } of this.#underWay) resolve();
    this.#underWay = [];
  }

  fail(error: KibitzerError): void {
    for (const { reject } of [...this.#underWay, ...this.#waiting]) reject(error);
    this.#underWay = [];
    this.#waiting = [];
  }
}

/** One write for all slots that follow one another; it changes nothing but their place. */
function writesOf(decrees: readonly FramedDecree[], extent: Extent): readonly FramedWrite[] {
  const runs: FramedDecree[][] = [];
  let next: Slot | null = null;
  const inOrder = decrees.toSorted((left, right) => left.decree.slot - right.decree.slot);
  for (const framed of inOrder) {
    const { slot } = framed.decree;
    const run = runs.at(-1);
    if (run !== undefined && slot === next) run.push(framed);
    else runs.push([framed]);
    next = slot + 1;
  }
  return runs.map((run) => ({
    write: {
      number: 0,
      promised: null,
      accepted: extent.accepted,
      slotFirst: run[0]?.decree.slot ?? 1,
      decrees: run.map(({ decree }) => decree),
      decided: extent.decided,
      heard: null,
      lostUpTo: 0,
    },
    bodies: run.map(({ decree, body }) => decreeBody(decree, body)),
  }));
}
