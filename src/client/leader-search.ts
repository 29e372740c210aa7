/**
 * Brings a client that publishes to the leader, where that is one of its endpoints: a hop less for
 * each entry. Goes by what nodes say of themselves, never on a rumour; changes nothing by itself.
 */
import { isNodeReport, isStatus } from "../codec/status-document.ts";
import { isOfKind, type Request, type Response } from "../requests.ts";
import type { Clock } from "../world.ts";
import { EndpointSearch, type Attachment, type EndpointSearchOptions } from "./endpoint-search.ts";

export interface LeaderSearchOptions {
  readonly urls: readonly string[];
  readonly clock: Clock;
  /** How to connect, beside the endpoint in use. */
  readonly search: Omit<EndpointSearchOptions, "urls" | "found" | "failed">;
  /** One that leads, is connected, and has all that was decided before. */
  found(leader: Attachment, from: Attachment): void;
}

/** How long after one look the next, however it ended: no change of leader is worth more. */
const lookMs = 5000;
/** Most commands are over sooner. */
const firstLookMs = 1000;
const answerMs = 1000;

export class LeaderSearch {
  readonly #options: LeaderSearchOptions;
  #isLooking = false;
  /** Ends the wait for a connection to one that may lead. */
  #giveUp: () => void = () => undefined;
  #found: Attachment | null = null;
  #isOver = false;
  #nextAt: number;

  constructor(options: LeaderSearchOptions) {
    this.#options = options;
    this.#nextAt = options.clock.now() + firstLookMs;
  }

  /** Something was published through `attachment`: now and then, looks whether that leads. */
  async published(attachment: Attachment): Promise<void> {
    const { clock, urls } = this.#options;
    if (this.#isOver || this.#isLooking || urls.length === 1 || clock.now() < this.#nextAt) return;
    this.#isLooking = true;
    try {
      await this.#look(attachment);
    } catch {
      // Whoever did not answer is asked again at the next look.
    } finally {
      this.#isLooking = false;
      this.#nextAt = clock.now() + lookMs;
    }
  }

  /** Ends a look that is under way, with its connection, and any to come. */
  cancel(): void {
    this.#isOver = true;
    this.#giveUp();
    if (this.#found !== null) this.#options.search.drop(this.#found);
    this.#found = null;
  }

  async #look(attachment: Attachment): Promise<void> {
    const here = await whoLeads(attachment);
    if (here.leader === null || here.leader === here.id) return;
    const { document } = of(await ask(attachment, { method: "status" }), "document");
    const members = isStatus(document) ? document.members : [];
    const url = members.find(({ id }) => id === here.leader)?.url ?? "";
    if (this.#isOver || !this.#options.urls.includes(url)) return;
    const leader = await this.#connect(url);
    if (leader === null) return;
    const isTaken = await isFit(leader);
    // Whoever cancelled has dropped it.
    if (this.#found !== leader) return;
    this.#found = null;
    if (isTaken) this.#options.found(leader, attachment);
    else this.#options.search.drop(leader);
  }

  /** Null where it does not answer in time. */
  async #connect(url: string): Promise<Attachment | null> {
    const { search, clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<Attachment | null>();
    const attempt = new EndpointSearch({
      ...search,
      urls: [url],
      found: (attachment) => {
        this.#found = attachment;
        resolve(attachment);
      },
      failed: () => this.#giveUp(),
    });
    this.#giveUp = () => {
      attempt.cancel();
      resolve(null);
    };
    const timer = clock.after(answerMs, this.#giveUp);
    attempt.start();
    const attachment = await promise;
    timer.cancel();
    return attachment;
  }
}

/** Whether it says itself that it leads, and shows by a barrier that it can. */
async function isFit(attachment: Attachment): Promise<boolean> {
  try {
    const { id, leader } = await whoLeads(attachment);
    if (id === null || leader !== id) return false;
    return (await ask(attachment, { method: "barrier", hops: 0 })).kind === "barrier";
  } catch {
    return false;
  }
}

async function whoLeads(
  attachment: Attachment,
): Promise<{ readonly id: string | null; readonly leader: string | null }> {
  const { document } = of(await ask(attachment, { method: "report" }), "document");
  return isNodeReport(document) ? document : { id: null, leader: null };
}

async function ask({ caller }: Attachment, request: Request): Promise<Response> {
  return await caller.call(request, { lane: "control", timeoutMs: answerMs });
}

function of<Kind extends Response["kind"]>(
  response: Response,
  kind: Kind,
): Response & { readonly kind: Kind } {
  if (isOfKind(response, kind)) return response;
  throw new Error(`wanted a ${kind}, got a ${response.kind}`);
}
