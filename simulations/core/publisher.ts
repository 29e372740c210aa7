/**
 * A simulated client that publishes batches in order, several in flight, through whichever node it
 * believes to lead; what is not answered is sent again with the same numbers (C1, C2, C7).
 */
import type { Batch, Effect, NodeId, Outcome, PublisherId, Reply } from "../../consensus/index.ts";
import type { Prng } from "../prng.ts";
import type { CoreCluster } from "./core-cluster.ts";
import type { CoreNode } from "./core-node.ts";
import type { Invariants } from "./invariants.ts";
import { Violation } from "./violation.ts";

interface Pending {
  readonly batch: Batch;
  sentAt: number;
}

const retryAfter = 600;

export interface PublisherOptions {
  readonly cluster: CoreCluster;
  readonly invariants: Invariants;
  readonly prng: Prng;
  readonly batches: number;
  /** How many of them may be in flight. */
  readonly window: number;
  /** The part of batches that are about as large as may be. */
  readonly large: number;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #prng: Prng;
  readonly #nonce: string;
  readonly #window: number;
  /** The chance that a request, or separately its answer, is lost. */
  loss = 0;
  #publisher: PublisherId | null = null;
  #registeredAt = -Infinity;
  #numbered = 0;
  #sequenceNext = 1;
  #pending: Pending[] = [];
  #leader: NodeId | null = null;
  #home: NodeId | null = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#prng = options.prng;
    this.#nonce = options.prng.hex16();
    this.#window = options.prng.integer(1, options.window);
    options.cluster.watch((node, outcome) => this.#watch(node, outcome));
    this.#tick();
  }

  get isDone(): boolean {
    return this.#numbered === this.#options.batches && this.#pending.length === 0;
  }

  #tick(): void {
    const { cluster } = this.#options;
    if (!this.isDone) this.#submitDue();
    cluster.schedule.after(this.#prng.between(5, 60), () => this.#tick());
  }

  #submitDue(): void {
    const now = this.#options.cluster.now;
    if (this.#publisher === null) {
      if (now - this.#registeredAt < retryAfter) return;
      if (this.#registeredAt > 0) this.#lookElsewhere();
      this.#registeredAt = now;
      this.#submit({ kind: "registration", nonce: this.#nonce });
      return;
    }
    while (this.#pending.length < this.#window && this.#numbered < this.#options.batches) {
      this.#pending.push({ batch: this.#nextBatch(this.#publisher), sentAt: -Infinity });
    }
    const isLate = this.#pending.some(({ sentAt }) => now - sentAt > retryAfter && sentAt > 0);
    if (isLate) this.#lookElsewhere();
    for (const pending of this.#pending) {
      if (!isLate && now - pending.sentAt <= retryAfter) continue;
      pending.sentAt = now;
      this.#submit(pending.batch);
    }
  }

  #nextBatch(publisher: PublisherId): Batch {
    const prng = this.#prng;
    const count = prng.chance(0.7) ? 1 : prng.integer(2, 20);
    const size = prng.chance(this.#options.large)
      ? prng.integer(500_000, 1_000_000)
      : prng.integer(8, 3000);
    const sequence = this.#sequenceNext;
    this.#sequenceNext += count;
    this.#numbered += 1;
    return { kind: "batch", publisher, sequence, count, size, checksum: prng.word() };
  }

  #lookElsewhere(): void {
    this.#leader = null;
    this.#home = null;
  }

  #submit(value: Batch | { readonly kind: "registration"; readonly nonce: string }): void {
    const { cluster } = this.#options;
    const nodes = cluster.up;
    if (nodes.length === 0) return;
    this.#home ??= this.#prng.pick(nodes).id;
    const target = this.#leader ?? this.#prng.pick(nodes).id;
    const node = cluster.nodes.get(target);
    if (node === undefined || !node.isUp || this.#prng.chance(this.loss)) {
      this.#leader = null;
      return;
    }
    cluster.later(node, this.#prng.exponential(2), () => {
      const outcome = cluster.step(node, { kind: "enqueue", value });
      if (outcome === null || outcome.reply === null || this.#prng.chance(this.loss)) return;
      this.#onReply(value, outcome.reply);
    });
  }

  #onReply(value: { readonly kind: string }, reply: Reply): void {
    if (reply.kind === "settled") this.#onEffect(value, reply.effect);
    if (reply.kind !== "refused") return;
    this.#leader = reply.reason === "notLeading" ? reply.leader : this.#leader;
    if (reply.reason === "noRepublic") this.#leader = null;
    this.#registeredAt = -Infinity;
    for (const pending of this.#pending) {
      if (pending.batch === value) pending.sentAt = -Infinity;
    }
  }

  #watch(node: CoreNode, { applied }: Outcome): void {
    if (node.id !== this.#home) return;
    for (const { decree, effect } of applied) this.#onEffect(decree.value, effect);
  }

  #onEffect(value: { readonly kind: string }, effect: Effect): void {
    if (effect.kind === "registered" && effect.nonce === this.#nonce) {
      this.#publisher ??= effect.publisher;
      return;
    }
    const pending = this.#pending.find(
      ({ batch }) => "sequence" in value && "publisher" in value && this.#isSame(batch, value),
    );
    if (pending === undefined) return;
    if (effect.kind === "applied" || effect.kind === "duplicate") {
      this.#pending = this.#pending.filter((each) => each !== pending);
      const { publisher, sequence } = pending.batch;
      this.#options.invariants.acknowledge(publisher, sequence, effect.index);
    } else if (effect.kind === "gap") {
      for (const each of this.#pending) each.sentAt = -Infinity;
    } else if (effect.kind === "conflict" || effect.kind === "unknownPublisher") {
      throw new Violation("C1", `batch ${pending.batch.sequence} ends with ${effect.kind}`);
    }
  }

  #isSame(
    batch: Batch,
    value: { readonly sequence: unknown; readonly publisher: unknown },
  ): boolean {
    return batch.sequence === value.sequence && batch.publisher === value.publisher;
  }
}
