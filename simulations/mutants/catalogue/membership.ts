/** Slips in who belongs to the republic, and who has a seat. Data only. */
import type { Mutant } from "../mutant.ts";

export const membershipMutants: readonly Mutant[] = [
  {
    name: "changes-before-own-decree",
    file: "consensus/membership.ts",
    find: `if (role.opening === 0 || republic.slot < role.opening || log.endsInStopSign)
return false;`,
    replace: "if (log.endsInStopSign) return false;",
    about: "Changes the government before a decree of the own ballot is decided.",
    invariant: "M2",
  },
  {
    name: "seat-by-id",
    file: "consensus/chamber.ts",
    find: "return this.knows({ id: this.id, cookie: this.options.cookie });",
    replace: "return this.republic.member(this.id) !== null;",
    about: "A seat belongs to an id, not to an incarnation.",
    invariant: "M3",
  },
  {
    name: "heard-by-id",
    file: "consensus/chamber.ts",
    find: "return this.republic.member(id)?.cookie === cookie;",
    replace: "return this.republic.member(id) !== null;",
    about: "Messages count by id, whoever sent them.",
    invariant: "M3",
  },
  {
    name: "exile-never-done",
    file: "consensus/republic.ts",
    find: "this.#left(id);",
    replace: "",
    about: "The next node under an exiled id is exiled as well.",
    invariant: "M4",
  },
];
