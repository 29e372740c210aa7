/**
 * An answer of lines, each told as soon as it is known: those of one turn at once, since what a
 * chunk costs is many times a line. Waits for no reader; what one holds is counted.
 */
import type { ServerResponse } from "node:http";
import { httpLimits } from "./http-limits.ts";
import type { Stalls } from "./stalls.ts";

export class LineAnswer implements Disposable {
  readonly #response: ServerResponse;
  readonly #stalls: Stalls;
  #text = "";
  #turn: NodeJS.Immediate | null = null;
  #isBegun = false;

  constructor(response: ServerResponse, stalls: Stalls) {
    this.#response = response;
    this.#stalls = stalls;
  }

  /** Whether the status is told: from then on an error is a line. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  tell(line: string): void {
    this.#isBegun = true;
    this.#text += `${line}\n`;
    if (this.#text.length >= httpLimits.pieceBytes) this.#write();
    else this.#turn ??= setImmediate(() => this.#write());
  }

  end(): void {
    this.#write();
    this.#response.end();
    this.#stalls.count(this.#response);
  }

  [Symbol.dispose](): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
  }

  #write(): void {
    this[Symbol.dispose]();
    if (!this.#response.headersSent) {
      const headers = { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" };
      this.#response.writeHead(200, headers);
    }
    if (this.#text !== "") this.#response.write(this.#text);
    this.#text = "";
    this.#stalls.count(this.#response);
  }
}
