/** What a node shows of its log, from wherever that begins. */
import type { Kibitzer } from "../src/kibitzer.ts";
import { firstIndexOf } from "./first-index.ts";

/** What can be read of a log. */
export interface Readable {
  /** The index of the first text. */
  readonly first: number;
  readonly texts: readonly string[];
}

/** All entries that are there, from wherever the log begins. */
export async function textsOf(kibitzer: Kibitzer): Promise<Readable> {
  let first = 1;
  for (;;) {
    const texts: string[] = [];
    try {
      for await (const entry of kibitzer.entries({ from: first, follow: false })) {
        texts.push(entry.text());
      }
      return { first, texts };
    } catch (error) {
      const begins = firstIndexOf(error);
      if (begins === null || begins <= first) throw error;
      first = begins;
    }
  }
}
