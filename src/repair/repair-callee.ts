/**
 * Answers at a node's endpoints while it repairs its journal, before its core runs: gives others
 * what is whole, tells everybody else what it waits for, and takes part in nothing.
 */
import type { Callee, Hello } from "../../transport/index.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Request, Response } from "../requests.ts";
import type { Journal } from "../storage/journal.ts";
import { answerRepair } from "./repair-answer.ts";

export class RepairCallee implements Callee<Request, Response> {
  readonly #journal: Journal;
  readonly #hello: () => Hello;
  /** What is waited for, in words. */
  waitsFor = "it asks the other members";

  constructor(journal: Journal, hello: () => Hello) {
    this.#journal = journal;
    this.#hello = hello;
  }

  hello(): Hello {
    return this.#hello();
  }

  hear(): void {
    // What is lost here is sent again: this node does not take part yet.
  }

  async answer(request: Request): Promise<Response> {
    if (request.method === "repair") return await answerRepair(this.#journal, request);
    throw new KibitzerError(
      "KBZ_BUSY",
      `This node repairs its journal and does not serve yet: ${this.waitsFor}.`,
      { retryable: true, outcome: "none" },
    );
  }
}
