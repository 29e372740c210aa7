/**
 * Inputs, outcomes and messages as short lines for people: the language of traces and of the
 * interaction scripts. Nothing is ever parsed back from it.
 */
import {
  sameBallot,
  ballotZero,
  type Ballot,
  type Decree,
  type Effect,
  type Answer,
  type Heard,
  type LegislatorInput,
  type Message,
  type Outcome,
  type Report,
  type Value,
  type Write,
} from "../../consensus/index.ts";

/** `government.round.id`, or `-` for the ballot below all others. */
export function ballotText(ballot: Ballot | null): string {
  if (ballot === null || sameBallot(ballot, ballotZero)) return "-";
  return `${ballot.government}.${ballot.round}.${ballot.id}`;
}

export function valueText(value: Value): string {
  switch (value.kind) {
    case "bootstrap":
      return `bootstrap(${value.founder.id})`;
    case "opening":
      return "opening";
    case "admission":
      return `admission(${value.citizen.id})`;
    case "naturalization":
    case "exile":
      return `${value.kind}(${value.id})`;
    case "eligibility":
      return `${value.eligible ? "eligible" : "ineligible"}(${value.id})`;
    case "relocation":
      return `relocation(${value.id}: ${value.url})`;
    case "succession":
      return `succession(${value.government}: ${value.parliament.join(" ")}; ${value.leader})`;
    case "registration":
      return `registration(${value.nonce.slice(0, 4)})`;
    case "refounding":
      return `refounding(${value.government}: ${value.founder.id}; ${value.cause})`;
    case "batch":
      return `batch(${value.publisher}:${value.sequence}+${value.count})`;
  }
}

/** `3:opening 4:batch(…)`, or `()` for none. */
export function decreesText(decrees: readonly Decree[]): string {
  if (decrees.length === 0) return "()";
  return `(${decrees.map((decree) => `${decree.slot}:${valueText(decree.value)}`).join(" ")})`;
}

function logText(log: { readonly accepted: Ballot; readonly length: number }): string {
  return `${ballotText(log.accepted)}#${log.length}`;
}

function reportText(report: Report): string {
  const flags = [
    report.leading === null ? "" : ` leads=${ballotText(report.leading)}`,
    report.quorumConnected ? " qc" : "",
    report.timely ? "" : " late",
    report.hasRoom ? "" : " full",
    report.hearsFit === null ? "" : ` fit=${ballotText(report.hearsFit)}`,
    report.chooses === null ? "" : ` chooses=${report.chooses}`,
  ];
  const positions = `log=${logText(report)} decided=${report.decided}`;
  const promised = ballotText(report.promised);
  return (
    `gov=${report.government} promised=${promised} ${positions}` +
    `${flags.join("")} life=${report.starts}`
  );
}

function heardText(heard: Heard): string {
  return `${heard.id}@${heard.starts} promised=${ballotText(heard.promised)} log=${logText(heard)}`;
}

function answerText({ starts, round, heard }: Answer): string {
  return ` answers=${starts}/${round}${heard === null ? "" : ` heard=${heardText(heard)}`}`;
}

export function messageText(message: Message): string {
  switch (message.kind) {
    case "ping":
    case "pong":
      return (
        `${message.kind} ${message.round} ${reportText(message.report)}` +
        (message.answer === null ? "" : answerText(message.answer))
      );
    case "prepare":
    case "resynchronize":
      return (
        `${message.kind} ${ballotText(message.ballot)} log=${logText(message)} ` +
        `decided=${message.decided}`
      );
    case "promised":
      return (
        `promised ${ballotText(message.ballot)} log=${logText(message)} ` +
        `decided=${message.decided} ${decreesText(message.decrees)}`
      );
    case "refused":
      return `refused ${ballotText(message.ballot)} promised=${ballotText(message.promised)}`;
    case "synchronize":
      return (
        `synchronize ${ballotText(message.ballot)} from=${message.slotFirst} ` +
        `${decreesText(message.decrees)} decided=${message.decided}`
      );
    case "accept":
      return (
        `accept ${ballotText(message.ballot)} ${decreesText(message.decrees)} ` +
        `decided=${message.decided}`
      );
    case "accepted":
      return `accepted ${ballotText(message.ballot)} length=${message.length}`;
    case "decide":
      return `decide ${ballotText(message.ballot)} decided=${message.decided}`;
    case "confirm":
    case "confirmed":
      return `${message.kind} ${ballotText(message.ballot)} round=${message.round}`;
    case "fetch":
      return `fetch from=${message.slotFirst}${message.follow ? " follow" : ""}`;
    case "learn":
      return `learn ${decreesText(message.decrees)} decided=${message.decided}`;
    case "ahead":
      return `ahead gov=${message.government} decided=${message.decided}`;
    case "naturalize":
      return "naturalize";
    case "takeOver":
      return `takeOver ${ballotText(message.ballot)}`;
  }
}

export function inputText(input: LegislatorInput): string {
  switch (input.kind) {
    case "receive":
      return `receive ${input.from}: ${messageText(input.message)}`;
    case "enqueue":
      return `enqueue ${valueText(input.value)}`;
    case "persisted":
      return `persisted ${input.write}`;
    case "room":
      return input.hasRoom ? "has room" : "has no room";
    case "sent":
      return `sent ${input.to}`;
    case "barrier":
      return `barrier ${input.barrier}`;
    case "immigrate":
      return `immigrate ${input.citizen.id}`;
    case "exile":
    case "demote":
      return `${input.kind} ${input.id}`;
    case "promote":
      return `promote ${input.id}${input.insteadOf === null ? "" : ` for ${input.insteadOf}`}`;
    case "transfer":
      return `transfer ${input.to ?? "anybody"}`;
    case "bootstrap":
    case "join":
    case "naturalize":
    case "event":
      return input.kind;
  }
}

export function writeText(write: Write): string {
  const parts = [`#${write.number}`];
  if (write.promised !== null) parts.push(`promised=${ballotText(write.promised)}`);
  if (write.decrees.length > 0) parts.push(`accepted=${ballotText(write.accepted)}`);
  else parts.push(`accepted=${ballotText(write.accepted)} length=${write.slotFirst - 1}`);
  if (write.decrees.length > 0) parts.push(decreesText(write.decrees));
  parts.push(`decided=${write.decided}`);
  if (write.heard !== null) parts.push(`heard=[${write.heard.map(heardText).join(", ")}]`);
  return parts.join(" ");
}

/** One line for each thing that the outcome asks for. */
export function outcomeLines(outcome: Outcome): string[] {
  const lines = outcome.send.map(({ to, message }) => `-> ${to}  ${messageText(message)}`);
  if (outcome.persist !== null) lines.push(`persist ${writeText(outcome.persist)}`);
  for (const { to, slotFirst, slotLast } of outcome.sendSlots) {
    lines.push(`slots -> ${to} ${slotFirst}…${slotLast}`);
  }
  for (const { decree, effect } of outcome.applied) {
    lines.push(`applied ${decree.slot}:${valueText(decree.value)} ${effectText(effect)}`);
  }
  for (const { barrier, slot } of outcome.barriers)
    lines.push(`barrier ${barrier} ${slot ?? "lost"}`);
  if (outcome.reply !== null) lines.push(`reply ${replyText(outcome.reply)}`);
  if (outcome.halt !== null) lines.push(`halt ${outcome.halt.kind}`);
  return lines;
}

function effectText(effect: Effect): string {
  return "index" in effect ? `${effect.kind} index=${effect.index}` : effect.kind;
}

function replyText(reply: NonNullable<Outcome["reply"]>): string {
  if (reply.kind === "refused") return `refused ${reply.reason} leader=${reply.leader ?? "-"}`;
  if (reply.kind === "admitted") return `admitted slot=${reply.slot}`;
  if (reply.kind === "settled") return `settled ${effectText(reply.effect)}`;
  return reply.kind;
}
