/** Slips where disks are full: who notices, who gives way, who is told. Data only. */
import type { Mutant } from "../mutant.ts";

export const roomMutants: readonly Mutant[] = [
  {
    name: "full-leader-stays",
    file: "consensus/fitness.ts",
    find: "if (chamber.state.hasRoom) return true;",
    replace: "if (chamber.state.hasRoom || chamber.state.now >= 0) return true;",
    about: "A leader whose disk is full does not give way to one that has room.",
    invariant: "D11",
  },
  {
    name: "full-followers-unheeded",
    file: "consensus/fitness.ts",
    find: "return chamber.state.hasRoom && isMajorityWith(chamber, (id) => !isFull(chamber, id));",
    replace: "return chamber.state.hasRoom;",
    about: "A leader takes more though a majority has no room for it.",
    invariant: "D11",
  },
  {
    name: "full-leader-takes-more",
    file: "consensus/fitness.ts",
    find: "return chamber.state.hasRoom && isMajorityWith(chamber, (id) => !isFull(chamber, id));",
    replace: "return isMajorityWith(chamber, (id) => !isFull(chamber, id));",
    about: "A leader without room takes more as long as the others have some.",
    invariant: "D11",
  },
  {
    name: "full-node-learns",
    file: "consensus/learner.ts",
    find: "if (!state.hasRoom) return;",
    replace: "",
    about: "A node without room writes down what it is sent of the log.",
    invariant: "D11",
  },
  {
    name: "hung-disk-still-leads",
    file: "consensus/fitness.ts",
    find: "return persistingSince === null || now - persistingSince < options.stallTicks;",
    replace: "return persistingSince === null || now >= options.stallTicks * 0;",
    about: "A leader whose own disk hangs goes on, as long as the others decide without it.",
    invariant: "L6",
  },
  {
    name: "slow-disk-deposes",
    file: "consensus/fitness.ts",
    find: "return persistingSince === null || now - persistingSince < options.stallTicks;",
    replace: "return persistingSince === null || now - persistingSince < options.pingTicks;",
    about: "A leader gives way as soon as a sync takes longer than usual.",
    invariant: "L4",
  },
  {
    name: "room-never-back",
    file: "consensus/legislator.ts",
    find: "chamber.state.hasRoom = input.hasRoom;",
    replace: "chamber.state.hasRoom &&= input.hasRoom;",
    about: "A node that once had no room never has any again.",
    invariant: "D11",
  },
];
