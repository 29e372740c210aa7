/**
 * Which branches the steps of a node have taken, told from their inputs and outcomes alone, as a
 * replay of its recording gives them: the node itself knows nothing of marks.
 */
import type { Applied, Legislator, LegislatorInput, Message, Outcome } from "../consensus/index.ts";
import type { CoverageMark } from "./coverage-marks.ts";

type RoleKind = Legislator["role"];
type Seen = Pick<Legislator, "role" | "republic" | "view">;
type Receive = Extract<LegislatorInput, { kind: "receive" }>;

interface Step {
  readonly input: LegislatorInput;
  readonly outcome: Outcome;
  readonly legislator: Seen;
  /** The role before the step; null before the first of a recording. */
  readonly before: RoleKind | null;
}

const ofSent: ReadonlyMap<Message["kind"], CoverageMark> = new Map([
  ["refused", "ballot.refused"],
  ["resynchronize", "synchronize.again"],
  ["ahead", "government.ahead"],
  ["takeOver", "handOver.told"],
]);

const ofRefusal: ReadonlyMap<string, CoverageMark> = new Map([
  ["gap", "batch.gap"],
  ["full", "batch.full"],
  ["idTaken", "member.refused"],
  ["quorum", "member.quorum"],
]);

const ofDecree: ReadonlyMap<string, CoverageMark> = new Map([
  ["naturalization", "member.naturalized"],
  ["eligibility", "member.eligible"],
  ["exile", "member.exiled"],
]);

export class StepMarks {
  readonly #id: string;
  readonly #hit: (mark: CoverageMark) => void;
  #role: RoleKind | null = null;
  #hasRoom = true;
  /** How long its log is, as written; null before the first write of this recording. */
  #length: number | null = null;
  /** Seats of the government in force before the step. */
  #seats = 0;

  /** @param id Of the node. */
  constructor(id: string, hit: (mark: CoverageMark) => void) {
    this.#id = id;
    this.#hit = hit;
  }

  see(input: LegislatorInput, outcome: Outcome, legislator: Seen): void {
    const step = { input, outcome, legislator, before: this.#role };
    const { role, republic } = legislator;
    this.#role = role;
    if (step.before !== null && step.before !== role) this.#onRole(step);
    this.#onInput(input, step);
    for (const { message } of outcome.send) this.#onSent(message, step);
    if (outcome.applied.length > 0) this.#onApplied(step);
    if (outcome.sendSlots.length > 0) this.#onSlots(step);
    if (outcome.reply !== null) this.#onReply(outcome.reply);
    if (outcome.persist !== null) this.#onWrite(input, outcome.persist);
    if (step.before === "leading") this.#onBarriers(outcome.barriers);
    this.#seats = republic.government?.parliament.length ?? 0;
  }

  #hitIf(condition: boolean, mark: CoverageMark | undefined): void {
    if (condition && mark !== undefined) this.#hit(mark);
  }

  #onInput(input: LegislatorInput, step: Step): void {
    if (input.kind === "room") this.#onRoom(input.hasRoom);
    if (input.kind === "receive") this.#onMessage(input, step);
  }

  #onRoom(hasRoom: boolean): void {
    this.#hit(hasRoom ? "room.again" : "room.none");
    this.#hasRoom = hasRoom;
  }

  #onRole(step: Step): void {
    if (step.legislator.role === "leading") this.#onElected(step);
    else if (step.before === "leading") this.#onDeposed(step);
    else if (step.before === "candidate") this.#onDefeated(step.input);
  }

  #onElected({ outcome: { persist }, legislator: { republic } }: Step): void {
    this.#hit("leads.elected");
    const { government } = republic;
    const isNamed = government?.leader === this.#id && government.number > 1;
    this.#hitIf(isNamed, "leads.newGovernment");
    const first = persist?.decrees[0]?.value.kind ?? "opening";
    this.#hitIf(first !== "opening", "leads.adoptsLonger");
  }

  #onDeposed({ input, legislator }: Step): void {
    if (input.kind === "event") {
      const isConnected = legislator.view().quorumConnected;
      if (!isConnected) this.#hit("steps.lostMajority");
      else this.#hit(this.#hasRoom ? "steps.stalled" : "steps.full");
    } else if (isOf(input, "prepare")) this.#hit("steps.promised");
    else this.#hitIf(isOf(input, "refused") || isReport(input), "steps.refused");
  }

  #onDefeated(input: LegislatorInput): void {
    if (input.kind === "event") this.#hit("candidate.alone");
    else if (isOf(input, "prepare")) this.#hit("candidate.promised");
    else this.#hitIf(isOf(input, "refused") || isReport(input), "candidate.refused");
  }

  #onMessage({ from, cookie, message }: Receive, { outcome, legislator }: Step): void {
    const { send, persist, applied, sendSlots } = outcome;
    const isQuiet = send.length + applied.length + sendSlots.length === 0 && persist === null;
    const { role, republic } = legislator;
    this.#hitIf(message.kind === "fetch" && message.follow && isQuiet, "learn.follows");
    this.#hitIf(message.kind === "accept" && persist === null, "accept.known");
    this.#hitIf(message.kind === "takeOver" && role === "candidate", "handOver.taken");
    const isStranger = republic.government !== null && republic.member(from)?.cookie !== cookie;
    this.#hitIf(isStranger && isQuiet, "stranger.ignored");
  }

  #onSent(message: Message, { input }: Step): void {
    this.#hitIf(true, ofSent.get(message.kind));
    if (message.kind === "promised") this.#hitIf(message.decrees.length > 0, "promise.withLog");
    if (message.kind === "accept") this.#hitIf(message.decrees.length > 1, "accept.several");
    if (message.kind === "confirm") this.#hitIf(input.kind === "event", "barrier.repeated");
    if (message.kind === "prepare" && isReport(input)) {
      this.#hit(this.#role === "leading" ? "promise.late" : "promise.byPing");
    }
    const isLate = this.#role === "candidate" && isOf(input, "promised");
    this.#hitIf(message.kind === "fetch" && isLate, "leads.fetchesFirst");
  }

  #onApplied(step: Step): void {
    const { input, outcome, before } = step;
    this.#hitIf(before === "leading" && isReport(input), "accepted.byReport");
    this.#hitIf(input.kind === "persisted" && this.#seats === 1, "decided.alone");
    this.#hitIf(isOf(input, "decide"), "decided.told");
    for (const applied of outcome.applied) this.#onDecree(applied);
    const kinds = outcome.applied.map(({ decree }) => decree.value.kind);
    const isAmid = kinds.slice(0, -1).includes("succession");
    this.#hitIf(isOf(input, "learn") && isAmid, "learn.stopSigns");
  }

  #onDecree({ decree: { value }, effect, government }: Applied): void {
    this.#hitIf(effect.kind === "duplicate", "batch.duplicate");
    this.#hitIf(effect.kind === "gap", "batch.gap");
    if (value.kind === "succession") {
      const [before, after] = [this.#seats, value.parliament.length];
      this.#seats = after;
      this.#hitIf(before > 0 && after > before, "government.grows");
      this.#hitIf(after < before, "government.shrinks");
    }
    if (effect.kind !== "membership") return;
    this.#hitIf(value.kind === "admission" && government > 1, "member.admitted");
    this.#hitIf(true, ofDecree.get(value.kind));
  }

  #onSlots({ before, input }: Step): void {
    if (isOf(input, "fetch")) return;
    const isFollowers = isOf(input, "promised") || isOf(input, "resynchronize") || isReport(input);
    this.#hit(before === "leading" && isFollowers ? "synchronize.slots" : "learn.served");
  }

  #onBarriers(barriers: Outcome["barriers"]): void {
    this.#hitIf(
      barriers.some(({ slot }) => slot === null),
      "barrier.lost",
    );
  }

  #onReply(reply: NonNullable<Outcome["reply"]>): void {
    this.#hitIf(reply.kind === "settled", "batch.duplicate");
    if (reply.kind !== "refused") return;
    this.#hitIf(true, ofRefusal.get(reply.reason));
    this.#hitIf(reply.reason === "notLeading" && reply.leader !== null, "batch.elsewhere");
  }

  #onWrite(input: LegislatorInput, write: NonNullable<Outcome["persist"]>): void {
    const { heard, slotFirst, decrees } = write;
    this.#hitIf(heard !== null, "heard.noted");
    const length = this.#length;
    this.#length = slotFirst - 1 + decrees.length;
    if (length === null || decrees.length === 0 || slotFirst > length) return;
    this.#hitIf(isOf(input, "synchronize"), "synchronize.cutsTail");
    this.#hitIf(isOf(input, "learn"), "learn.cutsTail");
  }
}

function isOf(input: LegislatorInput, kind: Message["kind"]): boolean {
  return input.kind === "receive" && input.message.kind === kind;
}

function isReport(input: LegislatorInput): boolean {
  return isOf(input, "ping") || isOf(input, "pong");
}
