/**
 * The clock of one process, moved from outside by libfaketime while the process runs. Only the wall
 * clock moves, unless `kind` is "all": waits go by the other one.
 */
import { writeFileSync } from "node:fs";

export class FakedClock {
  readonly environment: Readonly<Record<string, string>>;
  readonly #path: string;

  /** @param path A file that is only for this. */
  constructor(library: string, path: string, kind: "wall" | "all") {
    this.#path = path;
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: kind === "wall" ? "1" : "0",
    };
    this.jump(0);
  }

  /** From now on it is off by so many seconds, running at `rate` of the true speed. */
  jump(seconds: number, rate = 1): void {
    const sign = seconds < 0 ? "-" : "+";
    const speed = rate === 1 ? "" : ` x${rate}`;
    writeFileSync(this.#path, `${sign}${Math.abs(seconds)}${speed}\n`);
  }
}
