/**
 * An outcome as 64 bits: every field that anybody acts on is folded in, a decree's by its hash, so
 * that a replay which differs anywhere is noticed at that step. Cheap enough for each step of a
 * live node.
 */
import {
  Mixer,
  unreachable,
  type Applied,
  type Ballot,
  type Batch,
  type Decree,
  type Effect,
  type Halt,
  type Hash,
  type Answer,
  type Heard,
  type IslanderOutcome,
  type Message,
  type Outcome,
  type Reply,
  type Report,
  type Write,
} from "../../consensus/index.ts";

/** Folds an outcome of the Legislator. */
export function digestOutcome(outcome: Outcome): Hash {
  const mixer = new Mixer();
  mixer.number(outcome.send.length);
  for (const { to, lane, message } of outcome.send) {
    mixer.text(to).text(lane);
    mixMessage(mixer, message);
  }
  mixOptional(mixer, outcome.persist, mixWrite);
  mixer.number(outcome.sendSlots.length);
  for (const { to, slotFirst, slotLast, decided } of outcome.sendSlots) {
    mixer.text(to).number(slotFirst).number(slotLast).number(decided);
  }
  mixAll(mixer, outcome.applied, mixApplied);
  mixer.number(outcome.barriers.length);
  for (const { barrier, slot } of outcome.barriers) {
    mixer.number(barrier);
    mixOptional(mixer, slot, mixNumber);
  }
  mixOptional(mixer, outcome.reply, mixReply);
  mixOptional(mixer, outcome.halt, mixHalt);
  mixOptional(mixer, outcome.deadline, mixNumber);
  return mixer.digest();
}

/** Folds an outcome of the Islander. */
export function digestIslanderOutcome(outcome: IslanderOutcome): Hash {
  const mixer = new Mixer();
  mixOptional(mixer, outcome.register, (into, { nonce, attempt }) => {
    into.text(nonce).number(attempt);
  });
  mixer.number(outcome.submit.length);
  for (const { batch, attempt } of outcome.submit) {
    mixBatch(mixer, batch);
    mixer.number(attempt);
  }
  mixer.number(outcome.settled.length);
  for (const { batch, index } of outcome.settled) {
    mixBatch(mixer, batch);
    mixer.number(index);
  }
  mixAll(mixer, outcome.refused, mixBatch);
  mixOptional(mixer, outcome.failed, (into, { reason, batches }) => {
    into.text(reason);
    mixAll(into, batches, mixBatch);
  });
  mixer.number(outcome.room);
  mixOptional(mixer, outcome.deadline, mixNumber);
  return mixer.digest();
}

type Mix<Value> = (mixer: Mixer, value: Value) => void;

function mixOptional<Value>(mixer: Mixer, value: Value | null, mix: Mix<Value>): void {
  mixer.number(value === null ? 0 : 1);
  if (value !== null) mix(mixer, value);
}

function mixAll<Value>(mixer: Mixer, values: readonly Value[], mix: Mix<Value>): void {
  mixer.number(values.length);
  for (const value of values) mix(mixer, value);
}

function mixNumber(mixer: Mixer, value: number): void {
  mixer.number(value);
}

function mixFlag(mixer: Mixer, value: boolean): void {
  mixer.number(value ? 1 : 0);
}

function mixBallot(mixer: Mixer, { government, round, id }: Ballot): void {
  mixer.number(government).number(round).text(id);
}

function mixBatch(mixer: Mixer, batch: Batch): void {
  mixer
    .number(batch.publisher)
    .number(batch.sequence)
    .number(batch.count)
    .number(batch.size)
    .number(batch.checksum);
}

/**
 * The hash covers slot, times and value: it was made of them here, or held against them before the
 * decree entered the log. So no field can differ without it, and a decree, which is folded in for
 * each receiver, write and application, need not be read each time.
 */
function mixDecree(mixer: Mixer, { slot, hash }: Decree): void {
  mixer.number(slot).text(hash);
}

function mixExtent(
  mixer: Mixer,
  { accepted, length, decided }: Pick<Report, "accepted" | "length" | "decided">,
): void {
  mixBallot(mixer, accepted);
  mixer.number(length).number(decided);
}

function mixReport(mixer: Mixer, report: Report): void {
  mixer.number(report.government);
  mixBallot(mixer, report.promised);
  mixExtent(mixer, report);
  mixer.text(report.stateHash);
  mixOptional(mixer, report.leading, mixBallot);
  mixFlag(mixer, report.quorumConnected);
  mixFlag(mixer, report.timely);
  mixFlag(mixer, report.hasRoom);
  mixOptional(mixer, report.hearsFit, mixBallot);
  mixer.text(report.chooses ?? "");
  mixer.number(report.starts);
}

function mixHeard(mixer: Mixer, heard: Heard): void {
  mixer.text(heard.id).text(heard.cookie).number(heard.starts);
  mixBallot(mixer, heard.promised);
  mixBallot(mixer, heard.accepted);
  mixer.number(heard.length);
}

function mixAnswer(mixer: Mixer, { starts, round, heard }: Answer): void {
  mixer.number(starts).number(round);
  mixOptional(mixer, heard, mixHeard);
}

// oxlint-disable-next-line complexity -- one case a kind of message.
function mixMessage(mixer: Mixer, message: Message): void {
  mixer.text(message.kind);
  if ("ballot" in message) mixBallot(mixer, message.ballot);
  switch (message.kind) {
    case "ping":
      mixer.number(message.round);
      mixReport(mixer, message.report);
      return mixOptional(mixer, message.answer, mixAnswer);
    case "pong":
      mixer.number(message.round);
      mixReport(mixer, message.report);
      return mixAnswer(mixer, message.answer);
    case "prepare":
    case "resynchronize":
      return mixExtent(mixer, message);
    case "promised":
      mixExtent(mixer, message);
      mixer.number(message.intact);
      return mixAll(mixer, message.decrees, mixDecree);
    case "refused":
      return mixBallot(mixer, message.promised);
    case "synchronize":
      mixer.number(message.slotFirst).text(message.hashBefore).number(message.decided);
      return mixAll(mixer, message.decrees, mixDecree);
    case "accept":
    case "learn":
      mixer.number(message.decided);
      return mixAll(mixer, message.decrees, mixDecree);
    case "accepted":
      return mixNumber(mixer, message.length);
    case "decide":
      return mixNumber(mixer, message.decided);
    case "confirm":
    case "confirmed":
      return mixNumber(mixer, message.round);
    case "fetch":
      mixer.number(message.slotFirst);
      return mixFlag(mixer, message.follow);
    case "ahead":
      mixer.number(message.government).number(message.decided);
      return;
    case "naturalize":
    case "takeOver":
      return;
    default:
      return unreachable(message);
  }
}

function mixWrite(mixer: Mixer, write: Write): void {
  mixer.number(write.number);
  mixOptional(mixer, write.promised, mixBallot);
  mixBallot(mixer, write.accepted);
  mixer.number(write.slotFirst).number(write.decided).number(write.lostUpTo);
  mixAll(mixer, write.decrees, mixDecree);
  mixOptional(mixer, write.heard, (into, heard) => mixAll(into, heard, mixHeard));
}

function mixApplied(mixer: Mixer, { decree, effect, government, stateHash }: Applied): void {
  mixDecree(mixer, decree);
  mixEffect(mixer, effect);
  mixer.number(government).text(stateHash);
}

function mixEffect(mixer: Mixer, effect: Effect): void {
  mixer.text(effect.kind);
  if ("publisher" in effect) mixer.number(effect.publisher);
  if ("nonce" in effect) mixer.text(effect.nonce);
  if ("index" in effect) mixer.number(effect.index);
  if ("expected" in effect) mixer.number(effect.expected);
}

function mixReply(mixer: Mixer, reply: Reply): void {
  mixer.text(reply.kind);
  if (reply.kind === "admitted") mixer.number(reply.slot);
  if (reply.kind === "settled") mixEffect(mixer, reply.effect);
  if (reply.kind === "refused") mixer.text(reply.reason).text(reply.leader ?? "");
}

function mixHalt(mixer: Mixer, halt: Halt): void {
  mixer.text(halt.kind);
  if ("slot" in halt) mixer.number(halt.slot);
  if ("peer" in halt) mixer.text(halt.peer);
  if ("peers" in halt) mixAll(mixer, halt.peers, (into, peer) => into.text(peer));
}
