/**
 * Who belongs to the republic: admission, naturalization, exile, and where a member is called. Only
 * a leader has such things decided. Who has a seat is decided elsewhere.
 */
import type { Chamber } from "./chamber.ts";
import type { Citizen } from "./decree.ts";
import type { Cookie, NodeId, Slot } from "./identifiers.ts";
import { knownLeader } from "./election.ts";
import { limits } from "./limits.ts";
import { enqueue, hasOpened, isFull, isProposed } from "./leader.ts";
import { mayLoseSeat } from "./seats.ts";

export function onImmigrate(chamber: Chamber, citizen: Citizen): void {
  const { republic, state } = chamber;
  if (republic.government === null) {
    chamber.refuse("noRepublic", null);
    return;
  }
  const member = republic.member(citizen.id);
  if (member?.cookie === citizen.cookie) {
    if (member.url === citizen.url) chamber.reply({ kind: "admitted", slot: member.admitted });
    else relocate(chamber, citizen);
  } else if (republic.departed(citizen.id, citizen.cookie) !== null) {
    chamber.refuse("departed", knownLeader(chamber));
  } else if (state.role.kind !== "leading") {
    chamber.refuse("notLeading", knownLeader(chamber));
  } else if (member !== null) {
    // Final, so for a leader that knows all that is decided: another may not know of an exile.
    chamber.refuse(hasOpened(chamber, state.role) ? "idTaken" : "busy", chamber.id);
  } else if (republic.members.length >= limits.membersMax || isFull(state.role)) {
    chamber.refuse("busy", chamber.id);
  } else {
    const isUnderWay = isProposed(chamber, state.role, (value) => {
      return value.kind === "admission" && value.citizen.id === citizen.id;
    });
    if (!isUnderWay) enqueue(state.role, { kind: "admission", citizen });
    chamber.reply({ kind: "enqueued" });
  }
}

/** A member that is called elsewhere by now says so as it did when it came. */
function relocate(chamber: Chamber, { id, cookie, url }: Citizen): void {
  const { role } = chamber.state;
  if (role.kind !== "leading") return chamber.refuse("notLeading", knownLeader(chamber));
  if (isFull(role)) return chamber.refuse("busy", chamber.id);
  const isUnderWay = isProposed(chamber, role, (value) => {
    return value.kind === "relocation" && value.id === id;
  });
  if (!isUnderWay) enqueue(role, { kind: "relocation", id, cookie, url });
  chamber.reply({ kind: "enqueued" });
}

/** A constituent says that it is caught up. */
export function onNaturalize(chamber: Chamber, from: NodeId, cookie: Cookie): void {
  const { role } = chamber.state;
  const member = chamber.republic.member(from);
  if (role.kind !== "leading" || isFull(role)) return;
  if (member === null || member.cookie !== cookie || member.naturalized) return;
  const isUnderWay = isProposed(chamber, role, (value) => {
    return value.kind === "naturalization" && value.id === from;
  });
  if (!isUnderWay) enqueue(role, { kind: "naturalization", id: from, cookie });
}

/** A newcomer does not wait for the next round to say that it is there. */
export function onAdmissionDurable(chamber: Chamber, lengthBefore: Slot): void {
  const own = chamber.republic.member(chamber.id);
  if (own !== null && lengthBefore < own.admitted) askForNaturalization(chamber);
}

/** Once each round: a willing constituent that has caught up says so, until the log shows it. */
export function askForNaturalization(chamber: Chamber): void {
  const { state, republic } = chamber;
  const own = republic.member(chamber.id);
  if (!state.willing || own === null || own.naturalized) return;
  if (own.cookie !== chamber.options.cookie) return;
  // A seat is for who would still know its own admission after a loss of power.
  if (state.durable.length < own.admitted) return;
  const leader = knownLeader(chamber);
  if (leader === null || leader === chamber.id) return;
  // A round behind is near enough: the seat comes with a synchronize of its own.
  if (republic.slot < state.decidedAtRound) return;
  chamber.send(leader, { kind: "naturalize" });
}

export function onExile(chamber: Chamber, id: NodeId): void {
  const { republic, state } = chamber;
  const { role } = state;
  if (republic.government === null) chamber.refuse("noRepublic", null);
  else if (role.kind !== "leading") chamber.refuse("notLeading", knownLeader(chamber));
  else {
    const member = republic.member(id);
    if (member === null) chamber.refuse("notFound", chamber.id);
    else if (republic.seats(id) && !mayLoseSeat(chamber, role, id)) {
      chamber.refuse("quorum", chamber.id);
    } else {
      const others = role.exiling.filter((each) => each.id !== id);
      role.exiling = [...others, { id, cookie: member.cookie }];
      chamber.reply({ kind: "enqueued" });
    }
  }
}
